"""Identifiers of music: parsing and checking, never guessing.

Every ``parse_*`` returns the normal form, or ``None`` when the text is not such an identifier. Digits and
letters are ASCII only: other scripts' digits, and letters that become A to Z in upper case, are not codes.
"""

from __future__ import annotations

import re
import uuid

_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[0-9]{7}")
_ISWC = re.compile(r"T([0-9]{9})([0-9])")
_ISNI = re.compile(r"[0-9]{15}[0-9X]")
_GTIN = re.compile(r"[0-9]{8}|[0-9]{12,14}")
_SEPARATORS = re.compile(r"[\s.\-‐‑–]")
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://phonotheque.invalid/ns/1")


def parse_isrc(text: str) -> str | None:
    """Return the 12 characters of an ISRC (ISO 3901), or None. There is no check digit."""
    compact = _compact(text)
    # First as it is: a code of Iceland's registrant RC1 begins like the word.
    for candidate in (compact, compact.removeprefix("ISRC").removeprefix(":")):
        if _ISRC.fullmatch(candidate):
            return candidate
    return None


def parse_mbid(text: str) -> str | None:
    """Return a MusicBrainz id as a lower-case UUID, from the bare id or its URL, or None."""
    candidate = text.strip().rstrip("/").rsplit("/", 1)[-1]
    try:
        value = uuid.UUID(candidate)
    except ValueError:
        return None
    return str(value) if str(value) == candidate.lower() else None


def parse_barcode(text: str) -> str | None:
    """Return the digits of a UPC, EAN or GTIN-14 whose check digit holds (weights 3, 1 from the right)."""
    digits = _compact(text)
    if not _GTIN.fullmatch(digits) or not digits.strip("0"):  # zeros: what taggers write for "none"
        return None
    total = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(reversed(digits)))
    return digits if total % 10 == 0 else None


def parse_iswc(text: str) -> str | None:
    """Return an ISWC (ISO 15707) as ``T-034.524.680-1`` if its check digit holds, or None."""
    match = _ISWC.fullmatch(_compact(text).removeprefix("ISWC"))
    if match is None:
        return None
    digits, check = match[1], int(match[2])
    total = 1 + sum(i * int(d) for i, d in enumerate(digits, start=1))
    if (10 - total % 10) % 10 != check:
        return None
    return f"T-{digits[:3]}.{digits[3:6]}.{digits[6:]}-{check}"


def parse_isni(text: str) -> str | None:
    """Return the 16 characters of an ISNI (ISO 27729) if its MOD 11-2 check character holds, or None."""
    compact = _compact(text).removeprefix("ISNI")
    if not _ISNI.fullmatch(compact):
        return None
    total = 0
    for digit in compact[:15]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return compact if compact[15] == ("X" if check == 10 else str(check)) else None


def public_id(source: str, kind: str, local_id: str) -> str:
    """Return the stable id of a thing that MusicBrainz does not know: UUIDv5 of ``source:kind:id``."""
    return str(uuid.uuid5(_NAMESPACE, f"{source}:{kind}:{local_id}"))


def _compact(text: str) -> str:
    """Return ``text`` without separators, in upper case as far as it is ASCII."""
    bare = _SEPARATORS.sub("", text)
    return bare.upper() if bare.isascii() else bare
