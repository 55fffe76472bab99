"""How a mirror stands, in figures for those who watch it: from its ledger, its disk and its edition."""

from __future__ import annotations

import shutil
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from phonotheque.editions.edition import read_edition
from phonotheque.ledger.holdings import HELD, HoldingState, all_holdings, verified_files
from phonotheque.mirrors.follow import EDITION
from phonotheque.mirrors.home import trust_dir
from phonotheque.mirrors.scrubbing import units_of
from phonotheque.mirrors.transfer import home_of
from phonotheque.model.durations import parse_duration
from phonotheque.vault.archive import Archive, now
from phonotheque.vault.scrub_standing import Standing, standing

_FRESH = 10.0  # seconds for which figures are good enough: whoever asks often costs little
_SCRUB_FRESH = 300.0  # seconds; these take reading what is to be scrubbed, and change once a night


@dataclass(frozen=True, slots=True)
class EditionFigures:
    """The edition accepted last, and all that it lists."""

    number: int
    date: str
    bags: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Figures:
    """How a mirror stands. Sizes in bytes, moments in ISO 8601; ``bags`` by state, “arriving” among them."""

    bags: Mapping[str, int]
    held: int
    free: int  # on the disk
    oldest_verified: str | None  # of the bags that are held, the one that was read longest ago
    edition: EditionFigures | None
    scrub: Standing | None  # None before the first edition


class FiguresOf:
    """Reads the figures of a mirror, from any thread, as seldom as is good enough."""

    def __init__(self, mirror: Archive) -> None:
        self._mirror = mirror
        self._lock = threading.Lock()
        self._read: tuple[float, Figures] | None = None
        self._edition: tuple[tuple[int, int, int], EditionFigures] | None = None
        self._scrub: tuple[float, Standing] | None = None

    def __call__(self) -> Figures:
        """Return figures of the last seconds. Raises the errors of the ledger and the disk."""
        with self._lock:
            if self._read is None or time.monotonic() - self._read[0] > _FRESH:
                self._read = time.monotonic(), self._look()
            return self._read[1]

    def _look(self) -> Figures:
        with self._mirror.ledger.connect() as connection:
            known = all_holdings(connection)
            parts = {
                bag: sum(file.size for file in verified_files(connection, bag).values())
                for bag, holding in known.items()
                if holding.state is HoldingState.PARTIAL
            }
        bags, held = Counter[str](), 0
        for bag, holding in known.items():
            arriving = holding.state is HoldingState.WANTED and home_of(self._mirror, bag).exists()
            bags["arriving" if arriving else holding.state.value] += 1
            if holding.state in HELD:
                held += parts.get(bag, holding.bytes)
        verified = [h.verified_at for h in known.values() if h.state in HELD and h.verified_at]
        return Figures(
            bags=bags,
            held=held,
            free=shutil.disk_usage(self._mirror.folder).free,
            oldest_verified=min(verified, default=None),
            edition=(edition := self._followed()),
            scrub=self._scrubbed() if edition else None,
        )

    def _scrubbed(self) -> Standing:
        if self._scrub is None or time.monotonic() - self._scrub[0] > _SCRUB_FRESH:
            at, period = now(), parse_duration(self._mirror.settings.check.within)
            stands = standing(self._mirror, units_of(self._mirror, at), period, at)
            self._scrub = time.monotonic(), stands
        return self._scrub[1]

    def _followed(self) -> EditionFigures | None:
        file = trust_dir(self._mirror) / EDITION
        try:
            found = file.stat()
        except FileNotFoundError:
            return None
        stamp = (found.st_ino, found.st_mtime_ns, found.st_size)
        if self._edition is None or self._edition[0] != stamp:
            edition = read_edition(file.read_bytes())
            size = sum(bag.bytes for bag in edition.bags)
            figures = EditionFigures(edition.number, edition.date, len(edition.bags), size)
            self._edition = stamp, figures
        return self._edition[1]
