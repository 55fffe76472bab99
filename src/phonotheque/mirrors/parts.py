"""Bags of which only the files of some recordings are wanted, and what is held of bags, whole or in part."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from phonotheque.editions.edition import BagEntry, Edition
from phonotheque.ledger.holdings import (
    HELD,
    Holding,
    HoldingState,
    all_holdings,
    bytes_held,
    lost_since,
    reopen,
    verified_files,
)
from phonotheque.mirrors.choose import Choice
from phonotheque.mirrors.leaving import Leave
from phonotheque.mirrors.public import publish_bag
from phonotheque.mirrors.recordings import Indexed, Wanted, find, read_list
from phonotheque.mirrors.standing import lost_files
from phonotheque.vault.archive import Archive
from phonotheque.vault.bagfolder import PAYLOAD

_SAID = 10  # of what is wanted and not there

Parts = dict[str, dict[str, int]]  # by bag, the payload files that are wanted of it, with their sizes


@dataclass(slots=True)
class Sorted:
    """The bags of an edition that are held, and those to be fetched; of those in part, which files."""

    held: list[BagEntry] = field(default_factory=list)
    wanted: list[BagEntry] = field(default_factory=list)
    held_parts: dict[str, frozenset[str]] = field(default_factory=dict)
    wanted_parts: dict[str, frozenset[str]] = field(default_factory=dict)

    def bytes_wanted(self, parts: Parts) -> int:
        """Return how many bytes the bags to be fetched have, as far as they are wanted."""
        return sum(
            _need(entry, parts.get(entry.id, {})) if entry.id in self.wanted_parts else entry.bytes
            for entry in self.wanted
        )


def wanted_list(mirror: Archive) -> Wanted | None:
    """Return which recordings the mirror's settings want, None for whole bags. Raises as read_list does."""
    name = mirror.settings.mirror.recordings
    return read_list(mirror.folder / Path(name).expanduser()) if name else None


def wanted_parts(
    mirror: Archive, edition: Edition, wanted: Wanted, say: Callable[[str], None]
) -> Parts | None:
    """Return which files of which bags hold what is wanted, None if the index is not here."""
    index = mirror.public / "targets" / edition.index.path
    if not index.exists():
        return None
    rows = find(index, wanted)
    parts: Parts = defaultdict(dict)
    for row in rows:
        parts[row.bag][row.path] = row.size
    absent = _absent(wanted, rows)
    for text in absent[:_SAID]:
        say(f"{text} is not in edition {edition.number}.")
    if len(absent) > _SAID:
        say(f"… and {len(absent) - _SAID} more of the list are not.")
    return dict(parts)


def _absent(wanted: Wanted, rows: Iterable[Indexed]) -> list[str]:
    rows = list(rows)
    lists = (
        wanted.recordings - {row.recording for row in rows},
        wanted.hashes - {row.sha256 for row in rows},
        {f"{bag}/{path}" for bag, path in wanted.files - {(row.bag, row.path) for row in rows}},
    )
    return [text for texts in lists for text in sorted(map(str, texts))]


def choose_parts(mirror: Archive, leave: Leave, parts: Parts, budget: int) -> Choice:
    """Choose, within ``budget`` bytes, the bags of which something is wanted; what is held stays.

    Those that need the fewest bytes come first, so that as many recordings as can be are had.
    """
    edition = leave.edition
    with mirror.ledger.connect() as connection:
        known, held = all_holdings(connection), bytes_held(connection)
    room = budget - sum(table.size for table in edition.tables) - sum(held.values())
    chosen, left_out = [], []
    refused = {bag: leave.reason(bag) for bag in (*leave.barred, *leave.tainted)}
    for need, entry in sorted(
        ((_need(entry, parts.get(entry.id, {})), entry) for entry in edition.bags),
        key=lambda pair: (pair[0], pair[1].id),
    ):
        more = max(0, need - held.get(entry.id, 0))
        if entry.id in refused:
            left_out.append((entry.id, refused[entry.id]))
        elif _is_withdrawn(known.get(entry.id)):
            left_out.append((entry.id, "was withdrawn, and what was withdrawn does not come back"))
        elif entry.id not in parts:
            left_out.append((entry.id, "holds none of the recordings that are wanted"))
        elif more > room:
            left_out.append((entry.id, f"needs {more} bytes where {max(room, 0)} are left of the budget"))
        else:
            chosen.append(entry.id)
            room -= more
    return Choice(tuple(chosen), tuple(left_out))


def _need(entry: BagEntry, files: Mapping[str, int]) -> int:
    """Return the bytes that these files of a bag take, with its tag files and its torrent."""
    return sum(files.values()) + entry.bytes - entry.payload_bytes + entry.torrent.size


def _is_withdrawn(holding: Holding | None) -> bool:
    return holding is not None and holding.state is HoldingState.WITHDRAWN


def sort_bags(
    mirror: Archive,
    choice: Choice,
    entries: Mapping[str, BagEntry],
    parts: Parts | None,
    say: Callable[[str], None],
) -> Sorted:
    """Part what is held from what is to be fetched, as are held bags of which files are gone.

    Without ``parts``, whole bags are wanted: the rest of a bag held in part is to be fetched if it is chosen.
    """
    found, chosen = Sorted(), set(choice.chosen)
    with mirror.ledger.begin() as connection:
        known = all_holdings(connection)
        for bag in dict.fromkeys([*choice.chosen, *(bag for bag, _ in choice.left_out)]):
            entry, holding = entries[bag], known.get(bag)
            part = None if parts is None else frozenset(parts.get(bag, {}))
            if holding is None or holding.state not in HELD:
                if bag in chosen:
                    found.wanted.append(entry)
                    found.wanted_parts |= {} if part is None else {bag: part}
                continue
            files = verified_files(connection, bag)
            lost = lost_files(mirror.bags / bag, files)
            if lost:
                reopen(connection, bag, lost)
                say(f"{bag} has lost {len(lost)} files (first: {lost[0]}): fetching them.")
            whole = holding.state is HoldingState.COMPLETE
            gone = {} if whole else lost_since(connection, bag)
            more = not whole and bag in chosen and (part is None or bool(part - files.keys()))
            if lost or gone or more:
                found.wanted.append(entry)
                if not whole and not (more and part is None):
                    found.wanted_parts[bag] = frozenset(
                        path for path in {*files, *gone, *(part or ())} if path.startswith(PAYLOAD)
                    )
                continue
            # A kill may have come between ledger and link.
            publish_bag(mirror.public, bag, entry.audience)
            found.held.append(entry)
            if not whole:
                found.held_parts[bag] = frozenset(files)
    return found
