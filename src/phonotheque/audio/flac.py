"""FLAC (RFC 9639): what the header states, and whether the decoded sound is what the encoder was given."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import BinaryIO

import numpy as np
from av.audio.frame import AudioFrame

from phonotheque.audio.flac_frames import check_frames, ends_with_frame
from phonotheque.audio.id3 import skip_id3v2, tags_begin
from phonotheque.audio.samples import Samples, little_endian
from phonotheque.audio.verdict import Damage, Verdict


@dataclass(frozen=True, slots=True)
class StreamInfo:
    """The STREAMINFO block, RFC 9639 §8.2; 0 samples or an empty MD5 mean that the encoder did not know."""

    sample_rate: int
    channels: int
    bits_per_sample: int
    samples: int  # per channel
    md5: bytes
    block: int = 0  # samples a frame, where all frames but the last have as many


def read_streaminfo(file: BinaryIO) -> StreamInfo | None:
    """Return STREAMINFO, or None when ``file`` does not begin as a native FLAC file does."""
    file.seek(skip_id3v2(file))
    head = file.read(42)
    if len(head) < 42 or head[:4] != b"fLaC" or head[4] & 0x7F:
        return None
    packed = int.from_bytes(head[18:26], "big")  # 20 bits rate, 3 channels - 1, 5 depth - 1, 36 samples
    md5 = head[26:42]
    return StreamInfo(
        sample_rate=packed >> 44,
        channels=(packed >> 41 & 7) + 1,
        bits_per_sample=(packed >> 36 & 31) + 1,
        samples=packed & 0xF_FFFF_FFFF,
        md5=md5 if any(md5) else b"",
        block=int.from_bytes(head[10:12], "big"),
    )


class FlacMd5:
    """A consumer: the MD5 of RFC 9639 §8.2 over signed samples in the fewest whole bytes, interleaved."""

    def __init__(self, bits_per_sample: int) -> None:
        self._bits = bits_per_sample
        self._md5 = hashlib.md5(usedforsecurity=False)

    def feed(self, frame: AudioFrame, samples: Samples) -> None:
        """Take one batch of 16- or 32-bit samples, the sound in their upper bits."""
        held = samples.dtype.itemsize * 8
        if self._bits < held and self._bits not in (16, 24):
            samples = samples >> (held - self._bits)  # a new array: the batch is shared
            needed = (self._bits + 7) // 8
            data = np.frombuffer(little_endian(samples), np.uint8).reshape(-1, held // 8)[:, :needed]
            self._md5.update(data.tobytes())
        elif self._bits == 24 and held == 32:
            data = np.frombuffer(little_endian(samples), np.uint8).reshape(-1, 4)[:, 1:]
            self._md5.update(data.tobytes())
        else:
            self._md5.update(little_endian(samples))

    def result(self) -> bytes:
        """Return the digest."""
        return self._md5.digest()


def check_flac(
    file: BinaryIO, size: int, stated: StreamInfo, samples: int, md5: bytes, *, doubtful: bool
) -> Verdict:
    """Compare what the header states with what was decoded: ``samples`` per channel and their ``md5``.

    The checksums of the frames are looked at, too, when these do not agree, the decoder is ``doubtful`` or
    something follows the last frame, to say where; and when the header has no MD5: they then prove the sound
    whole, if its length is stated.
    """
    agree = bool(stated.md5) and md5 == stated.md5 and samples == (stated.samples or samples)
    end = tags_begin(file, size)
    if agree and not doubtful and (not samples or ends_with_frame(file, end)):
        return Verdict(proven=True)
    frames = check_frames(file, end, rate=stated.sample_rate or 1, block=stated.block)
    if agree:
        what = "something that is no sound lies here or after this frame; by its MD5 the sound is whole"
        return Verdict(proven=True, damage=tuple(replace(one, what=what) for one in frames.damage[-1:]))
    damage = list(frames.damage)
    if stated.samples and samples != stated.samples:
        what = f"{samples:,} samples were decoded where the header states {stated.samples:,}"
        damage.append(Damage(what))
    if stated.md5 and md5 != stated.md5:
        damage.append(Damage("the MD5 of the decoded sound is not the one its encoder wrote"))
    if stated.md5 or damage:
        return Verdict(damage=tuple(damage))
    if stated.samples and frames.samples == stated.samples:
        return Verdict(proven=True, remarks=("its encoder wrote no MD5: the checksum of every frame holds",))
    return Verdict(remarks=("its encoder wrote neither MD5 nor length: every frame there is holds",))
