"""What a mirror remembers of its looks at origins, so that one at which nothing has changed costs a 304.

Nothing of it is trusted: an origin that says “not changed” could as well send the old file again. So a look
at everything, roots included, is due at least once a day.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from phonotheque.mirrors.origin import Stamp
from phonotheque.vault.place import write_durably

_FILE = "looks.json"
_WHOLE = timedelta(days=1)
_MOST = 100  # origins that are remembered


@dataclass(frozen=True, slots=True)
class Looks:
    """``timestamp`` is the SHA-256 of the timestamp.json behind which the accepted edition was found."""

    timestamp: str = ""
    whole: Mapping[str, str] = field(
        default_factory=dict
    )  # by origin, when everything was looked at, ISO 8601
    stamps: Mapping[str, Stamp] = field(default_factory=dict)  # by origin, of that timestamp.json

    def due(self, where: str, now: datetime) -> bool:
        """Tell whether everything is to be looked at, even if the timestamp is the one that is known."""
        try:
            last = datetime.fromisoformat(self.whole[where])
            return not timedelta() <= now - last < _WHOLE
        except (KeyError, ValueError, TypeError):
            return True

    def seen(self, where: str, stamp: Stamp) -> Looks:
        """Return this with an origin at which the timestamp is the known one."""
        return replace(self, stamps=dict(list({**self.stamps, where: stamp}.items())[-_MOST:]))

    def tried(self, where: str, now: datetime) -> Looks:
        """Return this with an origin that could not be looked at, to be left alone for as long."""
        return replace(self, whole=dict(list({**self.whole, where: now.isoformat()}.items())[-_MOST:]))

    def looked(self, where: str, timestamp: str, stamp: Stamp, now: datetime) -> Looks:
        """Return this with an origin of which everything was looked at, and accepted."""
        kept = self.stamps if timestamp == self.timestamp else {}
        whole = dict(list({**self.whole, where: now.isoformat()}.items())[-_MOST:])
        return Looks(timestamp, whole, kept).seen(where, stamp)


def recall(trust_dir: Path) -> Looks:
    """Return what is remembered; nothing where that is not there, or cannot be read as what it should be."""
    try:
        known: Any = json.loads((trust_dir / _FILE).read_bytes())
        stamps = {str(where): Stamp(str(etag), str(date)) for where, (etag, date) in known["stamps"].items()}
        whole = {str(where): str(at) for where, at in known["whole"].items()}
        return Looks(str(known["timestamp"]), whole, stamps)
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return Looks()  # then everything is looked at


def remember(trust_dir: Path, looks: Looks) -> None:
    """Keep it for the next look."""
    known = {
        "timestamp": looks.timestamp,
        "whole": dict(looks.whole),
        "stamps": {where: [stamp.etag, stamp.modified] for where, stamp in looks.stamps.items()},
    }
    write_durably(trust_dir / _FILE, json.dumps(known).encode())
