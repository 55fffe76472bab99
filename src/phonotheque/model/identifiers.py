"""Identifiers of music: parsing and checking, never guessing.

Every ``parse_*`` returns the normal form, or ``None`` when the text is not such an identifier.
"""

from __future__ import annotations

import re
import uuid

_ISRC = re.compile(r"[A-Z]{2}[A-Z0-9]{3}\d{7}")
_ISWC = re.compile(r"T(\d{9})(\d)")
_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://phonotheque.invalid/ns/1")


def parse_isrc(text: str) -> str | None:
    """Return the 12 characters of an ISRC (ISO 3901), or None. There is no check digit."""
    compact = re.sub(r"[\s\-‐‑–.]", "", text.upper()).removeprefix("ISRC").removeprefix(":")
    return compact if _ISRC.fullmatch(compact) else None


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
    digits = re.sub(r"[\s\-]", "", text)
    if not re.fullmatch(r"\d{8}|\d{12,14}", digits):
        return None
    total = sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(reversed(digits)))
    return digits if total % 10 == 0 else None


def parse_iswc(text: str) -> str | None:
    """Return an ISWC (ISO 15707) as ``T-034.524.680-1`` if its check digit holds, or None."""
    match = _ISWC.fullmatch(re.sub(r"[\s.\-]", "", text.upper()).removeprefix("ISWC"))
    if match is None:
        return None
    digits, check = match[1], int(match[2])
    total = 1 + sum(i * int(d) for i, d in enumerate(digits, start=1))
    if (10 - total % 10) % 10 != check:
        return None
    return f"T-{digits[:3]}.{digits[3:6]}.{digits[6:]}-{check}"


def parse_isni(text: str) -> str | None:
    """Return the 16 characters of an ISNI (ISO 27729) if its MOD 11-2 check character holds, or None."""
    compact = re.sub(r"[\s\-]", "", text.upper()).removeprefix("ISNI")
    if not re.fullmatch(r"\d{15}[\dX]", compact):
        return None
    total = 0
    for digit in compact[:15]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return compact if compact[15] == ("X" if check == 10 else str(check)) else None


def public_id(source: str, kind: str, local_id: str) -> str:
    """Return the stable id of a thing that MusicBrainz does not know: UUIDv5 of ``source:kind:id``."""
    return str(uuid.uuid5(_NAMESPACE, f"{source}:{kind}:{local_id}"))
