"""What a mirror's keeper agreed to let go for a smaller budget, and which bags are on their way out for it.

Without that agreement a mirror drops nothing, however full it is: not for an index that has grown, nor for a
bag that is wanted as a whole now. It is of so many bytes, and ends when they are gone, or when all fits.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Final

from phonotheque.ledger.holdings import GOING, HoldingState, all_holdings, bytes_held
from phonotheque.mirrors.follow import accepted
from phonotheque.mirrors.home import trust_dir
from phonotheque.mirrors.strict_json import read_json
from phonotheque.model.errors import VerificationError
from phonotheque.vault.archive import Archive, now
from phonotheque.vault.place import fsync_dir, write_durably

LOWERING: Final = "lowering.json"  # in the mirror's folder


@dataclass(frozen=True, slots=True)
class Lowering:
    """So many ``bytes`` may still go.

    ``announced``: bags that are to go, and since when reports do not speak of them as held any more.
    ``resting``: bags that were announced in vain, and until when they are not again.
    """

    bytes: int
    announced: Mapping[str, str] = field(default_factory=dict)
    resting: Mapping[str, str] = field(default_factory=dict)


def read_lowering(mirror: Archive) -> Lowering | None:
    """Return what may go, None for nothing. Raises VerificationError naming a file that makes no sense."""
    path = mirror.folder / LOWERING
    try:
        value = read_json(path.read_bytes())
        size, announced, resting = value["bytes"], value["announced"], value["resting"]
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError) as error:
        raise _senseless(mirror, str(error)) from error
    if not isinstance(size, int) or not _are_times(announced) or not _are_times(resting):
        raise _senseless(mirror, "it has other values than it should")
    return Lowering(size, announced, resting)


def keep_lowering(mirror: Archive, lowering: Lowering | None) -> None:
    """Keep what may go from now on. The caller holds the mirror's lock."""
    path = mirror.folder / LOWERING
    if lowering == read_lowering(mirror):
        return
    if lowering is not None:
        write_durably(path, json.dumps(asdict(lowering), indent=1).encode())
    else:
        path.unlink()
        fsync_dir(mirror.folder)


def agree(mirror: Archive, size: int) -> None:
    """Let ``size`` bytes go, no more and no less. The caller holds the mirror's lock."""
    before = read_lowering(mirror) or Lowering(0)
    keep_lowering(mirror, Lowering(size, before.announced, before.resting))


def bytes_over(mirror: Archive, budget: int) -> int:
    """Return by how many bytes what is here is more than ``budget`` allows; 0 where it fits."""
    followed = accepted(trust_dir(mirror), now=now())
    if followed is None:
        return 0
    edition = followed.edition
    with mirror.ledger.connect() as ledger:
        known, sizes = all_holdings(ledger), bytes_held(ledger)
    here = sum(
        sizes.get(entry.id, 0) + entry.torrent.size
        if known[entry.id].state is HoldingState.PARTIAL
        else entry.bytes + entry.torrent.size
        for entry in edition.bags
        if entry.id in known and known[entry.id].state not in GOING and _is_here(mirror, entry.id)
    )
    return max(0, here + sum(table.size for table in edition.tables) - budget)


def _is_here(mirror: Archive, bag: str) -> bool:
    return (mirror.bags / bag).exists() or (mirror.folder / "vault" / "arriving" / bag).exists()


def _are_times(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(one, str) for one in value.values())


def _senseless(mirror: Archive, why: str) -> VerificationError:
    return VerificationError(
        f"{mirror.folder / LOWERING} makes no sense: {why}.",
        "Remove it: nothing is dropped then, until you say so again with --drop.",
    )
