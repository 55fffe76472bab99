"""Where bags and torrents lie in the public tree, by audience.

What everybody may have lies under ``bags`` and ``targets/editions/N/torrents``. All else lies on a shelf of
its own, ``restricted/FR`` and ``targets/editions/N/restricted/FR``: one rule of a server guards it.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from phonotheque.model.territory import WORLDWIDE

BAGS = "bags"
RESTRICTED = "restricted"

_LONGEST = 100  # characters; longer lists of countries are named by their hash
_BAG = re.compile(rf"(?:{RESTRICTED}/(?P<shelf>[^/]+)/)?{BAGS}/(?P<bag>[^/]+)(?:/(?P<path>.+))?")
_TORRENT = re.compile(
    rf"targets/editions/[0-9]+/(?:torrents|{RESTRICTED}/(?P<shelf>[^/]+))/(?P<bag>[^/]+)\.torrent"
)


@dataclass(frozen=True, slots=True)
class Shelved:
    """What a path of the public tree leads to: a bag, or a file in it; ``path`` is None for its torrent."""

    shelf: str | None  # None for what everybody may have
    bag: str
    path: str | None


def shelf(audience: str) -> str | None:
    """Return the name of the folder for an audience, None for everybody: ``FR``, ``DE_FR``, ``WORLD_-DE``."""
    if audience == WORLDWIDE:
        return None
    name = audience.replace(" ", "_")
    return name if len(name) <= _LONGEST else hashlib.sha256(audience.encode()).hexdigest()[:32]


def bags_folder(audience: str) -> str:
    """Return where bags of an audience are shown, relative to ``public``."""
    name = shelf(audience)
    return BAGS if name is None else f"{RESTRICTED}/{name}/{BAGS}"


def torrent_path(edition: int, bag: str, audience: str) -> str:
    """Return where a bag's torrent lies, relative to ``public/targets``."""
    name = shelf(audience)
    folder = "torrents" if name is None else f"{RESTRICTED}/{name}"
    return f"editions/{edition}/{folder}/{bag}.torrent"


def shelved(path: str) -> Shelved | None:
    """Return what a path relative to ``public`` leads to; None if that is neither in a bag nor a torrent."""
    if match := _TORRENT.fullmatch(path):
        return Shelved(match["shelf"], match["bag"], None)
    if match := _BAG.fullmatch(path):
        return Shelved(match["shelf"], match["bag"], match["path"] or "")
    return None
