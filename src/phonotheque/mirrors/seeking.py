"""Getting back what an archive has lost and an edition seeks: mirrors keep such files unseen, for this.

A mirror shows nobody what waits in its ``vault/leaving``: its folder has to be at hand, on a disk or a mount.
One that has not followed the edition yet shows the former bag as ever.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlalchemy import Connection, select, update

from phonotheque.editions.shelves import bags_folder
from phonotheque.editions.sought import sought_files
from phonotheque.ledger.events import record_event
from phonotheque.ledger.schema import files
from phonotheque.ledger.withdrawal_tables import former_bag_files, former_bags
from phonotheque.mirrors.origin import FolderOrigin, Origin
from phonotheque.model.errors import NetworkError, NotFoundError, VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.vault.archive import Archive
from phonotheque.vault.bagfolder import files_in
from phonotheque.vault.fixity import check_file
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.place import read_range, replace_durably
from phonotheque.vault.places import borrowed_path


@dataclass(frozen=True, slots=True)
class _Sought:
    sha256: str
    size: int  # 0 where nobody knows
    places: tuple[tuple[str, str, str], ...]  # former bag, its audience, path


def seek(
    archive: Archive, origins: Iterable[Origin], *, at: str, progress: Progress = QUIET
) -> tuple[list[str], list[str]]:
    """Bring what is sought to ``vault/incoming``, from any of these origins; return what came, and the rest.

    Only right bytes come. The next publishing puts it into a bag again. The archive's lock must be held.
    """
    with archive.ledger.connect() as ledger:
        wanted = _wanted(ledger, at)
    sources = list(origins)
    found, lacking = [], []
    if wanted:
        progress.start("Looking for what is sought", total_files=len(wanted))
    for one in wanted:
        here = incoming_path(archive.incoming, one.sha256)
        if here.exists() and check_file(here, here.stat().st_size, one.sha256) is None:
            continue  # it waits already
        if any(_bring(archive, data, one, at, progress) for data in _candidates(sources, one)):
            found.append(one.sha256)
        else:
            lacking.append(one.sha256)
        progress.advance(files=1)
    return found, lacking


def _wanted(ledger: Connection, at: str) -> list[_Sought]:
    found = []
    for sha256, _ in sought_files(ledger, date.fromisoformat(at[:10])):
        query = (
            select(former_bag_files.c.bag_id, former_bags.c.audience, former_bag_files.c.path)
            .join(former_bags, former_bags.c.id == former_bag_files.c.bag_id)
            .where(former_bag_files.c.sha256 == sha256)
            .order_by(former_bags.c.taken_back_in.desc())
        )
        places = tuple((row.bag_id, row.audience, row.path) for row in ledger.execute(query))
        size = ledger.execute(select(files.c.size).where(files.c.sha256 == sha256)).scalar_one()
        found.append(_Sought(sha256, size, places))
    return found


def _candidates(origins: Sequence[Origin], one: _Sought) -> Iterator[tuple[str, Iterator[bytes]]]:
    """Yield where a file may be, with its bytes: under its own path, then whatever has its size."""
    for origin in origins:
        leaving = _leaving(origin)
        for bag, audience, path in one.places:
            if leaving is not None and (leaving / bag / path).is_file():
                yield str(leaving / bag / path), read_range(leaving / bag / path)
            yield (
                f"{bag}/{path} at {origin.where}",
                origin.open_range(
                    f"{bags_folder(audience)}/{bag}/{path}", 0, one.size + 1 if one.size else None
                ),
            )
        if leaving is not None:
            for path_ in _of_size(leaving, one.size):
                yield str(path_), read_range(path_)


def _leaving(origin: Origin) -> Path | None:
    """Return where a mirror keeps, unseen, what waits for its new place; None if it is not at hand."""
    if not isinstance(origin, FolderOrigin):
        return None
    folder = Path(origin.where).parent / "vault" / "leaving"
    return folder if folder.is_dir() else None


def _of_size(leaving: Path, size: int) -> Iterator[Path]:
    for bag in sorted(path for path in leaving.iterdir() if path.is_dir()):
        for path, instead in files_in(bag, lambda _folder, _error: None):
            if not instead and size in (0, (bag / path).stat().st_size):
                yield bag / path


def _bring(
    archive: Archive, source: tuple[str, Iterator[bytes]], one: _Sought, at: str, progress: Progress
) -> bool:
    """Bring a file, if these are its bytes; tell of what cannot be read."""
    where, data = source
    goal = incoming_path(archive.incoming, one.sha256)
    goal.parent.mkdir(parents=True, exist_ok=True)
    coming, digest, size = borrowed_path(archive, one.sha256), hashlib.sha256(), 0
    # Where nobody knows how large it is, nobody's answer may fill the disk.
    most = one.size or shutil.disk_usage(goal.parent).free // 2
    try:
        with coming.open("xb") as stream:
            for chunk in data:
                digest.update(chunk)
                stream.write(chunk)
                size += len(chunk)
                if size > most:
                    if not one.size:
                        progress.say(f"{where} gives more than there is room for: nothing of it was kept.")
                    return False
        if digest.hexdigest() != one.sha256:
            return False
        coming.chmod(0o444)
        replace_durably(coming, goal)
    except NotFoundError:
        return False
    except (NetworkError, VerificationError) as error:
        progress.say(error.message)
        return False
    finally:
        coming.unlink(missing_ok=True)
    with archive.ledger.begin() as ledger:
        if not one.size:
            ledger.execute(update(files).where(files.c.sha256 == one.sha256).values(size=size))
        record_event(
            ledger,
            at=at,
            kind="recovery",
            subject=one.sha256,
            agent=archive.settings.archive.agent,
            detail={"from": where, "bytes": size},
        )
    progress.say(f"{one.sha256} was sought, and is back from {where}.")
    return True
