"""Signing keys as files: Ed25519, PKCS #8 PEM, for their owner only; which of them count, a root says.

The key of a role is ``<role>.pem``; one that came later is ``<role>-<first 8 digits of its id>.pem``.
"""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)
from securesystemslib.signer import CryptoSigner, SSlibKey
from tuf.api.metadata import Root

from phonotheque.model.errors import PhonothequeError, UsageError
from phonotheque.vault.place import fsync_dir, write_durably

ROLES = ("root", "targets", "snapshot", "timestamp")
SIGNPOST = "signpost"  # the key by which the archive is found in the DHT; it signs no metadata


def create_keys(keys_dir: Path) -> None:
    """Make one Ed25519 key per role (PKCS #8 PEM, readable by the owner only); keys that exist are kept."""
    keys_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys_dir.chmod(0o700)
    for role in ROLES:
        path = keys_dir / f"{role}.pem"
        if not os.path.lexists(path):
            write_key(path)
    fsync_dir(keys_dir.parent)


def write_key(path: Path) -> SSlibKey:
    """Make a key, keep it at ``path``, and return its public half."""
    key = Ed25519PrivateKey.generate()
    write_durably(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)
    return CryptoSigner(key).public_key


def add_key(keys_dir: Path, role: str) -> SSlibKey:
    """Make another key of a role beside those that are there; return its public half."""
    fresh = keys_dir / f".{role}.new"
    key = write_key(fresh)
    fresh.rename(keys_dir / f"{role}-{key.keyid[:8]}.pem")
    fsync_dir(keys_dir)
    return key


def load_signer(path: Path) -> CryptoSigner:
    """Read a private key, to sign metadata with. Raises PhonothequeError naming the file."""
    return CryptoSigner(load_private(path))


def load_private(path: Path) -> Ed25519PrivateKey:
    """Read a private key. Raises PhonothequeError naming the file."""
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
    return key


def public_pem(key: SSlibKey) -> bytes:
    """Return a public key as PEM, to be given to others."""
    loaded = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key.keyval["public"]))
    return loaded.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def load_public(path: Path) -> SSlibKey:
    """Read somebody's public key. Raises UsageError naming the file."""
    try:
        key = load_pem_public_key(path.read_bytes())
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("it is not an Ed25519 key")
    except ValueError as error:
        raise UsageError(
            f"{path} is no public key: {error}.",
            "Give the .pub file that was written beside the key by: phono keys new",
        ) from error
    return SSlibKey.from_crypto(key)


def own_keys(keys_dir: Path, role: str) -> dict[str, Path]:
    """Return the files of a role's private keys that are here, by key id."""
    files = (keys_dir / f"{role}.pem", *sorted(keys_dir.glob(f"{role}-*.pem")))
    return {load_signer(path).public_key.keyid: path for path in files if os.path.lexists(path)}


def signers(keys_dir: Path, role: str, *roots: Root) -> list[CryptoSigner]:
    """Return the keys here that count for a role in any of these roots, in the order of their ids.

    Raises PhonothequeError when they are fewer than the last of these roots asks for.
    """
    here = own_keys(keys_dir, role)
    listed = sorted({keyid for root in roots for keyid in root.roles[role].keyids} & here.keys())
    needed = roots[-1].roles[role]
    if len(set(needed.keyids) & here.keys()) < needed.threshold:
        if not here:
            load_signer(keys_dir / f"{role}.pem")  # which says that it is missing
        raise PhonothequeError(
            f"No key in {keys_dir} is one that the root names for {role}.",
            f"Bring {role}.pem back from your backup, or see: phono keys show",
        )
    return [load_signer(here[keyid]) for keyid in listed]
