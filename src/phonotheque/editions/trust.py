"""Signing what is published: the four TUF roles over the public tree, as python-tuf's client reads them.

The Update Framework, specification 1.0 (https://theupdateframework.github.io/specification/latest/). Only
``edition.json`` is a TUF target; everything else is reached from it by SHA-256. Keys are Ed25519, one per
role, and every signature is deterministic: the same state and the same ``now`` give the same bytes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
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

from phonotheque.model.errors import PhonothequeError, UsageError, VerificationError
from phonotheque.vault.names import check_portable
from phonotheque.vault.place import feed, fsync_dir, write_durably

ROLES = ("root", "targets", "snapshot", "timestamp")
_S = TypeVar("_S", Root, Targets, Snapshot, Timestamp)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long a role's signature holds. Past it, mirrors say “stale” and keep serving what they hold."""

    root: timedelta = timedelta(days=3650)
    targets: timedelta = timedelta(days=400)
    snapshot: timedelta = timedelta(days=400)
    timestamp: timedelta = timedelta(days=90)


LIFETIMES = Lifetimes()


def create_keys(keys_dir: Path) -> None:
    """Make one Ed25519 key per role (PKCS #8 PEM, readable by the owner only); keys that exist are kept."""
    keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys_dir.chmod(0o700)
    for role in ROLES:
        path = _key_file(keys_dir, role)
        if not os.path.lexists(path):
            key = Ed25519PrivateKey.generate()
            pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            write_durably(path, pem, mode=0o600)
    fsync_dir(keys_dir.parent)


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
    signers = {role: _signer(keys_dir, role) for role in ROLES}
    root = Root(version=1, expires=_until(now, lifetimes.root), consistent_snapshot=True)
    for role in ROLES:
        root.add_key(signers[role].public_key, role)
    _write(metadata / "1.root.json", root, signers["root"])
    _advance(metadata, _State(root, Targets(), Snapshot(), Timestamp()), signers, now, lifetimes, step=0)


def publish_targets(
    public: Path,
    keys_dir: Path,
    files: Mapping[str, Path],
    *,
    now: datetime,
    lifetimes: Lifetimes = LIFETIMES,
) -> int:
    """Sign ``files`` (target path → file) in addition to what is published; return the targets version.

    Each is placed under ``public/targets`` by its own name and, as consistent snapshots ask (TUF 1.0 §6.2),
    as ``<sha256>.<name>``. The timestamp is replaced last, atomically: until then clients see what was there
    before. Files that are all published already, with these bytes, change nothing.
    """
    metadata = public / "metadata"
    state = _load(metadata)
    listed = dict(state.targets.targets)
    for target, file in sorted(files.items()):
        listed[target] = _place(public / "targets", target, file)
    if listed == state.targets.targets:
        return state.targets.version
    state.targets.targets = listed
    signers = {role: _signer(keys_dir, role) for role in ROLES if role != "root"}
    _advance(metadata, state, signers, now, lifetimes)
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
    state = _load(metadata)
    soon = now + within
    if state.targets.is_expired(soon) or state.snapshot.is_expired(soon):
        signers = {role: _signer(keys_dir, role) for role in ROLES if role != "root"}
        _advance(metadata, state, signers, now, lifetimes)
        return ("targets", "snapshot", "timestamp")
    if not state.timestamp.is_expired(soon):
        return ()
    signer = _signer(keys_dir, "timestamp")
    state.timestamp.version += 1
    state.timestamp.expires = _until(now, lifetimes.timestamp)
    _write(metadata / "timestamp.json", state.timestamp, signer)
    return ("timestamp",)


@dataclass(slots=True)
class _State:
    """What is published now; python-tuf's roles are edited in place, then signed under a new version."""

    root: Root
    targets: Targets
    snapshot: Snapshot
    timestamp: Timestamp


def _load(metadata: Path) -> _State:
    """Read what the timestamp points at, checking every signature against the newest root."""
    newest = 1
    while (metadata / f"{newest + 1}.root.json").exists():
        newest += 1
    root = _read(metadata / f"{newest}.root.json", Root)
    timestamp = _read(metadata / "timestamp.json", Timestamp, root)
    snapshot = _read(metadata / f"{timestamp.snapshot_meta.version}.snapshot.json", Snapshot, root)
    version = snapshot.meta["targets.json"].version
    targets = _read(metadata / f"{version}.targets.json", Targets, root)
    return _State(root, targets, snapshot, timestamp)


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


def _advance(
    metadata: Path,
    state: _State,
    signers: Mapping[str, CryptoSigner],
    now: datetime,
    lifetimes: Lifetimes,
    step: int = 1,
) -> None:
    """Write the next targets, snapshot and, last, timestamp. Until that one is there, nothing has changed."""
    targets, snapshot, timestamp = state.targets, state.snapshot, state.timestamp
    targets.version += step
    targets.expires = _until(now, lifetimes.targets)
    data = _write(metadata / f"{targets.version}.targets.json", targets, signers["targets"])
    snapshot.version += step
    snapshot.expires = _until(now, lifetimes.snapshot)
    snapshot.meta = {"targets.json": _meta(targets.version, data)}
    data = _write(metadata / f"{snapshot.version}.snapshot.json", snapshot, signers["snapshot"])
    timestamp.version += step
    timestamp.expires = _until(now, lifetimes.timestamp)
    timestamp.snapshot_meta = _meta(snapshot.version, data)
    _write(metadata / "timestamp.json", timestamp, signers["timestamp"])


def _meta(version: int, data: bytes) -> MetaFile:
    return MetaFile(version, len(data), {"sha256": hashlib.sha256(data).hexdigest()})


def _write(path: Path, signed: _S, signer: CryptoSigner) -> bytes:
    metadata: Metadata[_S] = Metadata(signed)
    metadata.sign(signer)
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


def _until(now: datetime, lifetime: timedelta) -> datetime:
    return (now + lifetime).replace(microsecond=0)


def _key_file(keys_dir: Path, role: str) -> Path:
    return keys_dir / f"{role}.pem"


def _signer(keys_dir: Path, role: str) -> CryptoSigner:
    path = _key_file(keys_dir, role)
    try:
        key = load_pem_private_key(path.read_bytes(), None)
        if not isinstance(key, Ed25519PrivateKey):
            raise ValueError("it is not an Ed25519 key")
    except FileNotFoundError as error:
        raise PhonothequeError(
            f"The signing key {path} is missing.",
            "Bring it back from your backup: without it no further edition can be signed.",
        ) from error
    except (ValueError, TypeError) as error:
        raise PhonothequeError(
            f"The signing key {path} cannot be read: {error}.", "Bring it back from your backup."
        ) from error
    return CryptoSigner(key)


assert frozenset(ROLES) == TOP_LEVEL_ROLE_NAMES
