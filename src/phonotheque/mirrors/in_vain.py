"""Bags that are looked for in vain: others are taken before them, and they are tried again now and then.

What nobody has any more has no copies, so it would be chosen first, and keep its room at each mirror for
ever. What has come of a bag, however little, counts as begun, and stays.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from phonotheque.mirrors.home import arriving, leaving
from phonotheque.mirrors.strict_json import read_json
from phonotheque.model.errors import VerificationError
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.vault.place import fsync_dir, write_durably

IN_VAIN: Final = "in-vain.json"  # in the mirror's folder
_ROUNDS: Final = 3  # without anything of it, until a bag is passed over; and
_ENOUGH: Final = timedelta(days=2)  # since the first of them
_ALONE: Final = timedelta(days=14)  # instead, when the origin is silent, too: it may be our own network
_AGAIN: Final = timedelta(days=7)  # since it was looked for last, until it has its place in the order again
_BLOCKS: Final = 1  # of a file without any byte, on some file systems


@dataclass(frozen=True, slots=True)
class Search:
    """``rounds`` in which nothing of a bag came, the first at ``since``; ``alone``: nor from the origin."""

    since: str
    last: str
    rounds: int
    alone: bool


def passed_over(mirror: Archive, now: datetime, *, offline: bool) -> dict[str, str]:
    """Return bags before which others are to be taken, and why. ``offline``: the origin does not answer.

    Raises VerificationError naming a file that makes no sense.
    """
    return {
        bag: f"nobody has given any of it since {search.since[:10]}: others are taken before it"
        for bag, search in _read(mirror).items()
        if _is_vain(search, now, offline=offline) and nothing_of(mirror, bag)
    }


def note_searches(
    mirror: Archive, found: Collection[str], sought: Collection[str], at: datetime, *, offline: bool
) -> None:
    """Keep of which bags nothing came in a round: of some of those ``sought``. Others were ``found``.

    Of bags that are in neither, what was kept stays. The caller holds the mirror's lock.
    """
    before = _read(mirror)
    after = {bag: search for bag, search in before.items() if bag not in found}
    for bag in sought:
        search = after.pop(bag, None)
        if nothing_of(mirror, bag):
            after[bag] = _once_more(search, timestamp(at), offline=offline)
    if after != before:
        searches = {bag: asdict(search) for bag, search in sorted(after.items())}
        write_durably(mirror.folder / IN_VAIN, json.dumps(searches, indent=1).encode())


def nothing_of(mirror: Archive, bag: str) -> bool:
    """Tell whether nothing of a bag has come: the files that were made for it have no blocks on the disk.

    Where a file system keeps room for all of a file from the start, a bag that was begun has something.
    """
    if (mirror.bags / bag).exists() or (leaving(mirror) / bag).exists():
        return False
    files = (path.lstat() for path in (arriving(mirror) / bag).rglob("*") if not path.is_dir())
    return not any(found.st_blocks > _BLOCKS for found in files)


def forget_empty(mirror: Archive, bags: Collection[str]) -> None:
    """Remove the files that were made for bags of which nothing has come. The caller holds the lock."""
    for bag in bags:
        if (arriving(mirror) / bag).exists() and nothing_of(mirror, bag):
            shutil.rmtree(arriving(mirror) / bag)
            fsync_dir(arriving(mirror))


def _is_vain(search: Search, now: datetime, *, offline: bool) -> bool:
    since, last = datetime.fromisoformat(search.since), datetime.fromisoformat(search.last)
    if search.rounds < _ROUNDS or now - last >= _AGAIN or last > now:
        return False
    if search.alone:  # an origin that is back may have it
        return offline and now - since >= _ALONE
    return now - since >= _ENOUGH


def _once_more(search: Search | None, at: str, *, offline: bool) -> Search:
    if search is None or (search.alone and not offline) or search.last > at:
        return Search(at, at, 1, offline)
    return Search(search.since, at, search.rounds + 1, search.alone or offline)


def _read(mirror: Archive) -> Mapping[str, Search]:
    path = mirror.folder / IN_VAIN
    try:
        return {bag: _search(value) for bag, value in read_json(path.read_bytes()).items()}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise VerificationError(
            f"{path} makes no sense: {error}.", "Remove it: what is to be had is looked for anew."
        ) from error


def _search(value: Mapping[str, object]) -> Search:
    match value:
        case {"since": str(since), "last": str(last), "rounds": int(rounds), "alone": bool(alone)}:
            for text in (since, last):
                if datetime.fromisoformat(text).tzinfo is None:
                    raise ValueError(f"{text!r:.40} has no time zone")
            return Search(since, last, rounds, alone)
    raise ValueError("it has other values than it should")
