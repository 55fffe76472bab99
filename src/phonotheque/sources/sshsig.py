"""Signatures by SSH keys over files, as ``ssh-keygen -Y sign`` makes them (OpenSSH's PROTOCOL.sshsig, 1).

This format and no other: the tool comes with every system, many people have such a key already, and it is
short enough to be read here.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterable

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256, SHA384, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import load_ssh_public_key

from phonotheque.model.errors import UsageError, VerificationError

NAMESPACE = "phonotheque-deposit"  # what is signed here can be used for nothing else (ssh-keygen -n)
_BEGIN, _END = b"-----BEGIN SSH SIGNATURE-----", b"-----END SSH SIGNATURE-----"
_LARGEST = 64 << 10  # bytes; a signature by the longest RSA key has less than 5,000
_MAGIC = b"SSHSIG"
_CURVES: dict[bytes, tuple[str, HashAlgorithm]] = {
    b"ecdsa-sha2-nistp256": ("secp256r1", SHA256()),
    b"ecdsa-sha2-nistp384": ("secp384r1", SHA384()),
    b"ecdsa-sha2-nistp521": ("secp521r1", SHA512()),
}
_RSA: dict[bytes, HashAlgorithm] = {b"rsa-sha2-256": SHA256(), b"rsa-sha2-512": SHA512()}
_LEAST_RSA = 2048  # bits
_TYPES = ("ssh-ed25519", "ssh-rsa", *(name.decode() for name in _CURVES))


def verify(message: bytes, signature: bytes, keys: Iterable[bytes]) -> str:
    """Return the fingerprint (``SHA256:…``) of the key that signed a message.

    ``keys`` are the public keys that may have, as in ``id_ed25519.pub``. Raises VerificationError for a
    signature that is none, was made for something else, or by another key; UsageError for a key of a kind
    that is not read (FIDO tokens, DSA).
    """
    known = {_blob_of(line): line for line in keys}
    blob, signed, algorithm, value = _parts(signature, message)
    if blob not in known:
        given = ", ".join(map(fingerprint_of, known))
        raise VerificationError(
            f"The signature is by the key {fingerprint_of(blob)}, not by {given or 'any that was given'}.",
            "Ask the depositor which key is theirs, by another way than the one the agreement came.",
        )
    try:
        _check(known[blob], algorithm, value, signed)
    except (InvalidSignature, ValueError) as error:
        raise VerificationError(
            "The signature is not one of this agreement: it was changed since it was signed.",
            "Ask for the agreement as it was signed; a changed one is signed anew.",
        ) from error
    return fingerprint_of(blob)


def public_keys(text: bytes) -> list[bytes]:
    """Return the keys in a file of public keys, one a line; UsageError if there are none."""
    lines = [line.strip() for line in text.splitlines()]
    keys = [line for line in lines if line and not line.startswith(b"#")]
    if not keys:
        raise UsageError("The file of public keys holds none.", "Give a file such as id_ed25519.pub.")
    return keys


def fingerprint_of(blob: bytes) -> str:
    """Return a key's fingerprint as ssh-keygen shows it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def _blob_of(line: bytes) -> bytes:
    kind, _, rest = line.partition(b" ")
    if kind.decode("ascii", "replace") not in _TYPES:
        raise UsageError(
            f"“{kind.decode('utf-8', 'replace')[:60]}” is no kind of public key that is read here.",
            f"Give one of these, as a line of a .pub file: {', '.join(_TYPES)}.",
        )
    try:
        return base64.b64decode(rest.split(b" ")[0], validate=True)
    except binascii.Error as error:
        raise UsageError("A public key is damaged.", "Copy the whole line of the .pub file.") from error


def _parts(signature: bytes, message: bytes) -> tuple[bytes, bytes, bytes, bytes]:
    """Return the key that signed, what it signed, the algorithm, and the signature itself."""
    if len(signature) > _LARGEST:
        raise _bad("it is too long")
    text = signature.strip()
    if not (text.startswith(_BEGIN) and text.endswith(_END)):
        raise _bad("it does not begin with “BEGIN SSH SIGNATURE”, or does not end with “END SSH SIGNATURE”")
    try:
        data = base64.b64decode(b"".join(text[len(_BEGIN) : -len(_END)].split()), validate=True)
        reader = _Reader(data)
        if reader.take(6) != _MAGIC or reader.number() != 1:
            raise _bad("it is of another version")
        blob, namespace, reserved, hashed = (reader.text() for _ in range(4))
        inner = _Reader(reader.text())
        algorithm, value = inner.text(), inner.text()
    except (binascii.Error, EOFError) as error:
        raise _bad("it is damaged") from error
    if namespace != NAMESPACE.encode():
        raise _bad(f"it was made for “{namespace.decode('utf-8', 'replace')[:60]}”, not for “{NAMESPACE}”")
    if hashed not in (b"sha256", b"sha512"):
        raise _bad("it uses a hash that is not known")
    digest = hashlib.new(hashed.decode(), message).digest()
    return blob, _MAGIC + b"".join(map(_packed, (namespace, reserved, hashed, digest))), algorithm, value


def _check(line: bytes, algorithm: bytes, value: bytes, signed: bytes) -> None:
    """Raise InvalidSignature or ValueError unless the key made this signature."""
    try:
        key = load_ssh_public_key(line)
    except UnsupportedAlgorithm as error:
        raise ValueError("unknown key") from error
    if isinstance(key, Ed25519PublicKey) and algorithm == b"ssh-ed25519":
        key.verify(value, signed)
    elif isinstance(key, RSAPublicKey) and algorithm in _RSA and key.key_size >= _LEAST_RSA:
        key.verify(value, signed, PKCS1v15(), _RSA[algorithm])
    elif isinstance(key, EllipticCurvePublicKey) and algorithm in _CURVES:
        curve, hashing = _CURVES[algorithm]
        if key.curve.name != curve:
            raise ValueError("another curve")
        reader = _Reader(value)
        try:
            pair = [int.from_bytes(reader.text(), "big") for _ in range(2)]
        except EOFError as error:
            raise ValueError("cut short") from error
        key.verify(encode_dss_signature(*pair), signed, ECDSA(hashing))
    else:
        raise ValueError("an algorithm that does not belong to the key, or is too weak")


class _Reader:
    """Reads SSH's wire format (RFC 4251 §5). Raises EOFError where it is cut short."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, length: int) -> bytes:
        part = self._data[self._at : self._at + length]
        if len(part) != length:
            raise EOFError
        self._at += length
        return part

    def number(self) -> int:
        return int.from_bytes(self.take(4), "big")

    def text(self) -> bytes:
        return self.take(self.number())


def _packed(text: bytes) -> bytes:
    return len(text).to_bytes(4, "big") + text


def _bad(why: str) -> VerificationError:
    return VerificationError(
        f"The signature file is no SSH signature that is accepted: {why}.",
        f"It is made with: ssh-keygen -Y sign -f KEY -n {NAMESPACE} AGREEMENT",
    )
