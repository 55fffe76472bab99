"""One suite for every storage: what is promised of one holds for all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.vault.storage.base import Item, Storage
from phonotheque.vault.storage.folder import FolderStorage
from phonotheque.vault.storage.s3 import S3Storage
from phonotheque.vault.storage.s3_client import MEBIBYTE, S3Options
from tests.storage.server import REGION, Server

LARGE = 11 * MEBIBYTE + 77  # three parts
KEYS = ("bag/data/Ärtist & Co/01 Étude “x”? #%.flac", "bag/bagit.txt", "bag-2/bagit.txt", "a+b c")


@pytest.fixture(params=["folder", "s3"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    """Each storage there is, empty."""
    if request.param == "folder":
        (tmp_path / "storage").mkdir()
        return FolderStorage(tmp_path / "storage")
    server: Server = request.getfixturevalue("server")
    request.getfixturevalue("credentials")
    options = S3Options(endpoint=server.url, region=REGION, part=5 * MEBIBYTE)
    return S3Storage(server.make_bucket(), "our/archive", options)


MakeItem = Callable[..., Item]


@pytest.fixture
def item(tmp_path: Path) -> MakeItem:
    """A function that writes a file and says what it is."""

    def make(key: str, data: bytes, sha256: str | None = None) -> Item:
        file = tmp_path / hashlib.sha256(key.encode()).hexdigest()
        file.write_bytes(data)
        return Item(key, file, len(data), sha256 or hashlib.sha256(data).hexdigest())

    return make


def put(storage: Storage, item: Item) -> bool:
    """Put without looking on."""
    return storage.put(item, lambda _: None)


def content(storage: Storage, key: str) -> bytes:
    """Return a whole object."""
    return b"".join(storage.read(key))


@pytest.mark.parametrize("key", KEYS)
def test_what_is_put_is_read(storage: Storage, item: MakeItem, key: str) -> None:
    put(storage, item(key, b"sound" * 1000))
    assert content(storage, key) == b"sound" * 1000
    stored = storage.stat(key)
    assert stored is not None
    assert (stored.key, stored.size) == (key, 5000)


def test_an_empty_file_is_a_file(storage: Storage, item: MakeItem) -> None:
    put(storage, item("empty", b""))
    assert content(storage, "empty") == b""
    assert [stored.size for stored in storage.list("")] == [0]


def test_large_files_are_whole(storage: Storage, item: MakeItem) -> None:
    data = bytes(range(251)) * (LARGE // 251) + b"x"
    sent: list[int] = []
    large = item("large", data)
    storage.put(large, sent.append)
    assert sum(sent) == len(data)
    assert hashlib.sha256(content(storage, "large")).hexdigest() == large.sha256
    assert storage.tidy("") == 0  # nothing is left of sending it


@pytest.mark.parametrize(
    ("start", "length"), [(0, 1), (3, 4), (0, None), (7, None), (8, 100), (10, 5), (99, None), (2, 0)]
)
def test_ranges(storage: Storage, item: MakeItem, start: int, length: int | None) -> None:
    put(storage, item("ten", b"0123456789"))
    end = None if length is None else start + length
    assert b"".join(storage.read("ten", start, length)) == b"0123456789"[start:end]


def test_what_is_absent_is_absent(storage: Storage, item: MakeItem) -> None:
    put(storage, item("folder/file", b"x"))
    for key in ("nothing", "folder", "folder/fil", "folder/file/more"):
        assert storage.stat(key) is None
        with pytest.raises(NotFoundError, match=key):
            content(storage, key)
    assert list(storage.list("nothing/")) == []
    storage.delete("nothing")


def test_listing_goes_by_prefix(storage: Storage, item: MakeItem) -> None:
    for key in KEYS:
        put(storage, item(key, key.encode()))
    assert sorted(stored.key for stored in storage.list("")) == sorted(KEYS)
    assert sorted(stored.key for stored in storage.list("bag/")) == sorted(KEYS[:2])
    assert {stored.size for stored in storage.list("bag-2/")} == {len(KEYS[2])}


def test_putting_replaces(storage: Storage, item: MakeItem) -> None:
    old, new = item("timestamp.json", b"1"), item("timestamp.json", b"22")
    put(storage, Item(old.key, new.file, new.size, new.sha256))
    put(storage, item("timestamp.json", b"333"))
    assert content(storage, "timestamp.json") == b"333"
    assert len(list(storage.list(""))) == 1


def test_deleting(storage: Storage, item: MakeItem) -> None:
    put(storage, item("a/b/c", b"x"))
    storage.delete("a/b/c")
    assert storage.stat("a/b/c") is None
    assert list(storage.list("")) == []


@pytest.mark.parametrize("size", [1000, LARGE])
def test_a_file_that_is_not_what_it_should_be_never_appears(
    storage: Storage, item: MakeItem, size: int
) -> None:
    put(storage, item("key", b"as it was"))
    wrong = item("other", b"w" * size, sha256="0" * 64)
    with pytest.raises(VerificationError, match=str(wrong.file)):
        put(storage, Item("key", wrong.file, size, wrong.sha256))
    assert content(storage, "key") == b"as it was"
    assert storage.tidy("") == 0


@pytest.mark.parametrize("size", [0, 1000, LARGE])
def test_a_file_is_known_again(storage: Storage, item: MakeItem, size: int) -> None:
    there = item("key", b"w" * size)
    put(storage, there)
    (stored,) = storage.list("")
    assert storage.matches(stored, there)
    other = item("other", b"v" * size + b"v" * (size == 0))
    assert not storage.matches(stored, Item("key", other.file, other.size, other.sha256))


def test_a_storage_that_is_not_there_is_not_an_empty_one(storage: Storage, tmp_path: Path) -> None:
    storage.check()
    gone: Storage
    if isinstance(storage, FolderStorage):
        gone = FolderStorage(tmp_path / "nowhere")
    else:
        assert isinstance(storage, S3Storage)
        gone = S3Storage("no-such-bucket", "", storage.options)
    with pytest.raises(NotFoundError, match=r"nowhere|no-such-bucket"):
        gone.check()
    with pytest.raises(NotFoundError):
        list(gone.list(""))
