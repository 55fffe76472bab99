"""A mirror's own public tree: the publisher's bytes, verbatim, so that the mirror can be mirrored.

Order: bags as they are complete, then targets, then metadata, and TUF's timestamp last.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, Targets

from phonotheque.editions.edition import MAX_EDITION_BYTES
from phonotheque.editions.shelves import BAGS, RESTRICTED, bags_folder
from phonotheque.mirrors.follow import EDITION, Followed
from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.mirrors.origins import first_right
from phonotheque.model.errors import NetworkError, NotFoundError, VerificationError
from phonotheque.model.progress import Progress
from phonotheque.vault.place import fsync_dir, naming, replace_durably, write_durably

_OLD_EDITION = re.compile(rf"editions/[1-9][0-9]{{0,17}}/{re.escape(EDITION)}")


def publish_bag(public: Path, bag: str, audience: str) -> None:
    """Show a complete bag in the place for its audience, by a link."""
    shown = bags_folder(audience)
    link = public / shown / bag
    goal = Path(*[".."] * (shown.count("/") + 2), "vault", "bags", bag)
    if link.is_symlink() and link.readlink() == goal:
        return
    link.parent.mkdir(parents=True, exist_ok=True)
    fresh = link.with_name(".link")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(goal)
    try:
        fresh.replace(link)
    finally:
        fresh.unlink(missing_ok=True)  # it leads to all of the bag
    fsync_dir(link.parent)


def unpublish_bag(public: Path, bag: str) -> None:
    """Stop showing a bag, wherever it is shown; its files stay."""
    for folder in shown_in(public):
        link = folder / bag
        if link.is_symlink():
            link.unlink()
            fsync_dir(link.parent)


def shown_in(public: Path) -> list[Path]:
    """Return the folders in which bags are shown, as far as there are any, by links."""
    return [folder / BAGS for folder in (public, *_shelves(public))]


def unpublish_torrent(public: Path, bag: str, edition: int | None) -> None:
    """Stop showing the torrent of a bag that an edition added; None for any."""
    for targets in sorted((public / "targets" / "editions").glob(str(edition or "*"))):
        for folder in (targets / "torrents", *_shelves(targets)):
            torrent = folder / f"{bag}.torrent"
            if torrent.exists():
                torrent.unlink()
                fsync_dir(folder)


def _shelves(folder: Path) -> list[Path]:
    restricted = folder / RESTRICTED
    return sorted(restricted.iterdir()) if restricted.is_dir() else []


def read_target(public: Path, path: str, sha256: str) -> bytes | None:
    """Return a target kept before, None if it is not there or not right any more."""
    try:
        data = (public / "targets" / path).read_bytes()
    except FileNotFoundError:
        return None
    return data if hashlib.sha256(data).hexdigest() == sha256 else None


def keep_target(public: Path, path: str, data: bytes) -> None:
    """Keep a small target that was verified."""
    place = public / "targets" / path
    place.parent.mkdir(parents=True, exist_ok=True)
    write_durably(place, data)


def fetch_target(
    origin: Origin,
    public: Path,
    path: str,
    size: int,
    sha256: str,
    *,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> None:
    """Keep a target of any size, fetching it if it is not there. Raises VerificationError naming it."""
    place = public / "targets" / path
    if place.exists() and place.stat().st_size == size and _hash(place) == sha256:
        return
    first_right(origin, lambda one: _fetch_target(one, place, path, size, sha256, on_bytes))


def _fetch_target(
    origin: Origin, place: Path, path: str, size: int, sha256: str, on_bytes: Callable[[int], None]
) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = place.with_name(".fetching")
    digest, got = hashlib.sha256(), 0
    try:
        with fresh.open("wb") as stream, naming(fresh):
            for chunk in origin.open_range(f"targets/{path}", 0, size + 1):
                stream.write(chunk)
                digest.update(chunk)
                got += len(chunk)
                on_bytes(len(chunk))
        if got != size or digest.hexdigest() != sha256:
            raise VerificationError(
                f"targets/{path} at {origin.where} is not what {EDITION} lists.",
                "The origin is damaged or hostile; nothing was taken from this file.",
            )
        replace_durably(fresh, place)
    finally:
        fresh.unlink(missing_ok=True)


def publish_edition(
    origin: Origin, public: Path, trust_dir: Path, followed: Followed, progress: Progress
) -> None:
    """Publish an accepted edition here: its targets, then the metadata that was verified, byte for byte."""
    (public / "bags").mkdir(parents=True, exist_ok=True)
    targets: Metadata[Targets] = Metadata.from_bytes((trust_dir / "targets.json").read_bytes())
    for path, info in targets.signed.targets.items():
        if _OLD_EDITION.fullmatch(path) and path != f"editions/{followed.edition.number}/{EDITION}":
            try:
                _keep_old_edition(origin, public, path, info.length, info.hashes["sha256"])
            except (NetworkError, NotFoundError, VerificationError) as error:
                progress.say(f"An older edition is not mirrored: {error.message}")
    for path in (f"editions/{followed.edition.number}/{EDITION}", EDITION):
        _keep_both_names(public, path, followed.data, followed.sha256)
    _publish_metadata(public / "metadata", trust_dir)


def _keep_old_edition(origin: Origin, public: Path, path: str, length: int, sha256: str) -> None:
    data = read_target(public, path, sha256)
    if data is None:
        folder, _, name = path.rpartition("/")
        data = fetch(origin, f"targets/{folder}/{sha256}.{name}", min(length, MAX_EDITION_BYTES))
        if hashlib.sha256(data).hexdigest() != sha256:
            raise VerificationError(f"targets/{path} at {origin.where} is not what targets.json lists.")
    _keep_both_names(public, path, data, sha256)


def _keep_both_names(public: Path, path: str, data: bytes, sha256: str) -> None:
    folder, slash, name = path.rpartition("/")
    for known in (f"{folder}{slash}{sha256}.{name}", path):
        if read_target(public, known, sha256) is None:
            keep_target(public, known, data)


def _publish_metadata(metadata: Path, trust_dir: Path) -> None:
    """Copy the TUF client's files under their versioned names (TUF 1.0 §6.2), the timestamp last."""
    metadata.mkdir(parents=True, exist_ok=True)
    copies = [(path, path.name) for path in sorted((trust_dir / "root_history").iterdir())]
    for role in ("targets", "snapshot"):
        path = trust_dir / f"{role}.json"
        signed: Metadata[Any] = Metadata.from_bytes(path.read_bytes())
        copies.append((path, f"{signed.signed.version}.{role}.json"))
    copies.append((trust_dir / "timestamp.json", "timestamp.json"))
    for source, name in copies:
        data = source.read_bytes()
        place = metadata / name
        if not place.exists() or place.read_bytes() != data:
            write_durably(place, data)


def _hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
