"""Following somebody's editions: what is new, and is it theirs? Nothing else of the origin is believed.

The chain: a root trusted at first contact (or by its fingerprint) → TUF's roles → ``edition.json`` → SHA-256
of all else. On top of TUF, an edition may not go back, nor drop or rewrite a bag without a withdrawal; what
was withdrawn stays so, or is said to be reinstated.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuf.api.exceptions import DownloadHTTPError, DownloadLengthMismatchError, RepositoryError
from tuf.api.metadata import Metadata, TargetFile
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

from phonotheque.editions.edition import MAX_EDITION_BYTES, Edition, Tombstone, read_edition
from phonotheque.editions.trust import root_fingerprint
from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.model.errors import NetworkError, NotFoundError, UsageError, VerificationError
from phonotheque.model.territory import parse_territory
from phonotheque.vault.place import fsync_dir, fsync_file, write_durably

EDITION = "edition.json"
ROLE_FILES = ("root.json", "timestamp.json", "snapshot.json", "targets.json")  # of python-tuf's client
_MAX_ROOT = 512_000  # bytes, as python-tuf's client has it
_SCHEME = "origin:"
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
_ADVICE = "Nothing was taken from it; what is held stays. Ask the publisher, by another way, what happened."


@dataclass(frozen=True, slots=True)
class Followed:
    """The newest edition that verifies. ``stale`` names the roles whose signatures have expired."""

    edition: Edition
    data: bytes  # its edition.json, verbatim
    sha256: str
    fingerprint: str  # of the first root, to be compared with what the publisher says elsewhere
    stale: tuple[str, ...] = ()
    first_use: bool = False  # the root was trusted because it was the first one seen
    offline: bool = False  # the origin could not be reached; this is what was accepted before


def follow(origin: Origin, trust_dir: Path, *, now: datetime, trust: str | None = None) -> Followed:
    """Return the newest edition of ``origin`` after checking it against everything accepted before.

    ``trust_dir`` keeps the TUF client's state and the last edition accepted. ``trust`` demands a fingerprint
    of the first root (:func:`~phonotheque.editions.trust.root_fingerprint`); without it, the first root seen
    is trusted, and only if all that hangs on it verifies.

    Expired signatures are not refused but reported as ``stale``: an archive must outlive its publisher. For
    this, python-tuf's client runs with its clock at 1970, where nothing has expired, and the expiry of all
    four roles is compared with ``now`` afterwards. Its other checks hold as they are: signatures and
    thresholds, versions that never go back, the snapshot against the timestamp, lengths and hashes.

    Raises VerificationError naming the file that does not verify. When the origin cannot be reached or is
    empty, what was accepted before is returned as ``offline``; if that is nothing, NetworkError or
    NotFoundError is raised.
    """
    held = accepted(trust_dir, now=now)
    if held is not None:
        _demand(trust_dir, trust)
        _mend_root(trust_dir)
        try:
            return _accept(origin, trust_dir, now, held)
        except (NetworkError, NotFoundError):
            return held
    if trust_dir.exists():
        raise VerificationError(
            f"{trust_dir} lacks {EDITION}: what was trusted before is not known any more.",
            "Restore it from a backup. To trust anew whoever answers first, remove the folder.",
        )
    return _first_contact(origin, trust_dir, now, trust)


def _first_contact(origin: Origin, trust_dir: Path, now: datetime, trust: str | None) -> Followed:
    """Build the trusted state beside its place: a root is trusted only with an edition that verifies."""
    work = trust_dir.with_name(trust_dir.name + ".new")
    if work.exists():
        shutil.rmtree(work)  # from a run that was interrupted
    history = work / "root_history"
    history.mkdir(parents=True)
    try:
        root = fetch(origin, "metadata/1.root.json", _MAX_ROOT)
        (history / "1.root.json").write_bytes(root)
        (work / "root.json").write_bytes(root)
        _demand(work, trust)
        followed = _accept(origin, work, now, held=None)
        work.rename(trust_dir)
        fsync_dir(trust_dir.parent)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)  # the next run removes what this could not
        raise
    return followed


def _accept(origin: Origin, trust_dir: Path, now: datetime, held: Followed | None) -> Followed:
    fetcher = _Fetcher(origin)
    with _naming_files(fetcher):
        updater = Updater(str(trust_dir), f"{_SCHEME}metadata/", fetcher=fetcher, bootstrap=None)
        # No public way leads to the client's clock. Should this name ever change, expired metadata would be
        # refused (and a test fail), nothing would be accepted that should not be.
        updater._trusted_set.reference_time = _LONG_AGO
        updater.refresh()
        data, sha256 = _edition_json(origin, updater)
        edition = read_edition(data)
        if _listed(updater, f"editions/{edition.number}/{EDITION}") != sha256:
            raise VerificationError(
                f"targets.json lists another edition {edition.number} than {EDITION}.", _ADVICE
            )
        if held is not None:
            _check_succession(
                held, edition, sha256, _listed(updater, f"editions/{held.edition.number}/{EDITION}")
            )
    _make_durable(trust_dir)
    write_durably(trust_dir / EDITION, data)
    return Followed(
        edition, data, sha256, _fingerprint(trust_dir), _stale(trust_dir, now), first_use=held is None
    )


def _edition_json(origin: Origin, updater: Updater) -> tuple[bytes, str]:
    info = updater.get_targetinfo(EDITION)
    if info is None:
        raise NotFoundError(f"No edition is published at {origin.where} yet.", "Try again later.")
    sha256 = _sha256(info)
    path = f"targets/{sha256}.{EDITION}"
    if info.length > MAX_EDITION_BYTES:
        raise VerificationError(f"{path} is too large: {info.length} bytes.", _ADVICE)
    data = fetch(origin, path, info.length)
    if len(data) != info.length or hashlib.sha256(data).hexdigest() != sha256:
        raise VerificationError(f"{path} at {origin.where} is not what targets.json lists.", _ADVICE)
    return data, sha256


def _listed(updater: Updater, path: str) -> str | None:
    info = updater.get_targetinfo(path)
    return None if info is None else _sha256(info)


def _sha256(info: TargetFile) -> str:
    sha256 = info.hashes.get("sha256", "")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise VerificationError(f"targets.json gives no SHA-256 for {info.path}.", _ADVICE)
    return sha256


def _check_succession(held: Followed, new: Edition, sha256: str, listed: str | None) -> None:
    """Refuse an edition that contradicts the one held, of which targets.json says ``listed``."""
    old = held.edition
    if new.archive.id != old.archive.id:
        raise VerificationError(
            f"{EDITION} is of another archive, {new.archive.id} “{new.archive.name}”.", _ADVICE
        )
    if new.number < old.number:
        raise VerificationError(
            f"{EDITION} goes back to edition {new.number}; edition {old.number} is held.", _ADVICE
        )
    if listed != held.sha256 or (new.number == old.number and sha256 != held.sha256):
        raise VerificationError(
            f"{EDITION}: edition {old.number} was rewritten since it was accepted.", _ADVICE
        )
    if new.previous and new.previous.number == old.number and new.previous.sha256 != held.sha256:
        raise VerificationError(
            f"{EDITION} does not follow from edition {old.number} as it is held.", _ADVICE
        )
    current = {bag.id: bag for bag in new.bags}
    for gone in old.withdrawals:
        if gone.bag in current:
            raise VerificationError(
                f"{EDITION} brings back the bag {gone.bag}, which was withdrawn.", _ADVICE
            )
    withdrawn = {withdrawal.bag for withdrawal in new.withdrawals}
    for gone in old.withdrawals:
        if gone.bag not in withdrawn:
            raise VerificationError(
                f"{EDITION} no longer says that the bag {gone.bag} was withdrawn.", _ADVICE
            )
    _check_tombstones(old, new)
    for bag in old.bags:
        if bag.id not in current and bag.id not in withdrawn:
            raise VerificationError(f"{EDITION} drops the bag {bag.id} without withdrawing it.", _ADVICE)
        if bag.id in current and current[bag.id] != bag:
            raise VerificationError(
                f"{EDITION} rewrites the bag {bag.id}; sealed bags never change.", _ADVICE
            )


def _check_tombstones(old: Edition, new: Edition) -> None:
    """Refuse an edition that takes back less than the one held, without saying that it was reinstated."""
    said: dict[tuple[str, str], list[Tombstone]] = defaultdict(list)
    for stone in new.tombstones:
        for sha256 in stone.sha256:
            said[stone.id, sha256].append(stone)
    for stone in old.tombstones:
        for sha256 in stone.sha256:
            if not any(_says_no_less(later, stone) for later in said[stone.id, sha256]):
                raise VerificationError(
                    f"{EDITION} no longer takes back {sha256} in {stone.territory} (tombstone {stone.id}).",
                    _ADVICE,
                )


def _says_no_less(later: Tombstone, stone: Tombstone) -> bool:
    return (
        later.territory == stone.territory
        or later.reinstated is not None
        or parse_territory(stone.territory) <= parse_territory(later.territory)
    )


def accepted(trust_dir: Path, *, now: datetime) -> Followed | None:
    """Return what was accepted last, from the disk alone; None before first contact."""
    try:
        data = (trust_dir / EDITION).read_bytes()
    except FileNotFoundError:
        return None
    edition = read_edition(data)
    sha256 = hashlib.sha256(data).hexdigest()
    return Followed(edition, data, sha256, _fingerprint(trust_dir), _stale(trust_dir, now), offline=True)


def _stale(trust_dir: Path, now: datetime) -> tuple[str, ...]:
    stale = []
    for name in ROLE_FILES:
        path = trust_dir / name
        if name == "root.json" and not path.exists():
            path = _newest_root(trust_dir)
        metadata: Metadata[Any] = Metadata.from_bytes(path.read_bytes())
        if metadata.signed.is_expired(now):
            stale.append(name.removesuffix(".json"))
    return tuple(stale)


def _mend_root(trust_dir: Path) -> None:
    """Point ``root.json`` at the newest root again, if it points nowhere.

    python-tuf's client removes that link at every look and makes it anew; a kill or a full disk can come
    between. A root is in the history only after it was verified.
    """
    link = trust_dir / "root.json"
    if link.exists():
        return
    fresh = trust_dir / ".root.json"
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(_newest_root(trust_dir).relative_to(trust_dir))
    fresh.replace(link)


def _newest_root(trust_dir: Path) -> Path:
    roots = (trust_dir / "root_history").glob("*.root.json")
    return max(roots, key=lambda path: int(path.name.partition(".")[0]))


def _fingerprint(trust_dir: Path) -> str:
    return root_fingerprint((trust_dir / "root_history" / "1.root.json").read_bytes())


def _demand(trust_dir: Path, trust: str | None) -> None:
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


def _make_durable(trust_dir: Path) -> None:
    """Bring to the disk what python-tuf's client has written: losing it would let an attacker go back."""
    for name in ROLE_FILES:
        fsync_file((trust_dir / name).resolve())
    fsync_dir(trust_dir / "root_history")
    fsync_dir(trust_dir)


class _Fetcher(FetcherInterface):
    """Lets python-tuf's client read from an origin, and remembers what it read last, for messages."""

    def __init__(self, origin: Origin) -> None:
        self.origin = origin
        self.last = "metadata/1.root.json"

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.last = url.removeprefix(_SCHEME)
        try:
            yield from self.origin.open_range(self.last)
        except NotFoundError as error:
            raise DownloadHTTPError(error.message, 404) from error


@contextmanager
def _naming_files(fetcher: _Fetcher) -> Iterator[None]:
    try:
        yield
    except DownloadHTTPError as error:
        raise NotFoundError(str(error), "The tree is incomplete there: try again later.") from error
    except (DownloadLengthMismatchError, RepositoryError) as error:
        where = f"{fetcher.last} at {fetcher.origin.where}"
        raise VerificationError(f"{where} does not verify: {error}.", _ADVICE) from error
