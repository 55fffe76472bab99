"""Public trees that are corrupted or hostile: exit code 4, the file named, nothing taken."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from phonotheque.editions.bencode import decode, encode
from phonotheque.editions.edition import BagEntry, Edition, read_edition, write_edition
from phonotheque.editions.torrent import build_torrent
from phonotheque.editions.trust import create_keys, init_repository, publish_targets
from phonotheque.model.bags import SealedBag, SealedFile
from phonotheque.vault.hashing import hash_file
from phonotheque.vault.names import order
from tests.endtoend.commands import LOOPBACK, Done, findings, phono
from tests.endtoend.final_states import tree
from tests.endtoend.kill_rounds import Bases
from tests.endtoend.promises import broken, sha256
from tests.postgresql import copy_tree

pytestmark = pytest.mark.xdist_group("bases")
BAG = "kills-0001-0001"
NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)

Attack = Callable[[Path], None]  # on an archive whose public tree is then mirrored


def flip(path: Path, at: int = -1) -> None:
    """Invert a byte of a file, which may be read-only and a link to somebody's master."""
    data = bytearray(path.read_bytes())
    data[at] ^= 0xFF
    path.unlink()
    path.write_bytes(data)


def edition_of(archive: Path) -> Edition:
    return read_edition((archive / "public" / "targets" / "edition.json").read_bytes())


def sign(archive: Path, edition: Edition) -> None:
    """Publish an edition with the publisher's own keys: valid, whatever is in it."""
    file = archive / "edition.json"
    file.write_bytes(write_edition(edition))
    names = {"edition.json": file, f"editions/{edition.number}/edition.json": file}
    publish_targets(archive / "public", archive / "keys", names, now=NOW)


def relist(archive: Path, torrent: bytes, infohashes: tuple[str, str], **changes: Any) -> None:
    """Put a torrent in the place of the bag's, list it as it is, and sign that."""
    edition = edition_of(archive)
    entry = bag_entry(edition)
    (archive / "public" / "targets" / entry.torrent.path).write_bytes(torrent)
    listed = replace(
        entry.torrent,
        size=len(torrent),
        sha256=hashlib.sha256(torrent).hexdigest(),
        infohash_v1=infohashes[0],
        infohash_v2=infohashes[1],
    )
    hostile = replace(entry, torrent=listed, **changes)
    sign(archive, replace(edition, bags=tuple(hostile if bag is entry else bag for bag in edition.bags)))


def bag_entry(edition: Edition) -> BagEntry:
    (entry,) = [bag for bag in edition.bags if bag.id == BAG]
    return entry


def forged_signature(archive: Path) -> None:
    timestamp = archive / "public" / "metadata" / "timestamp.json"
    text = timestamp.read_text()
    at = text.index('"sig":') + 10
    timestamp.write_text(text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :])


def another_edition(archive: Path) -> None:
    for path in (archive / "public" / "targets").glob("*edition.json"):
        path.write_bytes(path.read_bytes().replace(b'"wave": 1', b'"wave": 2'))


def other_keys(archive: Path) -> None:
    """Sign the same edition with keys of somebody else, but leave the publisher's root."""
    public = archive / "public"
    root = (public / "metadata" / "1.root.json").read_bytes()
    edition = edition_of(archive)
    shutil.rmtree(public / "metadata")
    shutil.rmtree(archive / "keys")
    create_keys(archive / "keys")
    init_repository(public, archive / "keys", now=NOW)
    sign(archive, edition)
    (public / "metadata" / "1.root.json").write_bytes(root)


def swapped_torrent(archive: Path) -> None:
    folder = archive / "public" / "targets" / "editions" / "1" / "torrents"
    shutil.copyfile(folder / "kills-0001-catalogue.torrent", folder / f"{BAG}.torrent")


def climbing_torrent(archive: Path) -> None:
    entry = bag_entry(edition_of(archive))
    torrent: Any = decode((archive / "public" / "targets" / entry.torrent.path).read_bytes())
    files = torrent[b"info"][b"file tree"]
    files[b".."] = {b"escaped": files.pop(b"README.txt")}
    torrent[b"info"][b"file tree"] = dict(sorted(files.items()))
    info = encode(torrent[b"info"])
    relist(archive, encode(torrent), (hashlib.sha1(info).hexdigest(), hashlib.sha256(info).hexdigest()))


def climbing_manifest(archive: Path) -> None:
    """Let a bag's manifest speak of a file outside of it, and its torrent and edition agree with that."""
    folder = archive / "vault" / "bags" / BAG
    manifest, tags = folder / "manifest-sha256.txt", folder / "tagmanifest-sha256.txt"
    before = sha256(manifest)
    replace_text(manifest, manifest.read_text() + f"{'0' * 64}  data/../../../escaped\n")
    replace_text(tags, tags.read_text().replace(before, sha256(manifest)))
    names = sorted(tree(folder), key=order)
    files = tuple(SealedFile(name, hash_file(folder / name)) for name in names)
    entry = bag_entry(edition_of(archive))
    sealed = SealedBag(BAG, files, entry.payload_bytes, entry.payload_files)
    torrent = build_torrent(sealed, created_by="somebody", creation_date=None)
    infohashes = (torrent.infohash_v1, torrent.infohash_v2)
    relist(archive, torrent.data, infohashes, bytes=sealed.size, tagmanifest_sha256=sha256(tags))


def replace_text(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def payload(archive: Path) -> Path:
    return min((archive / "vault" / "bags" / BAG / "data").rglob("*.flac"))


def damaged_music(archive: Path) -> None:
    flip(payload(archive), at=1000)


def link_out_of_the_tree(archive: Path) -> None:
    path = payload(archive)
    path.unlink()
    path.symlink_to("/etc/hostname")


ATTACKS: dict[str, tuple[Attack, str, str]] = {
    "a forged signature": (forged_signature, "timestamp.json", "does not verify"),
    "another edition.json": (another_edition, "edition.json", "is not what targets.json lists"),
    "signed by others": (other_keys, "timestamp.json", "does not verify"),
    "another torrent": (swapped_torrent, f"editions/1/torrents/{BAG}.torrent", "larger than the"),
    "a torrent that climbs": (climbing_torrent, f"editions/1/torrents/{BAG}.torrent", "'..'"),
    "a manifest that climbs": (climbing_manifest, "manifest-sha256.txt", "data/../../../escaped"),
    "damaged music": (damaged_music, "01 Étude 1.flac", "damaged"),
    "a link to elsewhere": (link_out_of_the_tree, "01 Étude 1.flac", "damaged"),
}


@pytest.fixture
def archive(bases: Bases, tmp_path: Path) -> Path:
    """An archive with edition 1 published."""
    copy_tree(bases.base("publish") / "archive", tmp_path / "archive")
    return tmp_path / "archive"


def mirror(origin: Path, folder: Path, code: int) -> Done:
    done = phono("mirror", origin, folder, "--budget", "1GB", "--once", *LOOPBACK, code=code)
    assert broken(folder) == []
    assert findings(folder) == []
    return done


@pytest.mark.parametrize("name", ATTACKS)
def test_a_hostile_tree_is_refused_by_name(archive: Path, tmp_path: Path, name: str) -> None:
    attack, named, why = ATTACKS[name]
    attack(archive)
    said = mirror(archive, tmp_path / "mirror", code=4).err
    assert named in said
    assert why in said
    assert not (tmp_path / "mirror" / "vault" / "bags" / BAG).exists()
    assert not (tmp_path / "mirror" / "public" / "bags" / BAG).exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "mirror"]
    assert not list(tmp_path.rglob("escaped"))


@pytest.mark.parametrize("what", ["timestamp.json", "edition.json"])
def test_what_goes_back_is_refused_and_what_is_held_stays(
    bases: Bases, archive: Path, tmp_path: Path, what: str
) -> None:
    """The whole tree as it was, or an older edition signed anew by the publisher."""
    origin = tmp_path / "origin"
    copy_tree(bases.base("done") / "archive", origin)
    mirror(origin, tmp_path / "mirror", code=0)
    held = tree(tmp_path / "mirror" / "vault")
    if what == "timestamp.json":
        shutil.rmtree(origin / "public")
        shutil.copytree(archive / "public", origin / "public", symlinks=True)
    else:
        sign(origin, edition_of(archive))
    said = mirror(origin, tmp_path / "mirror", code=4).err
    assert what in said
    assert tree(tmp_path / "mirror" / "vault") == held
