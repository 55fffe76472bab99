"""What a mirror knows of bags before it chooses: how many copies there are, and what its query asks about."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from phonotheque.editions.about import read_about
from phonotheque.editions.edition import Edition
from phonotheque.mirrors.copies import COPIES, Copies, fetch_copies, read_copies
from phonotheque.mirrors.home import trust_dir
from phonotheque.mirrors.in_vain import passed_over
from phonotheque.mirrors.only import Known, Query, find_named, parse_query
from phonotheque.mirrors.origin import Origin
from phonotheque.mirrors.tuf_client import trusted_root
from phonotheque.model.errors import NetworkError, VerificationError
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.vault.place import write_durably

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a choice goes by, besides what is here: by default, nothing is known, and everything wanted.

    To drop a bag, ``keep`` other copies of it must be proven lately, as of ``now``. ``passed`` tells of bags
    that were looked for in vain, and why others are taken before them.
    """

    now: datetime | None = None
    query: Query = field(default_factory=Query)
    known: Known = field(default_factory=Known)
    copies: Copies | None = None
    keep: int = 3
    passed: Mapping[str, str] = field(default_factory=dict)


class Knowing:
    """Finds out, look after look, and says once what cannot be known."""

    def __init__(
        self, mirror: Archive, origin: Origin, say: Callable[[str], None], clock: Callable[[], datetime]
    ) -> None:
        self._mirror = mirror
        self._origin = origin
        self.say = say
        self._clock = clock
        self._said: set[str] = set()
        self._asked: tuple[Edition, Query, Known] | None = None  # last, and found

    def wishes(self, edition: Edition, *, ask: bool, offline: bool = False) -> Wishes:
        """Return what is known of an edition's bags; ``ask`` the origin anew how many copies there are.

        ``offline``: it did not answer. Raises UsageError when the query in the mirror's settings makes no
        sense, VerificationError when what was noted of bags that nobody gave does not.
        """
        settings = self._mirror.settings.mirror
        query = parse_query(settings.only, "[mirror] only")
        return Wishes(
            now=self._clock(),
            query=query,
            known=self._known(edition, query),
            copies=self.copies(edition, ask=ask),
            keep=settings.keep_copies,
            passed=passed_over(self._mirror, self._clock(), offline=offline),
        )

    def copies(self, edition: Edition, *, ask: bool) -> Copies | None:
        """Return how many copies there are: as the origin says now, or said last; None if nobody did.

        What the origin says is shown by the mirror, too, for mirrors of this one.
        """
        place, root = self._mirror.public / COPIES, trusted_root(trust_dir(self._mirror))
        kept, found = self._read(place, lambda file: read_copies(file.read_bytes(), root)), None
        if ask:
            try:
                found = fetch_copies(self._origin, edition.archive.id, root)
            except (NetworkError, VerificationError) as error:
                self._once(f"How many copies there are is not known anew: {error.message}")
        if found is None or (kept is not None and not _tells_more(found[1], kept, self._clock())):
            return kept  # one origin may know less than another did
        data, copies = found
        if copies != kept:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_durably(place, data)
        return copies

    def _known(self, edition: Edition, query: Query) -> Known:
        if self._asked is not None and self._asked[:2] == (edition, query):
            return self._asked[2]
        targets = self._mirror.public / "targets"
        about = None
        if edition.about is not None and query.terms:
            about = self._read(targets / edition.about.path, read_about)
        named = self._read(targets / edition.index.path, lambda index: find_named(index, query.named))
        known = Known(about, named)
        if named is not None and (about is not None or edition.about is None or not query.terms):
            self._asked = edition, query, known  # an index of all that there is takes minutes to read
        return known

    def _read(self, path: Path, read: Callable[[Path], T]) -> T | None:
        try:
            return read(path)
        except FileNotFoundError:
            return None
        except VerificationError as error:
            self._once(error.message)
            return None

    def _once(self, message: str) -> None:
        if message not in self._said:
            self._said.add(message)
            self.say(message)


def _tells_more(found: Copies, kept: Copies, now: datetime) -> bool:
    """Tell whether a count takes another's place: a signed one does, unless that one is signed, and newer."""
    if found.signed is not kept.signed:
        return found.signed or not kept.is_late(now)
    return found.time >= kept.time or kept.time > _written(now)


def _written(now: datetime) -> str:
    return timestamp(now + timedelta(days=1))  # somebody's clock may be wrong
