"""How far a file can be shown to be whole, from its structure, its checksums and what the decoder said."""

from __future__ import annotations

from dataclasses import replace
from typing import BinaryIO, Final

from phonotheque.audio.adts import check_adts
from phonotheque.audio.asf import check_asf
from phonotheque.audio.decode import Stream
from phonotheque.audio.flac import StreamInfo, check_flac
from phonotheque.audio.matroska import check_matroska
from phonotheque.audio.mp3 import check_mp3
from phonotheque.audio.mp4 import check_mp4
from phonotheque.audio.ogg import check_ogg
from phonotheque.audio.pcm_files import check_au, check_caf, check_w64
from phonotheque.audio.riff import check_riff, wrapped_ogg
from phonotheque.audio.tta import check_tta
from phonotheque.audio.verdict import Damage, Verdict, clock
from phonotheque.audio.wavpack import check_wavpack
from phonotheque.model.audio import Integrity

# Every frame of these carries a checksum, and FFmpeg's decoder checks it (err_detect crccheck).
_CHECKED_BY_DECODER: Final = frozenset({"wavpack", "tta", "tak", "flac"})
# Containers that know their length; others only estimate it from the bit rate.
_KNOWS_LENGTH: Final = frozenset(
    {"mov", "matroska", "asf", "wv", "ape", "tta", "tak", "caf", "mpc8", "dsf", "ogg"}
)
# In Ogg the length is the writer's own count: where all pages are there and hold, so is all of the sound.
_COUNTED_APART: Final = frozenset({"vorbis", "opus", "flac", "speex"})
_TOLERANCE: Final = 0.5  # seconds: encoder delay and padding are counted differently by different writers
_NO_CHECKSUM: Final = "the format carries no checksum over all of its sound: it decodes, and no more is known"


def judge(
    file: BinaryIO, size: int, stream: Stream, flac: tuple[StreamInfo, bytes] | None
) -> tuple[Integrity, tuple[str, ...]]:
    """Return how whole the file of ``size`` bytes is, and the notes that say why, damage first.

    ``flac`` is the header of a native FLAC file and the MD5 of its decoded samples. A note about damage
    begins with its place, where that is known. What FFmpeg complains of in sound that a checksum proves to be
    as it was written is a remark.
    """
    verdict = _structure(file, size, stream, flac)
    if stream.codec.startswith("pcm_"):
        stream = _whole_samples(stream)
    shorter = _duration(stream)
    if verdict.proven and stream.codec in _COUNTED_APART:
        verdict = replace(verdict, remarks=(*verdict.remarks, *map(str, shorter)))
        shorter = ()
    if any(one.byte is not None for one in verdict.damage):
        stream = _without_times(stream)
    damage = (*(_placed(one, size, stream) for one in verdict.damage), *shorter, *stream.damage)
    if damage:
        return Integrity.DAMAGED, (*map(str, (*damage, *stream.complaints)), *verdict.remarks)
    if verdict.proven:
        return Integrity.INTACT, (*verdict.remarks, *map(str, stream.complaints))
    if stream.complaints:
        return Integrity.DAMAGED, (*map(str, stream.complaints), *verdict.remarks)
    if stream.codec in _CHECKED_BY_DECODER and stream.declared is not None and flac is None:
        return Integrity.INTACT, verdict.remarks
    return Integrity.DECODES, verdict.remarks or (_NO_CHECKSUM,)


def _whole_samples(stream: Stream) -> Stream:
    """Forget a last sample of which one or two bytes are missing: what the structure says of it is enough."""
    kept = tuple(one for one in stream.complaints if "Invalid PCM packet" not in one.what)
    return replace(stream, complaints=kept)


def _without_times(stream: Stream) -> Stream:
    """Forget when the decoder complained: it reads ahead, and the structure tells better."""
    lost, said = ([replace(one, seconds=None) for one in some] for some in (stream.damage, stream.complaints))
    return replace(stream, damage=tuple(lost), complaints=tuple(said))


def _placed(damage: Damage, size: int, stream: Stream) -> Damage:
    """Say of a file that ends too early how much sound there is before its end."""
    return replace(damage, seconds=stream.duration) if damage.byte == size else damage


def _structure(file: BinaryIO, size: int, stream: Stream, flac: tuple[StreamInfo, bytes] | None) -> Verdict:
    match stream.container.split(",")[0]:
        case "ogg":
            return _ogg(file, size)
        case "flac" if flac is not None:
            stated, md5 = flac
            return check_flac(file, size, stated, stream.samples, md5, doubtful=bool(stream.complaints))
        case "mp3":
            return check_mp3(file, size)
        case "aac":
            return check_adts(file, size)
        case "wav" | "aiff":
            return check_riff(file, size)
        case "mov":
            return check_mp4(file, size)
        case "matroska":
            return check_matroska(file, size)
        case "asf":
            return check_asf(file, size)
        case "au":
            return check_au(file, size)
        case "caf":
            return check_caf(file, size)
        case "w64":
            return check_w64(file, size)
        case "wv":
            return check_wavpack(file, size, stream.sample_rate)
        case "tta":
            return check_tta(file, size)
        case _:
            return Verdict()


def _ogg(file: BinaryIO, size: int) -> Verdict:
    """Check an Ogg file, or one that lies inside of a WAVE file."""
    wrapped = wrapped_ogg(file, size)
    if wrapped is None:
        return check_ogg(file, size)
    start, end = wrapped
    outside, inside = check_riff(file, size), check_ogg(file, end, start)
    damage = (*outside.damage, *inside.damage)
    remarks = (f"an Ogg file inside of a WAVE file, from byte {start:,}", *outside.remarks, *inside.remarks)
    return Verdict(inside.proven and not damage, damage, remarks)


def _duration(stream: Stream) -> tuple[Damage, ...]:
    """Say so when the sound stops before the container says it should."""
    if stream.container.split(",")[0] not in _KNOWS_LENGTH or stream.declared is None:
        return ()
    if stream.duration >= stream.declared - _TOLERANCE:
        return ()
    what = f"the sound ends here; its container states {clock(stream.declared)}"
    return (Damage(what, seconds=stream.duration),)
