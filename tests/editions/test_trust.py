from __future__ import annotations

import hashlib
import http.server
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata
from tuf.ngclient import Updater

from phonotheque.editions.trust import (
    Lifetimes,
    create_keys,
    init_repository,
    publish_targets,
    renew,
    root_fingerprint,
)
from phonotheque.model.errors import PhonothequeError, UsageError, VerificationError

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    create_keys(tmp_path / "keys")
    return tmp_path / "keys"


@pytest.fixture
def public(tmp_path: Path, keys: Path) -> Path:
    init_repository(tmp_path / "public", keys, now=NOW)
    return tmp_path / "public"


def publish(public: Path, keys: Path, number: int, content: bytes, now: datetime = NOW) -> int:
    file = public.parent / f"edition-{number}.json"
    file.write_bytes(content)
    files = {"edition.json": file, f"editions/{number}/edition.json": file}
    return publish_targets(public, keys, files, now=now)


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def plain_client(url: str, public: Path, trust: Path) -> Updater:
    trust.mkdir(exist_ok=True)
    bootstrap = (public / "metadata" / "1.root.json").read_bytes()
    return Updater(str(trust), f"{url}/metadata/", str(trust), f"{url}/targets/", bootstrap=bootstrap)


def test_the_plain_tuf_client_fetches_each_edition(tmp_path: Path, public: Path, keys: Path) -> None:
    with served(public) as url:
        for number in (1, 2):
            publish(public, keys, number, b"edition %d" % number)
            client = plain_client(url, public, tmp_path / "client")
            info = client.get_targetinfo("edition.json")
            assert info is not None
            assert Path(client.download_target(info)).read_bytes() == b"edition %d" % number
        old = client.get_targetinfo("editions/1/edition.json")
        assert old is not None
        assert Path(client.download_target(old)).read_bytes() == b"edition 1"


def test_targets_lie_under_both_names(public: Path, keys: Path) -> None:
    publish(public, keys, 1, b"one")
    digest = hashlib.sha256(b"one").hexdigest()
    for name in ("edition.json", f"{digest}.edition.json"):
        assert (public / "targets" / name).read_bytes() == b"one"
        assert (public / "targets" / "editions" / "1" / name).read_bytes() == b"one"


def test_keys_are_private_and_never_replaced(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    create_keys(keys)
    before = {path.name: path.read_bytes() for path in keys.iterdir()}
    assert set(before) == {"root.pem", "targets.pem", "snapshot.pem", "timestamp.pem"}
    assert stat.S_IMODE(keys.stat().st_mode) == 0o700
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in keys.iterdir())
    (keys / "timestamp.pem").unlink()
    create_keys(keys)
    after = {path.name: path.read_bytes() for path in keys.iterdir()}
    assert {name for name in before if before[name] != after[name]} == {"timestamp.pem"}


def test_same_state_and_time_give_the_same_bytes(tmp_path: Path, keys: Path) -> None:
    trees = []
    for name in ("a", "b"):
        root = tmp_path / name
        root.mkdir()
        init_repository(root / "public", keys, now=NOW)
        publish(root / "public", keys, 1, b"one")
        trees.append({p.relative_to(root): p.read_bytes() for p in root.rglob("*") if p.is_file()})
    assert trees[0] == trees[1]


def test_publishing_the_same_again_changes_nothing(public: Path, keys: Path) -> None:
    version = publish(public, keys, 1, b"one")
    before = sorted(p.name for p in (public / "metadata").iterdir())
    assert publish(public, keys, 1, b"one", NOW + timedelta(days=1)) == version
    assert sorted(p.name for p in (public / "metadata").iterdir()) == before


def test_an_interrupted_publication_is_invisible_and_repeatable(
    tmp_path: Path, public: Path, keys: Path
) -> None:
    publish(public, keys, 1, b"one")
    timestamp = (public / "metadata" / "timestamp.json").read_bytes()
    publish(public, keys, 2, b"two")
    done = {p.name: p.read_bytes() for p in (public / "metadata").iterdir()}
    (public / "metadata" / "timestamp.json").write_bytes(timestamp)  # as if killed just before the last step
    with served(public) as url:
        info = plain_client(url, public, tmp_path / "client").get_targetinfo("edition.json")
        assert info is not None
        assert info.hashes["sha256"] == hashlib.sha256(b"one").hexdigest()
    publish(public, keys, 2, b"two")
    assert {p.name: p.read_bytes() for p in (public / "metadata").iterdir()} == done


def test_renewal_signs_only_what_expires_soon(public: Path, keys: Path) -> None:
    publish(public, keys, 1, b"one")
    assert renew(public, keys, now=NOW) == ()
    assert renew(public, keys, now=NOW + timedelta(days=80)) == ("timestamp",)
    assert renew(public, keys, now=NOW + timedelta(days=390)) == ("targets", "snapshot", "timestamp")
    timestamp = Metadata.from_file(str(public / "metadata" / "timestamp.json")).signed
    assert timestamp.expires == NOW + timedelta(days=390) + Lifetimes().timestamp


def test_a_second_init_and_a_missing_key_are_refused(public: Path, keys: Path) -> None:
    with pytest.raises(UsageError, match="signed already"):
        init_repository(public, keys, now=NOW)
    (keys / "targets.pem").unlink()
    with pytest.raises(PhonothequeError, match=r"targets\.pem is missing"):
        publish(public, keys, 1, b"one")
    (keys / "targets.pem").write_text("-----BEGIN nothing")
    with pytest.raises(PhonothequeError, match=r"targets\.pem cannot be read"):
        publish(public, keys, 1, b"one")


@pytest.mark.parametrize("name", ["1.root.json", "timestamp.json", "1.snapshot.json", "1.targets.json"])
def test_damaged_metadata_is_not_signed_over(public: Path, keys: Path, name: str) -> None:
    path = public / "metadata" / name
    path.write_bytes(path.read_bytes().replace(b'"sig":"', b'"sig":"00', 1))
    with pytest.raises(VerificationError, match=name):
        publish(public, keys, 1, b"one")
    path.unlink()
    with pytest.raises(VerificationError, match=f"{name} is missing"):
        publish(public, keys, 1, b"one")


def test_targets_stay_inside_the_tree(public: Path, keys: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(UsageError, match="cannot be published"):
        publish_targets(public, keys, {"../file": tmp_path / "file"}, now=NOW)


def test_the_fingerprint_is_what_sha256sum_prints(public: Path) -> None:
    data = (public / "metadata" / "1.root.json").read_bytes()
    assert root_fingerprint(data) == hashlib.sha256(data).hexdigest()
