"""Signing what is published: the four TUF roles over the public tree, as python-tuf's client reads them.

The Update Framework, specification 1.0 (https://theupdateframework.github.io/specification/latest/). Only
``edition.json`` is a TUF target; everything else is reached from it by SHA-256. Keys are Ed25519
(:mod:`.keys`), and every signature is deterministic: the same state and the same ``now`` give the same bytes.
Other keys are named, and roots signed by several, in :mod:`.roots`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import (
    TOP_LEVEL_ROLE_NAMES,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from phonotheque.editions.keys import ROLES, create_keys, load_signer, own_keys, signers
from phonotheque.model.errors import UsageError, VerificationError
from phonotheque.vault.names import check_portable
from phonotheque.vault.place import feed, write_durably

__all__ = [
    "LIFETIMES",
    "ONLINE",
    "ROLES",
    "Lifetimes",
    "State",
    "advance",
    "count_signers",
    "create_keys",
    "init_repository",
    "load_state",
    "newest_root",
    "publish_targets",
    "renew",
    "root_fingerprint",
    "until",
]
ONLINE = ("targets", "snapshot", "timestamp")  # whose keys publishing needs
_S = TypeVar("_S", Root, Targets, Snapshot, Timestamp)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a role's signature holds. Past it, mirrors say “stale” and keep serving what they hold."""

    root: timedelta = timedelta(days=3650)
    targets: timedelta = timedelta(days=400)
    snapshot: timedelta = timedelta(days=400)
    timestamp: timedelta = timedelta(days=90)


LIFETIMES = Lifetimes()


def root_fingerprint(root_json: bytes) -> str:
    """Return the SHA-256 of ``1.root.json`` in hex: what a publisher tells mirrors by another way.

    Later roots are signed by earlier ones, so this one number vouches for all of them.
    """
    return hashlib.sha256(root_json).hexdigest()


def init_repository(public: Path, keys_dir: Path, *, now: datetime, lifetimes: Lifetimes = LIFETIMES) -> None:
    """Write version 1 of the four roles under ``public/metadata``, without any target yet.

    Raises UsageError when the tree is signed already.
    """
    metadata = public / "metadata"
    if (metadata / "timestamp.json").exists():
        raise UsageError(f"{metadata} is signed already.", "Publish to it, or choose another folder.")
    metadata.mkdir(parents=True, exist_ok=True)
    (public / "targets").mkdir(exist_ok=True)
    found = {role: load_signer(keys_dir / f"{role}.pem") for role in ROLES}
    root = Root(version=1, expires=until(now, lifetimes.root), consistent_snapshot=True)
    for role in ROLES:
        root.add_key(found[role].public_key, role)
    _write(metadata / "1.root.json", root, [found["root"]])
    state = State(root, Targets(), Snapshot(), Timestamp())
    advance(metadata, state, {role: [found[role]] for role in ONLINE}, now, lifetimes, step=0)


def publish_targets(
    public: Path,
    keys_dir: Path,
    files: Mapping[str, Path],
    *,
    now: datetime,
    lifetimes: Lifetimes = LIFETIMES,
    custom: Mapping[str, Mapping[str, object]] | None = None,
) -> int:
    """Sign ``files`` (target path → file) in addition to what is published; return the targets version.

    ``custom`` is what else is signed of a target, by path (TUF 1.0 §4.5: “custom”).

    Each is placed under ``public/targets`` by its own name and, as consistent snapshots ask (TUF 1.0 §6.2),
    as ``<sha256>.<name>``. The timestamp is replaced last, atomically: until then clients see what was there
    before. Files that are all published already, with these bytes, change nothing.
    """
    metadata = public / "metadata"
    state = load_state(metadata)
    listed = dict(state.targets.targets)
    for target, file in sorted(files.items()):
        listed[target] = _place(public / "targets", target, file)
        if custom and target in custom:
            listed[target].unrecognized_fields["custom"] = dict(custom[target])
    if listed == state.targets.targets and not state.outdated:
        return state.targets.version
    state.targets.targets = listed
    advance(metadata, state, _online(keys_dir, state.root), now, lifetimes)
    return state.targets.version


def renew(
    public: Path,
    keys_dir: Path,
    *,
    now: datetime,
    lifetimes: Lifetimes = LIFETIMES,
    within: timedelta = timedelta(days=14),
) -> tuple[str, ...]:
    """Sign again what expires ``within`` that time, so that mirrors do not call it stale; return the roles.

    The root is not among them: its key belongs offline, and a new root is a decision.
    """
    metadata = public / "metadata"
    state = load_state(metadata)
    soon = now + within
    if state.outdated or state.targets.is_expired(soon) or state.snapshot.is_expired(soon):
        advance(metadata, state, _online(keys_dir, state.root), now, lifetimes)
        return ONLINE
    if not state.timestamp.is_expired(soon):
        return ()
    state.timestamp.version += 1
    state.timestamp.expires = until(now, lifetimes.timestamp)
    _write(metadata / "timestamp.json", state.timestamp, signers(keys_dir, "timestamp", state.root))
    return ("timestamp",)


def count_signers(metadata: Path, keys_dir: Path) -> list[CryptoSigner]:
    """Return the keys of the timestamp, by which counts of copies are signed.

    No key, if fewer are here than the root asks for, or nothing was signed yet: what is counted is shown all
    the same. Raises PhonothequeError for a key that cannot be read, VerificationError for a root.
    """
    if not (metadata / "1.root.json").exists():
        return []
    root = _read(metadata / f"{newest_root(metadata)}.root.json", Root)
    here, role = own_keys(keys_dir, Timestamp.type), root.roles[Timestamp.type]
    listed = sorted(here.keys() & set(role.keyids))
    return [] if len(listed) < role.threshold else [load_signer(here[keyid]) for keyid in listed]


def _online(keys_dir: Path, *roots: Root) -> dict[str, list[CryptoSigner]]:
    return {role: signers(keys_dir, role, *roots) for role in ONLINE}


@dataclass(slots=True)
class State:
    """What is published now; python-tuf's roles are edited in place, then signed under a new version.

    ``outdated``: a run was killed between a new root and what its keys were to sign.
    """

    root: Root
    targets: Targets
    snapshot: Snapshot
    timestamp: Timestamp
    outdated: bool = False


def newest_root(metadata: Path) -> int:
    """Return the version of the newest root."""
    newest = 1
    while (metadata / f"{newest + 1}.root.json").exists():
        newest += 1
    return newest


def load_state(metadata: Path) -> State:
    """Read what the timestamp points at, checking every signature against the newest root, or the one before.

    Raises VerificationError naming the file that does not verify.
    """
    newest = newest_root(metadata)
    root = _read(metadata / f"{newest}.root.json", Root)
    try:
        return _pointed_at(metadata, root, root)
    except VerificationError:
        if newest == 1:
            raise
        before = _read(metadata / f"{newest - 1}.root.json", Root)
        if before.roles == root.roles:
            raise
        state = _pointed_at(metadata, root, before)
        state.outdated = True
        return state


def _pointed_at(metadata: Path, root: Root, by: Root) -> State:
    timestamp = _read(metadata / "timestamp.json", Timestamp, by)
    snapshot = _read(metadata / f"{timestamp.snapshot_meta.version}.snapshot.json", Snapshot, by)
    version = snapshot.meta["targets.json"].version
    targets = _read(metadata / f"{version}.targets.json", Targets, by)
    return State(root, targets, snapshot, timestamp)


def _read(path: Path, role: type[_S], root: Root | None = None) -> _S:
    try:
        signed = Metadata[_S].from_bytes(path.read_bytes())
        if signed.signed.type != role.type:
            raise RepositoryError(f"it is {signed.signed.type} metadata")
        delegator = root or signed.signed
        assert isinstance(delegator, Root)
        delegator.verify_delegate(role.type, signed.signed_bytes, signed.signatures)
    except FileNotFoundError as error:
        raise VerificationError(
            f"{path} is missing, so nothing can be signed after it.",
            "Restore it from a mirror, which keeps the same file.",
        ) from error
    except RepositoryError as error:
        raise VerificationError(
            f"{path} does not verify: {error}.", "Restore it from a mirror, which keeps the same file."
        ) from error
    return signed.signed


def advance(
    metadata: Path,
    state: State,
    by: Mapping[str, Sequence[CryptoSigner]],
    now: datetime,
    lifetimes: Lifetimes,
    step: int = 1,
) -> None:
    """Write the next targets, snapshot and, last, timestamp. Until that one is there, nothing has changed."""
    targets, snapshot, timestamp = state.targets, state.snapshot, state.timestamp
    targets.version += step
    targets.expires = until(now, lifetimes.targets)
    data = _write(metadata / f"{targets.version}.targets.json", targets, by["targets"])
    snapshot.version += step
    snapshot.expires = until(now, lifetimes.snapshot)
    snapshot.meta = {"targets.json": _meta(targets.version, data)}
    data = _write(metadata / f"{snapshot.version}.snapshot.json", snapshot, by["snapshot"])
    timestamp.version += step
    timestamp.expires = until(now, lifetimes.timestamp)
    timestamp.snapshot_meta = _meta(snapshot.version, data)
    _write(metadata / "timestamp.json", timestamp, by["timestamp"])


def _meta(version: int, data: bytes) -> MetaFile:
    return MetaFile(version, len(data), {"sha256": hashlib.sha256(data).hexdigest()})


def _write(path: Path, signed: _S, by: Sequence[CryptoSigner]) -> bytes:
    metadata: Metadata[_S] = Metadata(signed)
    for signer in by:
        metadata.sign(signer, append=True)
    data = metadata.to_bytes()
    write_durably(path, data)
    return data


def _place(targets: Path, target: str, file: Path) -> TargetFile:
    if reason := check_portable(target):
        raise UsageError(f"The target path {target} cannot be published: {reason}.")
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    plain = targets / target
    plain.parent.mkdir(parents=True, exist_ok=True)
    for path in (plain.with_name(f"{digest}.{plain.name}"), plain):
        if not path.exists() or feed(path, hashlib.sha256()).hexdigest() != digest:
            write_durably(path, data)
    return TargetFile(len(data), {"sha256": digest}, target)


def until(now: datetime, lifetime: timedelta) -> datetime:
    """Return when a signature made now expires: TUF's dates have whole seconds."""
    return (now + lifetime).replace(microsecond=0)


assert frozenset(ROLES) == TOP_LEVEL_ROLE_NAMES
