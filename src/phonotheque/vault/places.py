"""Bags outside the archive's folder: sent, verified, recorded, and only then removed here.

The tag files of every bag stay in ``vault/bags``; where its payload lies, the ledger says.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from phonotheque.ledger.bags import (
    BagFileRecord,
    BagPlace,
    all_bags,
    files_in_bag,
    places_of_bags,
    record_place,
)
from phonotheque.ledger.events import record_event
from phonotheque.ledger.former_bags import FormerBagFile
from phonotheque.ledger.withdrawals import withdrawn_from_bag
from phonotheque.model.bags import Finding
from phonotheque.model.errors import PhonothequeError, VerificationError
from phonotheque.model.media import media_type
from phonotheque.model.progress import Progress
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.bagfolder import PAYLOAD, TAG_MANIFEST
from phonotheque.vault.fixity import check_file
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.outside import Target, check_recorded, target_of
from phonotheque.vault.place import fsync_dir, link_or_copy, replace_durably
from phonotheque.vault.storage.base import Item, Storage
from phonotheque.vault.storage.opening import checked_place, open_place
from phonotheque.vault.transfers import in_threads, outcomes, read_back, send

# Begins the names of copies that are here only while they are read: what adds next clears “.taking-” away.
BORROWED = ".taking-borrowed-"


def unsettled(archive: Archive) -> list[str]:
    """Return the bags that are not yet where the settings want them. Those that were moved elsewhere stay."""
    target = target_of(archive)
    if target is None:
        return []
    with archive.ledger.connect() as ledger:
        bags, places = all_bags(ledger), places_of_bags(ledger)
    return [bag.id for bag in bags if not _settled(archive, bag.id, places.get(bag.id, ()), target)]


def check_target(archive: Archive) -> None:
    """Raise PhonothequeError when the place where the settings want bags is not there or out of reach."""
    settings = archive.settings.storage
    target = target_of(archive)
    if target is None:
        return
    if settings.public:
        open_place(
            checked_place(settings.public, "public"), settings
        ).check()  # as a whole, not only its bags
        check_recorded(archive, target.place)  # before a folder is made where nothing is mounted
        if "://" not in target.place:
            Path(target.place).mkdir(exist_ok=True)
    check_recorded(archive, target.place).check()


def settle_bags(archive: Archive, progress: Progress) -> None:
    """Bring every bag to where the settings want it, as after an interruption or a change of the settings.

    Whole bags are sent: what may no longer be in one has to be out of it before. Raises PhonothequeError,
    before anything is done, when that place is not there or cannot be reached.
    """
    check_target(archive)
    if waiting := unsettled(archive):
        progress.start("Sending bags", total_files=0, total_bytes=0)
    for bag_id in waiting:
        settle_bag(archive, bag_id, progress)


def settle_bag(archive: Archive, bag_id: str, progress: Progress) -> None:
    """Bring a recorded bag to where the settings want it. The archive's lock must be held.

    Order: every object is put and verified → the ledger records the place → the payload is removed here.
    Interrupted anywhere, the next call goes on. The caller has begun the stage of ``progress``.
    """
    target = target_of(archive)
    if target is None:
        return
    storage = check_recorded(archive, target.place, first=bag_id)
    with archive.ledger.connect() as ledger:
        entries = list(files_in_bag(ledger, bag_id))
        places = {place.place: place for place in places_of_bags(ledger, bag_id).get(bag_id, ())}
    recorded = places.get(target.place)
    if recorded is None:
        if any(place.moved for place in places.values()):
            return
        storage.check()
        _send_bag(archive, storage, bag_id, entries, progress)
    if target.moves:
        _refuse_same_files(archive, storage, bag_id, entries)
    if recorded is None or (target.moves and not recorded.moved):
        proven = recorded is None or _proven(archive, storage, bag_id, entries)
        _record(archive, BagPlace(bag_id, target.place, target.moves, timestamp(now())))
    else:
        proven = False
    if target.moves:
        remove_payload(archive, storage, bag_id, entries, proven=proven)


def remove_payload(
    archive: Archive, storage: Storage, bag_id: str, entries: Sequence[BagFileRecord], *, proven: bool
) -> None:
    """Remove the payload of a bag that the ledger says has moved.

    Deleting needs a proof: unless it was made just now (``proven``), each file is read back first. Raises
    VerificationError for one that is not right there, or is the very file that is here; that then stays.
    """
    folder = archive.bags / bag_id
    _refuse_same_files(archive, storage, bag_id, entries)

    def remove(entry: BagFileRecord) -> None:
        file = folder / entry.path
        if not file.exists():
            return
        _refuse_same_file(storage, f"{bag_id}/{entry.path}", file)
        if not proven and (wrong := read_back(storage, f"{bag_id}/{entry.path}", entry.size, entry.sha256)):
            raise VerificationError(
                f"{storage.url}/{wrong.path} is {wrong.what}: it {wrong.detail}.",
                f"{file} is kept. Mend the storage: phono repair {archive.folder} --from MIRROR",
            )
        file.unlink()

    if not (folder / PAYLOAD).exists():
        return
    in_threads(remove, [entry for entry in entries if _is_payload(entry)], archive.settings.storage.transfers)
    for name, folders, files in os.walk(folder / PAYLOAD, topdown=False):
        links = [inner for inner in folders if Path(name, inner).is_symlink()]
        if others := files + links:  # not ours to delete
            raise PhonothequeError(
                f"{Path(name, others[0])} lies in a bag whose payload has moved, and no manifest lists it.",
                "Move it to where it belongs, or delete it; then run it again.",
            )
        Path(name).rmdir()
    fsync_dir(folder)


def _refuse_same_files(
    archive: Archive, storage: Storage, bag_id: str, entries: Sequence[BagFileRecord]
) -> None:
    for entry in entries:
        _refuse_same_file(storage, f"{bag_id}/{entry.path}", archive.bags / bag_id / entry.path)


def _refuse_same_file(storage: Storage, key: str, file: Path) -> None:
    """Raise VerificationError if what lies outside is the file here: removing one would remove the other."""
    if storage.is_same(key, file):
        raise VerificationError(
            f"{storage.url}/{key} and {file} are one file under two names: it is no copy.",
            "Nothing was removed. Remove the link there, or mount another disk; then run it again.",
        )


def check_places(
    archive: Archive, bag_id: str, places: Sequence[BagPlace], progress: Progress
) -> Iterator[Finding | int]:
    """Read every object of a bag in all its places, and the tag files here if its payload has moved.

    Yields the size of each file that was read, and what is wrong.
    """
    with archive.ledger.connect() as ledger:
        entries = list(files_in_bag(ledger, bag_id))
        withdrawn = withdrawn_from_bag(ledger, bag_id)  # it may be gone from there already
    if any(place.moved for place in places):
        for entry in entries:
            if not _is_payload(entry):
                file = archive.bags / bag_id / entry.path
                yield check_file(file, entry.size, entry.sha256, name=entry.path) or entry.size
    for place in places:
        storage = check_recorded(archive, place.place, first=bag_id)
        expected = {f"{bag_id}/{entry.path}": entry for entry in entries}
        progress.grow(files=len(expected))
        for stored in storage.list(f"{bag_id}/"):
            if stored.key not in expected:
                yield Finding("extra", _inner(stored.key), f"no manifest lists it, in {storage.url}")

        def read(item: tuple[str, BagFileRecord], storage: Storage = storage) -> Finding | int:
            finding = read_back(storage, item[0], item[1].size, item[1].sha256)
            if finding is not None and finding.what == "missing" and item[1].path in withdrawn:
                return 0
            return item[1].size if finding is None else replace(finding, path=item[1].path)

        for outcome in outcomes(read, expected.items(), archive.settings.storage.transfers):
            progress.advance(files=1, size=outcome if isinstance(outcome, int) else 0)
            yield outcome


def check_bagged(archive: Archive, bag_id: str, path: str, size: int, sha256: str) -> Finding | None:
    """Return what is wrong with a file of a sealed bag, wherever its payload lies, or None: a proof."""
    moved = open_bagged(archive, bag_id, path)
    if moved is None:
        return check_file(archive.bags / bag_id / path, size, sha256)
    storage, key = moved
    finding = read_back(storage, key, size, sha256)
    if finding is not None and finding.what == "missing":
        check_recorded(archive, storage.url, first=bag_id)
    return finding


def open_bagged(archive: Archive, bag_id: str, path: str) -> tuple[Storage, str] | None:
    """Return the storage and the key under which a file of a bag that has moved is to be read, else None."""
    with archive.ledger.connect() as ledger:
        moved = [place for place in places_of_bags(ledger, bag_id).get(bag_id, ()) if place.moved]
    if not moved or not path.startswith(PAYLOAD):
        return None
    return open_place(moved[0].place, archive.settings.storage), f"{bag_id}/{path}"


def at_hand(archive: Archive, file: Path, size: int, sha256: str) -> Path:
    """Return where a file can be read here: itself, or, of a bag that has moved, a copy fetched for a while.

    Whoever has read it calls :func:`let_go`. Raises VerificationError if what is fetched is not right.
    """
    if file.exists() or not file.is_relative_to(archive.bags):
        return file
    bag_id, *rest = file.relative_to(archive.bags).parts
    moved = open_bagged(archive, bag_id, "/".join(rest))
    if moved is None:
        return file
    storage, key = moved
    copy = borrowed_path(archive, sha256)
    digest = hashlib.sha256()
    with copy.open("xb") as stream:
        for chunk in storage.read(key):
            digest.update(chunk)
            stream.write(chunk)
    if (copy.stat().st_size, digest.hexdigest()) != (size, sha256):
        copy.unlink()
        raise VerificationError(
            f"{storage.url}/{key} is damaged: its SHA-256 is not {sha256}.",
            f"Mend it: phono repair {archive.folder} --from MIRROR",
        )
    return copy


def bring_home(
    archive: Archive, bag_id: str, entry: BagFileRecord | FormerBagFile, places: Sequence[str] | None = None
) -> Finding | None:
    """Bring a file of a sealed bag to where masters wait: from here, else from any place where the bag lies.

    ``places`` are those of a bag that is current no more. Only right bytes come under their hash's name; they
    may be a second name of those in the bag. Returns what is wrong with the file if it is right nowhere.
    """
    goal = incoming_path(archive.incoming, entry.sha256)
    if check_file(goal, entry.size, entry.sha256) is None:
        return None
    here, key = archive.bags / bag_id / entry.path, f"{bag_id}/{entry.path}"
    wrong = check_file(here, entry.size, entry.sha256, name=key)
    if wrong is None:
        return _take_home(archive, entry, here, goal)
    if places is None:
        with archive.ledger.connect() as ledger:
            places = [place.place for place in places_of_bags(ledger, bag_id).get(bag_id, ())]
    for place in places:
        storage = open_place(place, archive.settings.storage)
        there = read_back(storage, key, entry.size, entry.sha256)
        if there is None:
            return _take_home(archive, entry, (storage, key), goal)
        if there.what == "missing":
            check_recorded(archive, place)
        if wrong.what == "missing":
            wrong = there
    return wrong


def _take_home(
    archive: Archive, entry: BagFileRecord | FormerBagFile, source: Path | tuple[Storage, str], goal: Path
) -> Finding | None:
    goal.parent.mkdir(parents=True, exist_ok=True)
    coming = borrowed_path(archive, entry.sha256)
    try:
        if isinstance(source, Path):
            link_or_copy(source, coming, allow_link=True)
        else:
            with coming.open("xb") as stream:
                for chunk in source[0].read(source[1]):
                    stream.write(chunk)
            if wrong := check_file(coming, entry.size, entry.sha256, name=entry.path):
                return wrong  # damaged between being read for the check and being read again
        coming.chmod(0o444)
        replace_durably(coming, goal)
    finally:
        coming.unlink(missing_ok=True)
    return None


def borrowed_path(archive: Archive, sha256: str) -> Path:
    """Return a name for a copy that is here for a while: of its own, since equal files are read at once."""
    return archive.incoming / f"{BORROWED}{sha256}-{uuid.uuid4().hex}"


def let_go(file: Path) -> None:
    """Remove a file that was fetched for a while; leave any other."""
    if file.name.startswith(BORROWED):
        file.unlink(missing_ok=True)


def let_all_go(archive: Archive) -> None:
    """Remove what an interrupted run had fetched."""
    for left in archive.incoming.glob(f"{BORROWED}*"):
        left.unlink()


def _settled(archive: Archive, bag_id: str, places: Sequence[BagPlace], target: Target) -> bool:
    for place in places:
        if place.place == target.place:
            left = target.moves and (archive.bags / bag_id / PAYLOAD).exists()
            return not left and place.moved >= target.moves
    return any(place.moved for place in places)


def _send_bag(
    archive: Archive, storage: Storage, bag_id: str, entries: Sequence[BagFileRecord], progress: Progress
) -> None:
    """Put all files of a bag, its tag manifest last: where that is, all of it is."""
    progress.grow(files=len(entries), size=sum(entry.size for entry in entries))
    there = {stored.key: stored for stored in storage.list(f"{bag_id}/")}
    stages = (
        [entry for entry in entries if _is_payload(entry)],
        [entry for entry in entries if not _is_payload(entry) and entry.path != TAG_MANIFEST],
        [entry for entry in entries if entry.path == TAG_MANIFEST],
    )
    for stage in stages:
        items = [
            Item(
                key=f"{bag_id}/{entry.path}",
                file=archive.bags / bag_id / entry.path,
                size=entry.size,
                sha256=entry.sha256,
                media_type=media_type(f"bags/{bag_id}/{entry.path}"),
            )
            for entry in stage
        ]
        send(storage, items, there, archive.settings.storage, progress)
    storage.tidy(f"{bag_id}/")


def _proven(archive: Archive, storage: Storage, bag_id: str, entries: Sequence[BagFileRecord]) -> bool:
    """Read a whole bag back, before the ledger says that its payload is only there."""

    def prove(entry: BagFileRecord) -> None:
        if wrong := read_back(storage, f"{bag_id}/{entry.path}", entry.size, entry.sha256):
            raise VerificationError(
                f"{storage.url}/{wrong.path} is {wrong.what}: it {wrong.detail}.",
                f"The bag stays in {archive.bags} until that is mended: phono repair",
            )

    in_threads(prove, entries, archive.settings.storage.transfers)
    return True


def _record(archive: Archive, place: BagPlace) -> None:
    with archive.ledger.begin() as ledger:
        record_place(ledger, place)
        record_event(
            ledger,
            at=place.verified_at,
            kind="transfer" if place.moved else "replication",
            subject=place.bag_id,
            agent=archive.settings.archive.agent,
            detail={"place": place.place},
        )


def _is_payload(entry: BagFileRecord) -> bool:
    return entry.path.startswith(PAYLOAD)


def _inner(key: str) -> str:
    return key.partition("/")[2]
