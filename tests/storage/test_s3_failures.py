"""What object storage and the network do half-way, with a real server: nothing is lost, nothing believed."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from phonotheque.model.errors import (
    NetworkError,
    NotFoundError,
    PhonothequeError,
    UsageError,
    VerificationError,
)
from phonotheque.model.progress import QUIET
from phonotheque.model.settings import StorageSettings
from phonotheque.vault.storage.base import Item, PlaceGoneError, Storage
from phonotheque.vault.storage.s3 import S3Storage
from phonotheque.vault.storage.s3_client import MEBIBYTE, S3Options
from phonotheque.vault.transfers import read_back, send
from tests.storage.proxy import Proxy, Trouble, status
from tests.storage.server import REGION, Server

PART = 5 * MEBIBYTE  # the least that Swift allows
SMALL = b"sound" * 40_000
READING = r"GET /[^?]*flac"
SETTINGS = StorageSettings()

pytestmark = pytest.mark.xdist_group("swift")


@pytest.fixture
def storage(server: Server, proxy: Proxy) -> S3Storage:
    """A storage behind a proxy that does no harm yet."""
    options = S3Options(
        endpoint=proxy.url, region=REGION, attempts=3, connect_timeout=5, read_timeout=5, part=PART
    )
    return S3Storage(server.make_bucket(), "archive", options)


def large(seed: int = 0) -> bytes:
    """Return three parts of bytes."""
    return hashlib.shake_256(bytes([seed])).digest(2 * PART + 1000)


MakeItem = Callable[[bytes], Item]


@pytest.fixture
def item(tmp_path: Path) -> MakeItem:
    """A function that writes a file to be put under one key."""

    def make(data: bytes) -> Item:
        (tmp_path / "file").write_bytes(data)
        return Item("a b.flac", tmp_path / "file", len(data), hashlib.sha256(data).hexdigest())

    return make


def content(storage: Storage) -> bytes:
    """Return what is under that key."""
    return b"".join(storage.read("a b.flac"))


def put(storage: Storage, item: Item) -> bool:
    """Put without looking on."""
    return storage.put(item, lambda _: None)


ONCE = {
    "busy": Trouble("PUT", times=2, answer=status(503, "SlowDown")),
    "an error": Trouble("PUT", times=2, answer=status(500, "InternalError")),
    "cut while sending": Trouble("PUT", cut_up=100_000),
    "cut before anything": Trouble("PUT", cut_up=0),
    "the answer is cut": Trouble("PUT", cut_down=0),
    "the answer is lost": Trouble("PUT", lose=True),
    "a byte is changed": Trouble("PUT", flip_up=100_000),
    "silence": Trouble("PUT", silent=True),
}


@pytest.mark.parametrize("what", ONCE)
@pytest.mark.parametrize("data", [SMALL, large()], ids=["small", "large"])
def test_what_goes_wrong_once_is_done_again(
    storage: S3Storage, proxy: Proxy, item: MakeItem, data: bytes, what: str
) -> None:
    trouble = ONCE[what]
    proxy.trouble(
        Trouble(**{name: getattr(trouble, name) for name in Trouble.__dataclass_fields__})  # not the same one
    )
    assert put(storage, item(data))
    assert proxy.happened >= 1
    assert content(storage) == data
    assert storage.tidy("") == 0


def test_what_goes_wrong_always_is_named_and_leaves_nothing(
    storage: S3Storage, proxy: Proxy, item: MakeItem
) -> None:
    proxy.trouble(Trouble("PUT", times=99, answer=status(503, "SlowDown")))
    with pytest.raises(NetworkError, match=r"s3://.*/archive/a b\.flac.*503 SlowDown"):
        put(storage, item(SMALL))
    assert storage.stat("a b.flac") is None


@pytest.mark.parametrize("data", [SMALL, large()], ids=["small", "large"])
def test_bytes_changed_on_the_way_never_appear(
    storage: S3Storage, proxy: Proxy, item: MakeItem, data: bytes
) -> None:
    put(storage, item(b"as it was"))
    proxy.trouble(Trouble("PUT", times=99, flip_up=77))
    with pytest.raises(VerificationError, match=r"a b\.flac arrived damaged"):
        put(storage, item(data))
    assert proxy.happened == 4
    assert content(storage) == b"as it was"


def test_an_interrupted_upload_goes_on_where_it_was(storage: S3Storage, proxy: Proxy, item: MakeItem) -> None:
    proxy.trouble(Trouble("PUT .*partNumber=3", times=3, answer=status(500, "InternalError")))
    with pytest.raises(NetworkError):
        put(storage, item(large()))
    assert storage.stat("a b.flac") is None
    assert proxy.count("PUT .*partNumber=1") == 1
    sent: list[int] = []
    storage.put(item(large()), sent.append)
    assert sum(sent) == len(large())
    assert [proxy.count(f"PUT .*partNumber={number}") for number in (1, 2, 3)] == [1, 1, 4]
    assert content(storage) == large()
    assert storage.tidy("") == 0


def test_parts_of_another_file_are_not_gone_on_with(storage: S3Storage, proxy: Proxy, item: MakeItem) -> None:
    proxy.trouble(Trouble("PUT .*partNumber=2", times=3, answer=status(500, "InternalError")))
    with pytest.raises(NetworkError):
        put(storage, item(large(1)))
    put(storage, item(large(2)))
    assert content(storage) == large(2)
    assert storage.tidy("") == 0


def test_interrupted_uploads_are_given_up_when_nobody_goes_on(
    storage: S3Storage, proxy: Proxy, item: MakeItem
) -> None:
    proxy.trouble(Trouble("PUT .*partNumber=2", times=3, answer=status(500, "InternalError")))
    with pytest.raises(NetworkError):
        put(storage, item(large()))
    assert storage.tidy("other/") == 0
    assert storage.tidy("") == 1
    assert storage.tidy("") == 0


def test_an_upload_is_complete_though_the_answer_was_lost(
    storage: S3Storage, proxy: Proxy, item: MakeItem
) -> None:
    proxy.trouble(Trouble("POST .*uploadId=", lose=True))
    assert put(storage, item(large()))
    assert proxy.happened == 1
    assert content(storage) == large()
    assert storage.tidy("") == 0


@pytest.mark.parametrize(
    "trouble",
    [Trouble(READING, times=2, cut_down=300_000), Trouble("GET", answer=status(503, "SlowDown"))],
    ids=["cut", "busy"],
)
def test_reading_goes_on_where_it_broke_off(
    storage: S3Storage, proxy: Proxy, item: MakeItem, trouble: Trouble
) -> None:
    put(storage, item(large()))
    proxy.trouble(trouble)
    assert content(storage) == large()
    assert proxy.happened >= 1


def test_reading_that_breaks_off_always_ends(storage: S3Storage, proxy: Proxy, item: MakeItem) -> None:
    put(storage, item(SMALL))
    proxy.trouble(Trouble("GET", times=99, cut_down=0))
    with pytest.raises(NetworkError, match=r"a b\.flac"):
        content(storage)


def test_reading_does_not_go_on_in_another_object(
    storage: S3Storage, server: Server, proxy: Proxy, item: MakeItem
) -> None:
    put(storage, item(large(1)))
    other = S3Storage(storage.url.split("/")[2], "archive", S3Options(endpoint=server.url, region=REGION))

    def replaced(line: str) -> None:
        if re.search(READING, line) and proxy.count(READING) == 1:
            put(other, item(large(2)))

    proxy.on_request = replaced
    proxy.trouble(Trouble(READING, cut_down=300_000))
    with pytest.raises(VerificationError, match="was replaced while it was read"):
        content(storage)


def test_a_byte_changed_while_it_is_read_is_not_damage_of_the_object(
    storage: S3Storage, proxy: Proxy, item: MakeItem
) -> None:
    there = item(SMALL)
    put(storage, there)
    proxy.trouble(Trouble("GET", flip_down=1000))
    assert read_back(storage, there.key, there.size, there.sha256) is None
    assert proxy.happened == 1
    proxy.trouble(Trouble("GET", times=99, flip_down=1000))
    finding = read_back(storage, there.key, there.size, there.sha256)
    assert finding is not None
    assert (finding.what, finding.path) == ("damaged", there.key)


@pytest.mark.parametrize("name", ["AccessDenied", "InvalidObjectState"])
def test_what_is_refused_is_not_absent(storage: S3Storage, proxy: Proxy, item: MakeItem, name: str) -> None:
    there = item(SMALL)
    put(storage, there)
    proxy.trouble(Trouble("GET|HEAD", times=99, answer=status(403, name)))
    with pytest.raises(PhonothequeError, match="403") as refused:
        storage.stat(there.key)
    assert not isinstance(refused.value, NotFoundError | NetworkError)
    with pytest.raises(PhonothequeError, match="403"):
        list(storage.list(""))
    finding = read_back(storage, there.key, there.size, there.sha256)
    assert finding is not None
    assert finding.what == "unreadable"


def test_what_cannot_be_reached_is_not_absent(storage: S3Storage, proxy: Proxy, item: MakeItem) -> None:
    there = item(SMALL)
    put(storage, there)
    proxy.trouble(Trouble(times=999, cut_up=0))
    for ask in (storage.check, lambda: storage.stat(there.key), lambda: list(storage.list(""))):
        with pytest.raises(NetworkError):
            ask()
    with pytest.raises(NetworkError):
        read_back(storage, there.key, there.size, there.sha256)


def test_wrong_credentials_are_said_to_be_wrong(storage: S3Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not-this-one")
    with pytest.raises(PhonothequeError, match="403") as refused:
        storage.check()
    assert "credentials" in refused.value.advice
    assert "not-this-one" not in str(refused.value)


def test_no_credentials_are_missed(storage: S3Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(UsageError) as refused:
        storage.check()
    assert "AWS_ACCESS_KEY_ID" in refused.value.advice


def test_what_is_there_already_is_read_not_sent(storage: S3Storage, proxy: Proxy, item: MakeItem) -> None:
    there = item(SMALL)
    send(storage, [there], {}, SETTINGS, QUIET)
    puts, gets = proxy.count("PUT"), proxy.count(READING)
    send(storage, [there], {stored.key: stored for stored in storage.list("")}, SETTINGS, QUIET)
    assert proxy.count("PUT") == puts
    assert proxy.count(READING) == gets + 1


def test_what_others_put_there_is_not_overwritten(storage: S3Storage, item: MakeItem) -> None:
    put(storage, item(b"another archive's"))
    there = {stored.key: stored for stored in storage.list("")}
    with pytest.raises(VerificationError, match=r"a b\.flac is there already"):
        send(storage, [item(SMALL)], there, SETTINGS, QUIET)
    assert content(storage) == b"another archive's"


def test_checksums_that_the_server_states_are_believed_only_if_asked(
    storage: S3Storage, proxy: Proxy, item: MakeItem
) -> None:
    send(storage, [item(SMALL)], {}, StorageSettings(verify="stated"), QUIET)
    assert proxy.count(READING) == 0
    send(storage, [item(SMALL)], {}, StorageSettings(verify="read"), QUIET)
    assert proxy.count(READING) == 1


def test_a_server_may_give_parts_tags_of_its_own(storage: S3Storage, item: MakeItem) -> None:
    given: dict[str, str] = {}  # as where objects are encrypted by keys: the ETag is no MD5

    def hide(parsed: dict[str, str], **_: object) -> None:
        given[f"kms-{len(given)}"] = parsed["ETag"]
        parsed["ETag"] = f'"kms-{len(given) - 1}"'

    def restore(params: dict[str, Any], **_: object) -> None:
        for part in params["MultipartUpload"]["Parts"]:
            part["ETag"] = given[part["ETag"]]

    events = storage._bucket.client.meta.events
    events.register("after-call.s3.UploadPart", hide)
    events.register("provide-client-params.s3.CompleteMultipartUpload", restore)
    put(storage, item(large()))
    assert len(given) == 3
    assert content(storage) == large()


def test_a_bucket_that_is_gone_is_not_a_missing_file(storage: S3Storage, item: MakeItem) -> None:
    there = item(SMALL)
    gone = S3Storage("no-such-bucket", "", storage.options)
    with pytest.raises(PlaceGoneError):
        gone.stat(there.key)
    with pytest.raises(PlaceGoneError):
        read_back(gone, there.key, there.size, there.sha256)
    finding = read_back(storage, there.key, there.size, there.sha256)
    assert finding is not None
    assert finding.what == "missing"
