"""Whether a file beside music is what its name says. Headers and texts are looked at; nothing is decoded."""

from __future__ import annotations

import codecs
import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from phonotheque.audio.artwork import measure
from phonotheque.model.audio import Artwork, Refusal, RefusalKind
from phonotheque.model.sidecars import Beside, SidecarFacts, SidecarKind

MAX_BYTES: Final = 256 << 20  # of a picture or a booklet: an LP's sleeve as TIFF has about 170 MiB
MAX_TEXT_BYTES: Final = 4 << 20
_HEAD: Final = 1 << 20  # bytes in which a picture's size is looked for
_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # TIFF 6.0 §2; the later two are BigTIFF
_PDF_WITHIN: Final = 1024  # bytes before the header, which readers tolerate (ISO 32000-1 annex H.3.4.1)
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0e-\x19\x1c-\x1f]")  # not ^Z and escape, which old texts hold


def limit_of(beside: Beside, name: bytes) -> int:
    """Return how many bytes a sidecar of this kind may have."""
    return MAX_TEXT_BYTES if _is_text(beside, name) else MAX_BYTES


def examine_sidecar(
    path: Path, beside: Beside, *, name: bytes, sha256: str, size: int
) -> SidecarFacts | Refusal:
    """Return the facts of a sidecar whose bytes lie at ``path``, or why it is not kept. OSError as it comes.

    ``name`` is what it was called where it was found, ``sha256`` and ``size`` what the caller found copying.
    """
    if size == 0:
        return Refusal(RefusalKind.EMPTY, "empty")
    with path.open("rb") as file:
        head = file.read(MAX_TEXT_BYTES if _is_text(beside, name) else _HEAD)
    facts = SidecarFacts(sha256, size, "text/plain", beside)
    if beside.kind is SidecarKind.PICTURE:
        mime, width, height = ("image/tiff", None, None) if head.startswith(_TIFF) else measure(head)
        if mime is None:
            return Refusal(RefusalKind.NOT_AUDIO, "not a picture of a kind that is kept, whatever its name")
        picture = Artwork(sha256, mime, size, beside.role, width, height)
        return replace(facts, mime=mime, picture=picture)
    if _is_text(beside, name):
        if not _reads_as_text(head):
            return Refusal(RefusalKind.NOT_AUDIO, "not a text, whatever its name")
        return facts
    if b"%PDF-" not in head[: _PDF_WITHIN + 5]:
        return Refusal(RefusalKind.NOT_AUDIO, "not a PDF, whatever its name")
    return replace(facts, mime="application/pdf")


def _is_text(beside: Beside, name: bytes) -> bool:
    return beside.kind is not SidecarKind.PICTURE and not name.lower().endswith(b".pdf")


def _reads_as_text(content: bytes) -> bool:
    """Tell whether it is UTF-16, by its mark, or has no control characters that no text in 8 bits has."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            content.decode("utf-16")
        except UnicodeDecodeError:
            return False
        return True
    return _CONTROL.search(content) is None
