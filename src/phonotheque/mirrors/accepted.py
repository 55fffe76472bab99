"""What a mirror has accepted, as it lies on the disk: TUF's trusted metadata, and the last edition."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata

from phonotheque.editions.edition import Edition, read_edition
from phonotheque.editions.tree import SIGNPOSTS
from phonotheque.editions.trust import root_fingerprint
from phonotheque.mirrors.tuf_client import ROLE_FILES
from phonotheque.model.errors import UsageError, VerificationError
from phonotheque.vault.place import fsync_dir, fsync_file

EDITION = "edition.json"
_MOST_SIGNPOSTS = 10


@dataclass(frozen=True, slots=True)
class Followed:
    """The newest edition that verifies. ``stale`` names the roles whose signatures have expired."""

    edition: Edition
    data: bytes  # its edition.json, verbatim
    sha256: str
    fingerprint: str  # of the first root, to be compared with what the publisher says elsewhere
    stale: tuple[str, ...] = ()
    first_use: bool = False  # the root was trusted because it was the first one seen
    offline: bool = False  # no origin could be reached; this is what was accepted before
    warnings: tuple[str, ...] = ()  # what was wrong with origins that were passed over
    version: int = 0  # of TUF's timestamp; 0 if the metadata here are damaged, and have to be fetched anew
    signposts: tuple[str, ...] = ()  # keys by which the archive is found in the DHT, in hex


def accepted(trust_dir: Path, *, now: datetime) -> Followed | None:
    """Return what was accepted last, from the disk alone; None before first contact."""
    try:
        data = (trust_dir / EDITION).read_bytes()
    except FileNotFoundError:
        return None
    edition = read_edition(data)
    sha256 = hashlib.sha256(data).hexdigest()
    return replace(as_it_lies(edition, data, sha256, trust_dir, now), offline=True)


def as_it_lies(edition: Edition, data: bytes, sha256: str, trust_dir: Path, now: datetime) -> Followed:
    """Return an edition with what the metadata beside it say."""
    roles = {name: _trusted(trust_dir / name) for name in ROLE_FILES}
    roles["root.json"] = roles["root.json"] or _trusted(_newest_root(trust_dir))
    timestamp = roles["timestamp.json"]
    return Followed(
        edition,
        data,
        sha256,
        _fingerprint(trust_dir),
        _stale(roles, now),
        version=timestamp.signed.version if timestamp and all(roles.values()) else 0,
        signposts=_signposts(roles["targets.json"]),
    )


def _trusted(path: Path) -> Metadata[Any] | None:
    """Return a role's metadata; None where a loss of power left nothing, as they are not fsynced at once.

    Then they are fetched anew; that the edition does not go back is checked by the edition itself.
    """
    try:
        return Metadata.from_bytes(path.read_bytes())
    except (FileNotFoundError, RepositoryError):
        return None


def _signposts(targets: Metadata[Any] | None) -> tuple[str, ...]:
    """Return the keys that the signed metadata name for the DHT; what is no key is none."""
    edition = targets.signed.targets.get(EDITION) if targets is not None else None
    custom = edition.custom if edition is not None else None
    named = custom.get(SIGNPOSTS) if isinstance(custom, dict) else None
    keys = named[:_MOST_SIGNPOSTS] if isinstance(named, list) else []
    return tuple(key for key in keys if isinstance(key, str) and re.fullmatch(r"[0-9a-f]{64}", key))


def _stale(roles: Mapping[str, Metadata[Any] | None], now: datetime) -> tuple[str, ...]:
    """Return which have expired, or are not there to tell."""
    return tuple(
        name.removesuffix(".json")
        for name, metadata in roles.items()
        if metadata is None or metadata.signed.is_expired(now)
    )


def mend_root(trust_dir: Path) -> None:
    """Point ``root.json`` at the newest root again, if it points nowhere, or at what a loss of power left.

    python-tuf's client removes that link at every look and makes it anew; a kill or a full disk can come
    between. A root is in the history only after it was verified.
    """
    link = trust_dir / "root.json"
    if _trusted(link) is not None:
        return
    while _trusted(newest := _newest_root(trust_dir)) is None and newest.name != "1.root.json":
        newest.unlink()  # it is fetched again, and verified by the one before
    fresh = trust_dir / ".root.json"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(newest.relative_to(trust_dir))
    fresh.replace(link)


def _newest_root(trust_dir: Path) -> Path:
    roots = (trust_dir / "root_history").glob("*.root.json")
    return max(roots, key=lambda path: int(path.name.partition(".")[0]))


def _fingerprint(trust_dir: Path) -> str:
    return root_fingerprint((trust_dir / "root_history" / "1.root.json").read_bytes())


def demand(trust_dir: Path, trust: str | None) -> None:
    """Raise VerificationError if the first root has another fingerprint, UsageError for what is none."""
    if trust is None:
        return
    wanted = re.sub(r"[\s:]", "", trust).lower()
    if not re.fullmatch(r"[0-9a-f]{64}", wanted):
        raise UsageError(f"“{trust}” is no fingerprint.", "It is a SHA-256: 64 hexadecimal digits.")
    if (found := _fingerprint(trust_dir)) != wanted:
        raise VerificationError(
            f"1.root.json has the fingerprint {found}, not {wanted}.",
            "This is not the archive you mean, or somebody stands between you and it.",
        )


def make_durable(trust_dir: Path) -> None:
    """Bring to the disk what python-tuf's client has written: losing it would let an attacker go back."""
    for name in ROLE_FILES:
        fsync_file((trust_dir / name).resolve())
    fsync_dir(trust_dir / "root_history")
    fsync_dir(trust_dir)
