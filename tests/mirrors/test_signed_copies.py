"""Who says how many copies there are: a count that the publisher's keys signed, or one that anybody wrote."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from tuf.api.metadata import Metadata, Root

from phonotheque.editions.roots import present_root, propose, rotate
from phonotheque.editions.trust import count_signers
from phonotheque.mirrors.copies import COPIES, BagCopies, Copies, read_copies, write_copies
from phonotheque.mirrors.follow import accepted
from phonotheque.mirrors.home import open_mirror, trust_dir
from phonotheque.mirrors.knowing import Knowing
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.telling_health import update_health
from phonotheque.vault.archive import timestamp
from tests.mirrors.mirror_publisher import ARCHIVE, NOW, Publisher, later
from tests.mirrors.mirror_runs import run
from tests.mirrors.test_reporting import as_archive

pytestmark = pytest.mark.ledger  # a mirror has one


def root_of(publisher: Publisher) -> Root:
    return Metadata[Root].from_bytes((publisher.public / "metadata" / "1.root.json").read_bytes()).signed


def counted(publisher: Publisher, proven: int = 4, *, at: datetime = NOW, signed: bool = True) -> bytes:
    copies = Copies(ARCHIVE, timestamp(at), {"audio-é": BagCopies(9, proven, timestamp(NOW))})
    keys = count_signers(publisher.public / "metadata", publisher.folder / "keys") if signed else ()
    return write_copies(copies, keys)


def changed(data: bytes, change: Callable[[dict[str, Any]], object]) -> bytes:
    value = json.loads(data)
    change(value)
    return json.dumps(value).encode()


def test_what_the_keys_of_the_timestamp_signed_is_signed_in_whatever_writing(publisher: Publisher) -> None:
    data, root = counted(publisher), root_of(publisher)
    assert read_copies(data, root).signed
    assert read_copies(data, root).proven_lately("audio-é", NOW) == 4
    assert read_copies(changed(data, lambda value: None), root).signed
    assert not read_copies(data).signed
    assert read_copies(data).proven_lately("audio-é", NOW) == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda value: value["bags"]["audio-é"].update(proven=5),
        lambda value: value.update(time="2026-11-21T10:15:01Z"),
        lambda value: value.update(more=1),
        lambda value: value["bags"].update(other={"claimed": 0, "proven": 0, "proven_since": None}),
        lambda value: value.pop("signatures"),
        lambda value: value.update(signatures=[]),
        lambda value: value.update(signatures={"a" * 64: "b" * 128}),
        lambda value: value.update(signatures=dict.fromkeys(value["signatures"], "b" * 128)),
        lambda value: value.update(signatures=dict.fromkeys(value["signatures"], "no hex")),
        lambda value: value.update(signatures=dict.fromkeys(value["signatures"], 1)),
        lambda value: value.update(signatures={str(n): "b" * 128 for n in range(101)}),
    ],
)
def test_what_was_changed_is_read_as_what_nobody_signed(
    publisher: Publisher, change: Callable[[dict[str, Any]], object]
) -> None:
    copies = read_copies(changed(counted(publisher), change), root_of(publisher))
    assert not copies.signed
    assert copies.of("audio-é").proven >= 4  # it may steer what is taken
    assert copies.proven_lately("audio-é", NOW) == 0  # and lets nothing be dropped


def test_other_keys_sign_nothing_and_former_ones_no_more(publisher: Publisher, tmp_path: Path) -> None:
    other = Publisher(tmp_path / "other")
    assert not read_copies(counted(other), root_of(publisher)).signed
    before = counted(publisher)
    keys = publisher.folder / "keys"
    present = present_root(publisher.public)
    listed = present.signed.roles["timestamp"].keyids
    propose(publisher.public, keys, rotate(keys, "timestamp", listed), now=NOW)
    newest = Metadata[Root].from_bytes((publisher.public / "metadata" / "2.root.json").read_bytes()).signed
    assert not read_copies(before, newest).signed
    assert read_copies(counted(publisher), newest).signed
    for key in keys.glob("timestamp*.pem"):
        key.rename(tmp_path / key.name)
    assert not read_copies(counted(publisher), newest).signed  # shown all the same


def test_a_signed_count_is_not_displaced_by_what_anybody_wrote(publisher: Publisher, tmp_path: Path) -> None:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000}, wave=0)
    publisher.publish(1)
    mirror = open_mirror(tmp_path / "mirror", str(publisher.folder))
    run(mirror)
    clock = [NOW]
    knowing = Knowing(mirror, open_origin(str(publisher.folder)), print, lambda: clock[0])
    followed = accepted(trust_dir(mirror), now=NOW)
    assert followed is not None

    def known(data: bytes) -> tuple[int, bool]:
        (publisher.public / COPIES).write_bytes(data)
        copies = knowing.copies(followed.edition, ask=True)
        assert copies is not None
        return copies.of("audio-é").proven, copies.signed

    assert known(counted(publisher, 9, at=later(hours=3), signed=False)) == (9, False)
    assert known(counted(publisher, 4)) == (4, True)
    assert known(counted(publisher, 9, at=later(hours=5), signed=False)) == (4, True)
    assert known(counted(publisher, 5, at=later(hours=6))) == (5, True)
    assert known(counted(publisher, 4)) == (5, True)
    clock[0] = later(days=3)  # the publisher signs no more
    assert known(counted(publisher, 9, at=later(days=2), signed=False)) == (9, False)


def test_the_publishers_count_is_signed_and_a_mirror_passes_it_on(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000}, wave=0)
    publisher.publish(1)
    archive = as_archive(publisher)
    with archive.writing("test"):
        update_health(archive, at=NOW)
    data = (publisher.public / COPIES).read_bytes()
    assert read_copies(data, root_of(publisher)).signed
    mirror = open_mirror(tmp_path / "mirror", str(publisher.folder))
    run(mirror)
    assert (mirror.public / COPIES).read_bytes() == data
