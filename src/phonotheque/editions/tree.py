"""The public tree's small files as a torrent, and the signpost that leads to it; both lie in the tree, too.

Small files are the metadata, the editions, the index and the torrents: all that a mirror needs to follow and
to find bags. What is for some countries only is not among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Snapshot, Targets, Timestamp

from phonotheque.editions.edition import read_edition
from phonotheque.editions.keys import SIGNPOST, load_private
from phonotheque.editions.shelves import RESTRICTED
from phonotheque.editions.signpost import Directions, Signpost, make_signpost, write_signpost
from phonotheque.editions.torrent import Torrent, build_torrent
from phonotheque.editions.trust import newest_root, root_fingerprint
from phonotheque.model.bags import SealedBag, SealedFile
from phonotheque.vault.hashing import hash_file
from phonotheque.vault.names import order
from phonotheque.vault.place import write_durably

NAME = "public"  # the folder in the torrent, as it is called in an archive
ITEM, TORRENT = "signpost.item", "signpost.torrent"  # in the public tree
SIGNPOSTS = "signposts"  # in targets.json, under edition.json's “custom”: public keys, in hex
_MADE_BY = "Phonotheque"


def signpost_key(keys_dir: Path) -> str | None:
    """Return the public key by which an archive is found, in hex; None if it has none."""
    path = keys_dir / f"{SIGNPOST}.pem"
    return load_private(path).public_key().public_bytes_raw().hex() if path.exists() else None


def named_signposts(keys_dir: Path) -> dict[str, dict[str, object]]:
    """Return what is signed with ``edition.json`` to bind the archive to that key, if there is one."""
    key = signpost_key(keys_dir)
    return {"edition.json": {SIGNPOSTS: [key]}} if key else {}


def put_up_signpost(public: Path, keys_dir: Path, trackers: Sequence[str] = ()) -> Signpost | None:
    """Make the torrent and the signpost of the tree as it is now; None if there is no key for that.

    Its sequence number is the version of TUF's timestamp, which every change of the tree raises.
    """
    if not (keys_dir / f"{SIGNPOST}.pem").exists():
        return None
    torrent = tree_torrent(public, trackers)
    root = (public / "metadata" / "1.root.json").read_bytes()
    version = _timestamp(public).signed.version
    directions = Directions(torrent.infohash_v1, root_fingerprint(root))
    post = make_signpost(load_private(keys_dir / f"{SIGNPOST}.pem"), version, directions)
    for name, data in ((TORRENT, torrent.data), (ITEM, write_signpost(post))):
        place = public / name
        if not place.exists() or place.read_bytes() != data:
            write_durably(place, data)
    return post


def tree_torrent(public: Path, trackers: Sequence[str] = ()) -> Torrent:
    """Return the torrent of a tree's small files. The same files give the same infohashes everywhere."""
    paths = sorted(tree_files(public), key=order)
    files = [SealedFile(path, hash_file(public / path)) for path in paths]
    size = sum(file.hashes.size for file in files)
    bag = SealedBag(NAME, tuple(files), size, len(files))
    return build_torrent(bag, trackers=trackers, created_by=_MADE_BY, creation_date=None)


def tree_files(public: Path) -> list[str]:
    """Return the paths of a signed tree's small files, as far as they are there."""
    timestamp = _timestamp(public)
    snapshot: Metadata[Snapshot] = _read(public, f"{timestamp.signed.snapshot_meta.version}.snapshot.json")
    version = snapshot.signed.meta["targets.json"].version
    targets: Metadata[Targets] = _read(public, f"{version}.targets.json")
    roots = [f"{number}.root.json" for number in range(1, newest_root(public / "metadata") + 1)]
    names = [*roots, f"{snapshot.signed.version}.snapshot.json", f"{version}.targets.json", "timestamp.json"]
    paths = [f"metadata/{name}" for name in names]
    for path, target in targets.signed.targets.items():
        folder, slash, name = path.rpartition("/")
        paths.append(f"targets/{folder}{slash}{target.hashes['sha256']}.{name}")
        if path == "edition.json":
            edition = read_edition((public / paths[-1]).read_bytes())
            paths += [f"targets/{table.path}" for table in edition.tables]
            paths += [f"targets/{bag.torrent.path}" for bag in edition.bags]
    return [path for path in paths if RESTRICTED not in path.split("/") and (public / path).is_file()]


def _timestamp(public: Path) -> Metadata[Timestamp]:
    return _read(public, "timestamp.json")


def _read(public: Path, name: str) -> Metadata[Any]:
    return Metadata.from_bytes((public / "metadata" / name).read_bytes())
