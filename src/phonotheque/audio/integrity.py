"""How far a file can be shown to be whole, from its structure, its checksums and what the decoder said."""

from __future__ import annotations

from typing import BinaryIO, Final

from phonotheque.audio.asf import check_asf
from phonotheque.audio.decode import Stream
from phonotheque.audio.flac import StreamInfo, check_flac
from phonotheque.audio.matroska import check_matroska
from phonotheque.audio.mp3 import check_mp3
from phonotheque.audio.mp4 import check_mp4
from phonotheque.audio.ogg import check_ogg
from phonotheque.audio.riff import check_riff
from phonotheque.audio.verdict import Verdict
from phonotheque.model.audio import Integrity

# Every frame of these carries a checksum, and FFmpeg's decoder checks it (err_detect crccheck).
_CHECKED_BY_DECODER: Final = frozenset({"wavpack", "tta", "tak", "flac"})
# Containers that know their length; others only estimate it from the bit rate.
_KNOWS_LENGTH: Final = frozenset(
    {"mov", "matroska", "asf", "wv", "ape", "tta", "tak", "caf", "mpc8", "dsf", "ogg"}
)
_TOLERANCE: Final = 0.5  # seconds: encoder delay and padding are counted differently by different writers
_NO_CHECKSUM: Final = "the format carries no checksum over all of its sound: it decodes, and no more is known"


def judge(
    file: BinaryIO, size: int, stream: Stream, flac: tuple[StreamInfo, bytes] | None
) -> tuple[Integrity, tuple[str, ...]]:
    """Return how whole the file of ``size`` bytes is, and the notes that say why, damage first.

    ``flac`` is the header of a native FLAC file and the MD5 of its decoded samples.
    """
    verdict = _structure(file, size, stream, flac)
    damage = (*verdict.damage, *_duration(stream), *stream.damage)
    if damage:
        return Integrity.DAMAGED, (*damage, *verdict.remarks)
    if verdict.proven:
        return Integrity.INTACT, verdict.remarks
    if stream.codec in _CHECKED_BY_DECODER and stream.declared is not None and flac is None:
        return Integrity.INTACT, verdict.remarks
    return Integrity.DECODES, verdict.remarks or (_NO_CHECKSUM,)


def _structure(file: BinaryIO, size: int, stream: Stream, flac: tuple[StreamInfo, bytes] | None) -> Verdict:
    match stream.container.split(",")[0]:
        case "ogg":
            return check_ogg(file, size)
        case "flac" if flac is not None:
            stated, md5 = flac
            return check_flac(stated, stream.samples, md5)
        case "mp3":
            return check_mp3(file, size)
        case "wav" | "aiff":
            return check_riff(file, size)
        case "mov":
            return check_mp4(file, size)
        case "matroska":
            return check_matroska(file, size)
        case "asf":
            return check_asf(file, size)
        case _:
            return Verdict()


def _duration(stream: Stream) -> tuple[str, ...]:
    """Say so when the sound stops before the container says it should."""
    if stream.container.split(",")[0] not in _KNOWS_LENGTH or stream.declared is None:
        return ()
    if stream.duration >= stream.declared - _TOLERANCE:
        return ()
    return (f"the sound ends at {stream.duration:.1f} s; its container states {stream.declared:.1f} s",)
