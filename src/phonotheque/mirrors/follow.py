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
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tuf.api.metadata import Metadata, TargetFile, Targets

from phonotheque.editions.edition import MAX_EDITION_BYTES, Edition, Tombstone, read_edition
from phonotheque.editions.tree import SIGNPOSTS
from phonotheque.editions.trust import root_fingerprint
from phonotheque.mirrors.by_key import KeyOrigin, pledged_root
from phonotheque.mirrors.looks import recall, remember
from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.mirrors.origins import each, prefer
from phonotheque.mirrors.tuf_client import (
    ADVICE,
    MAX_ROOT,
    MAX_TIMESTAMP,
    ROLE_FILES,
    TIMESTAMP,
    BehindError,
    TufClient,
)
from phonotheque.model.errors import (
    NetworkError,
    NotFoundError,
    PhonothequeError,
    UsageError,
    VerificationError,
)
from phonotheque.model.territory import parse_territory
from phonotheque.vault.place import fsync_dir, fsync_file, write_durably

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
    version: int = 0  # of TUF's timestamp
    signposts: tuple[str, ...] = ()  # keys by which the archive is found in the DHT, in hex


def follow(origin: Origin, trust_dir: Path, *, now: datetime, trust: str | None = None) -> Followed:
    """Return the newest edition of ``origin`` after checking it against everything accepted before.

    Of several origins (:class:`~phonotheque.mirrors.origins.Origins`) the first that answers, verifies and is
    not stale is enough; once a day all are asked, since one could be held back for long without being stale.
    What is accepted of one has to be continued by the next, so the newest that verifies wins.

    ``trust_dir`` keeps the TUF client's state and the last edition accepted. ``trust`` demands a fingerprint
    of the first root (:func:`~phonotheque.editions.trust.root_fingerprint`); without it, the first root seen
    is trusted, and only if all that hangs on it verifies.

    Expired signatures are not refused but reported as ``stale``: an archive must outlive its publisher. For
    this, the TUF client runs with its clock at 1970, where nothing has expired, and the expiry of all four
    roles is compared with ``now`` afterwards. Its other checks hold as they are.

    Raises VerificationError naming the file that does not verify, unless another origin has what does. When
    none can be reached or has anything, what was accepted before is returned as ``offline``; if that is
    nothing, NetworkError or NotFoundError is raised.
    """
    held = accepted(trust_dir, now=now)
    if held is None and trust_dir.exists():
        raise VerificationError(
            f"{trust_dir} lacks {EDITION}: what was trusted before is not known any more.",
            "Restore it from a backup. To trust anew whoever answers first, remove the folder.",
        )
    if held is not None:
        _demand(trust_dir, trust)
        _mend_root(trust_dir)
    best: Followed | None = None
    gone, behind, refused = list[PhonothequeError](), list[VerificationError](), list[VerificationError]()
    for one in each(origin):
        if best is not None and not best.stale and not recall(trust_dir).due(one.where, now):
            continue
        found = None
        try:
            found = _look(one, trust_dir, now, trust)
        except (NetworkError, NotFoundError) as error:
            gone.append(error)
        except BehindError as error:
            behind.append(error)
        except VerificationError as error:
            if accepted(trust_dir, now=now) is None and not trust:
                raise  # who is the first to be trusted is not for the next one to say
            refused.append(error)
        if found is None:
            if best is not None:
                remember(trust_dir, recall(trust_dir).tried(one.where, now))
            continue
        if best is None or found.sha256 != best.sha256 or len(found.stale) < len(best.stale):
            best = replace(found, first_use=held is None)
            prefer(origin, one)
    warnings = tuple(error.message for error in (*gone, *behind, *refused))
    if best is not None:
        return replace(best, warnings=(*best.warnings, *warnings))
    if refused or (behind and not gone):
        raise [*refused, *behind][0]
    if held is None:
        raise gone[0]
    return replace(held, warnings=warnings)


def _look(origin: Origin, trust_dir: Path, now: datetime, trust: str | None) -> Followed:
    """Look at one origin: only at its timestamp, if that is the known one and all was looked at lately."""
    held, pledged = accepted(trust_dir, now=now), pledged_root(origin)
    if held is None:
        found = _first_contact(origin, trust_dir, now, tuple(filter(None, (trust, pledged))))
        return replace(found, warnings=_unnamed(origin, found))
    if pledged is not None and pledged != held.fingerprint:
        raise VerificationError(
            f"{origin.where} leads to the archive {pledged}, not to {held.fingerprint}.", ADVICE
        )
    looks = recall(trust_dir)
    due = looks.due(origin.where, now)
    fresh = origin.read_if_changed(TIMESTAMP, MAX_TIMESTAMP, None if due else looks.stamps.get(origin.where))
    same = replace(held, offline=False, warnings=_unnamed(origin, held))
    if fresh is None:
        return same
    data, stamp = fresh
    digest = hashlib.sha256(data).hexdigest()
    if digest == looks.timestamp and not due:
        if looks.stamps.get(origin.where) != stamp:
            remember(trust_dir, looks.seen(origin.where, stamp))
        return same
    found = _accept(origin, trust_dir, now, held, {TIMESTAMP: data})
    remember(trust_dir, looks.looked(origin.where, digest, stamp, now))
    return replace(found, warnings=_unnamed(origin, found))


def _unnamed(origin: Origin, found: Followed) -> tuple[str, ...]:
    """Say that a key is followed which the archive does not name, as after it has named another one."""
    if not isinstance(origin, KeyOrigin) or origin.key in found.signposts:
        return ()
    named = ", ".join(found.signposts) or "none"
    return (f"The archive does not name the key {origin.key} by which it is followed; it names: {named}.",)


def _first_contact(origin: Origin, trust_dir: Path, now: datetime, demanded: tuple[str, ...]) -> Followed:
    """Build the trusted state beside its place: a root is trusted only with an edition that verifies."""
    work = trust_dir.with_name(trust_dir.name + ".new")
    if work.exists():
        shutil.rmtree(work)  # from a run that was interrupted
    history = work / "root_history"
    history.mkdir(parents=True)
    try:
        root = fetch(origin, "metadata/1.root.json", MAX_ROOT)
        (history / "1.root.json").write_bytes(root)
        (work / "root.json").write_bytes(root)
        for fingerprint in demanded:
            _demand(work, fingerprint)
        followed = _accept(origin, work, now, held=None)
        work.rename(trust_dir)
        fsync_dir(trust_dir.parent)
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)  # the next run removes what this could not
        raise
    return followed


def _accept(
    origin: Origin,
    trust_dir: Path,
    now: datetime,
    held: Followed | None,
    ready: Mapping[str, bytes] | None = None,
) -> Followed:
    client = TufClient(origin, trust_dir, ready=ready)
    client.refresh()
    data, sha256 = _edition_json(origin, client, held)
    edition = read_edition(data)
    if _listed(client, f"editions/{edition.number}/{EDITION}") != sha256:
        raise VerificationError(
            f"targets.json lists another edition {edition.number} than {EDITION}.", ADVICE
        )
    if held is not None:
        _check_succession(held, edition, sha256, _listed(client, f"editions/{held.edition.number}/{EDITION}"))
    _make_durable(trust_dir)
    if held is None or held.data != data:
        write_durably(trust_dir / EDITION, data)
    return replace(_as_it_lies(edition, data, sha256, trust_dir, now), first_use=held is None)


def _edition_json(origin: Origin, client: TufClient, held: Followed | None) -> tuple[bytes, str]:
    target = client.find(EDITION)
    if target is None:
        raise NotFoundError(f"No edition is published at {origin.where} yet.", "Try again later.")
    sha256 = _sha256(target)
    if held is not None and held.sha256 == sha256:
        return held.data, sha256
    return client.read(target, MAX_EDITION_BYTES), sha256


def _listed(client: TufClient, path: str) -> str | None:
    target = client.find(path)
    return None if target is None else _sha256(target)


def _sha256(target: TargetFile) -> str:
    sha256 = target.hashes.get("sha256", "")
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise VerificationError(f"targets.json gives no SHA-256 for {target.path}.", ADVICE)
    return sha256


def _check_succession(held: Followed, new: Edition, sha256: str, listed: str | None) -> None:
    """Refuse an edition that contradicts the one held, of which targets.json says ``listed``."""
    old = held.edition
    if new.archive.id != old.archive.id:
        raise VerificationError(
            f"{EDITION} is of another archive, {new.archive.id} “{new.archive.name}”.", ADVICE
        )
    if new.number < old.number:
        raise VerificationError(
            f"{EDITION} goes back to edition {new.number}; edition {old.number} is held.", ADVICE
        )
    if listed != held.sha256 or (new.number == old.number and sha256 != held.sha256):
        raise VerificationError(
            f"{EDITION}: edition {old.number} was rewritten since it was accepted.", ADVICE
        )
    if new.previous and new.previous.number == old.number and new.previous.sha256 != held.sha256:
        raise VerificationError(f"{EDITION} does not follow from edition {old.number} as it is held.", ADVICE)
    current = {bag.id: bag for bag in new.bags}
    for gone in old.withdrawals:
        if gone.bag in current:
            raise VerificationError(f"{EDITION} brings back the bag {gone.bag}, which was withdrawn.", ADVICE)
    withdrawn = {withdrawal.bag for withdrawal in new.withdrawals}
    for gone in old.withdrawals:
        if gone.bag not in withdrawn:
            raise VerificationError(
                f"{EDITION} no longer says that the bag {gone.bag} was withdrawn.", ADVICE
            )
    _check_tombstones(old, new)
    for bag in old.bags:
        if bag.id not in current and bag.id not in withdrawn:
            raise VerificationError(f"{EDITION} drops the bag {bag.id} without withdrawing it.", ADVICE)
        if bag.id in current and current[bag.id] != bag:
            raise VerificationError(f"{EDITION} rewrites the bag {bag.id}; sealed bags never change.", ADVICE)


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
                    ADVICE,
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
    return replace(_as_it_lies(edition, data, sha256, trust_dir, now), offline=True)


def _as_it_lies(edition: Edition, data: bytes, sha256: str, trust_dir: Path, now: datetime) -> Followed:
    timestamp: Metadata[Any] = Metadata.from_bytes((trust_dir / "timestamp.json").read_bytes())
    return Followed(
        edition,
        data,
        sha256,
        _fingerprint(trust_dir),
        _stale(trust_dir, now),
        version=timestamp.signed.version,
        signposts=_signposts(trust_dir),
    )


def _signposts(trust_dir: Path) -> tuple[str, ...]:
    """Return the keys that the signed metadata name for the DHT; what is no key is none."""
    targets: Metadata[Targets] = Metadata.from_bytes((trust_dir / "targets.json").read_bytes())
    edition = targets.signed.targets.get(EDITION)
    custom = edition.custom if edition is not None else None
    named = custom.get(SIGNPOSTS) if isinstance(custom, dict) else None
    keys = named[:_MOST_SIGNPOSTS] if isinstance(named, list) else []
    return tuple(key for key in keys if isinstance(key, str) and re.fullmatch(r"[0-9a-f]{64}", key))


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
