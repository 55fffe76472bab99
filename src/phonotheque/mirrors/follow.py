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
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tuf.api.metadata import TargetFile

from phonotheque.editions.edition import MAX_EDITION_BYTES, Edition, Tombstone, read_edition
from phonotheque.mirrors.accepted import (
    EDITION,
    Followed,
    accepted,
    as_it_lies,
    demand,
    make_durable,
    mend_root,
)
from phonotheque.mirrors.by_key import KeyOrigin, mending, pledged_root
from phonotheque.mirrors.looks import recall, remember
from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.mirrors.origins import each, prefer
from phonotheque.mirrors.tuf_client import (
    ADVICE,
    MAX_ROOT,
    MAX_TIMESTAMP,
    TIMESTAMP,
    BehindError,
    TufClient,
)
from phonotheque.model.errors import NetworkError, NotFoundError, PhonothequeError, VerificationError
from phonotheque.model.territory import parse_territory
from phonotheque.vault.place import fsync_dir, write_durably

__all__ = ["EDITION", "Followed", "accepted", "follow"]


def follow(origin: Origin, trust_dir: Path, *, now: datetime, trust: str | None = None) -> Followed:
    """Return the newest edition of ``origin`` after checking it against everything accepted before.

    Of several origins (:class:`~phonotheque.mirrors.origins.Origins`) the first that answers, verifies and is
    not stale is enough; once a day all are asked, since one could be held back for long without being stale.
    What is accepted of one has to be continued by the next, so the newest that verifies wins.

    ``trust_dir`` keeps the TUF client's state and the last edition accepted. ``trust`` demands a fingerprint
    of the first root (:func:`~phonotheque.editions.trust.root_fingerprint`); without it, the root of the
    first origin is trusted, and only if all that hangs on it verifies. What the owners of keys among the
    origins have signed is demanded, too.

    Expired signatures are not refused but reported as ``stale``: an archive must outlive its publisher. For
    this, the TUF client runs with its clock at 1970, where nothing has expired, and the expiry of all four
    roles is compared with ``now`` afterwards. Its other checks hold as they are.

    Raises VerificationError naming the file that does not verify, unless another origin has what does. When
    none can be reached or has anything, what was accepted before is returned as ``offline``. At first contact
    whatever the first origin raises is raised, as it is not for the others to say whom to trust; only with a
    fingerprint, demanded or signed by the first's key, they are asked.
    """
    held = accepted(trust_dir, now=now)
    if held is None and trust_dir.exists():
        raise VerificationError(
            f"{trust_dir} lacks {EDITION}: what was trusted before is not known any more.",
            "Restore it from a backup. To trust anew whoever answers first, remove the folder.",
        )
    if held is not None:
        demand(trust_dir, trust)
        mend_root(trust_dir)
    promises = (
        [one.promised() if isinstance(one, KeyOrigin) else None for one in each(origin)] if not held else []
    )
    demanded = tuple(known for known in (trust, *promises) if known)
    settled = held is not None or bool(trust)
    best: Followed | None = None
    gone, behind, refused = list[PhonothequeError](), list[VerificationError](), list[VerificationError]()
    for one in each(origin):
        if best is not None and not best.stale and not recall(trust_dir).due(one.where, now):
            continue
        found = None
        try:
            found = _look(one, trust_dir, now, demanded)
        except (NetworkError, NotFoundError) as error:
            if not (settled or best or promises[0]):
                raise
            gone.append(error)
        except BehindError as error:
            behind.append(error)
        except VerificationError as error:
            if not (settled or best):
                raise
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


def _look(origin: Origin, trust_dir: Path, now: datetime, demanded: tuple[str, ...]) -> Followed:
    held, pledged = accepted(trust_dir, now=now), pledged_root(origin)
    if held is None:
        roots = (*demanded, pledged) if pledged else demanded
        found = mending(origin, lambda: _first_contact(origin, trust_dir, now, roots))
        return replace(found, warnings=_unnamed(origin, found))
    if pledged is not None and pledged != held.fingerprint:
        raise VerificationError(
            f"{origin.where} leads to the archive {pledged}, not to {held.fingerprint}.", ADVICE
        )
    return mending(origin, lambda: _look_again(origin, trust_dir, now, held))


def _look_again(origin: Origin, trust_dir: Path, now: datetime, held: Followed) -> Followed:
    """Look at one origin: only at its timestamp, if that is the known one and all was looked at lately."""
    looks = recall(trust_dir)
    due = looks.due(origin.where, now) or not held.version
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
            demand(work, fingerprint)
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
    make_durable(trust_dir)
    if held is None or held.data != data:
        write_durably(trust_dir / EDITION, data)
    return replace(as_it_lies(edition, data, sha256, trust_dir, now), first_use=held is None)


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
