"""A signpost: a small signed item in the DHT that says where an archive's newest public tree is.

BEP 44 (mutable items) and BEP 46 (torrents by public key): whoever knows the key finds the item, and in it
the infohash of a torrent of the public tree's small files. Besides what BEP 46 asks for, it holds the
fingerprint of the archive's first root, so that the key alone is enough to trust what is found.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from phonotheque.editions.bencode import Bencoded, decode, encode
from phonotheque.model.errors import VerificationError

MAX_ITEM = 2000  # bytes of an item in a file; BEP 44 allows values of 1000 bytes
_MAX_VALUE = 1000
_MAX_SEQUENCE = 2**63 - 1
_FINGERPRINT = b"root"  # ours, beside BEP 46's “ih”


@dataclass(frozen=True, slots=True)
class Signpost:
    """``key`` is an Ed25519 public key (32 bytes); ``value`` is bencoded, and signed with its sequence."""

    key: bytes
    sequence: int
    value: bytes
    signature: bytes

    @property
    def target(self) -> bytes:
        """Where in the DHT it is: the 20 bytes to which nodes are near."""
        return target_of(self.key)


@dataclass(frozen=True, slots=True)
class Directions:
    """What a signpost says, in hex: the public tree's v1 infohash, and the fingerprint of its first root."""

    infohash: str
    fingerprint: str


def target_of(key: bytes) -> bytes:
    """Return the DHT's id for the item of a key, without salt (BEP 44)."""
    return hashlib.sha1(key, usedforsecurity=False).digest()


def make_signpost(key: Ed25519PrivateKey, sequence: int, directions: Directions) -> Signpost:
    """Sign directions. Equal arguments give equal bytes; a higher sequence takes the place of a lower one."""
    value = encode(
        {
            b"ih": bytes.fromhex(directions.infohash),
            _FINGERPRINT: bytes.fromhex(directions.fingerprint),
        }
    )
    signature = key.sign(_signed(sequence, value))
    return Signpost(key.public_key().public_bytes_raw(), sequence, value, signature)


def check_signpost(post: Signpost) -> Directions:
    """Return what a signpost says. Raises VerificationError when its key has not signed it, or malformed."""
    if not 0 <= post.sequence <= _MAX_SEQUENCE or len(post.value) > _MAX_VALUE:
        raise VerificationError("The signpost has a sequence number or a value that BEP 44 does not allow.")
    try:
        Ed25519PublicKey.from_public_bytes(post.key).verify(
            post.signature, _signed(post.sequence, post.value)
        )
    except (InvalidSignature, ValueError) as error:
        raise VerificationError("The signpost is not signed by its key.") from error
    said = decode(post.value)
    infohash, root = (said.get(b"ih"), said.get(_FINGERPRINT)) if isinstance(said, dict) else (None, None)
    if not isinstance(infohash, bytes) or len(infohash) != 20:
        raise VerificationError("The signpost names no torrent (BEP 46: ih).")
    if not isinstance(root, bytes) or len(root) != 32:
        raise VerificationError("The signpost names no archive: it lacks the fingerprint of a root.")
    return Directions(infohash.hex(), root.hex())


def write_signpost(post: Signpost) -> bytes:
    """Return a signpost as a file: the arguments of a “put” of BEP 44."""
    return encode({b"k": post.key, b"seq": post.sequence, b"sig": post.signature, b"v": decode(post.value)})


def read_signpost(data: bytes) -> Signpost:
    """Read a signpost from a file. Raises VerificationError; the signature is not checked."""
    return as_signpost(decode(data, max_bytes=MAX_ITEM))


def as_signpost(said: Bencoded) -> Signpost:
    """Return the signpost in decoded fields. Raises VerificationError when they are none."""
    fields = said if isinstance(said, dict) else {}
    key, signature, sequence = fields.get(b"k"), fields.get(b"sig"), fields.get(b"seq")
    if (
        not isinstance(key, bytes)
        or len(key) != 32
        or not isinstance(signature, bytes)
        or len(signature) != 64
        or not isinstance(sequence, int)
        or b"v" not in fields
    ):
        raise VerificationError("This is no signpost: its fields are not those of a mutable item (BEP 44).")
    return Signpost(key, sequence, encode(fields[b"v"]), signature)


def _signed(sequence: int, value: bytes) -> bytes:
    return b"3:seqi%de1:v%b" % (sequence, value)
