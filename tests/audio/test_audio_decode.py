"""One decode feeds all; the hash of decoded sound names the sound and nothing else."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping
from pathlib import Path

import av.logging
import mutagen
import numpy as np
import pytest
from av.audio.frame import AudioFrame

from phonotheque.audio.decode import Stream, UndecodableError, decode
from phonotheque.audio.samples import PcmHash, Samples
from tests.audio.audio_making import FLAC, RATE, WAV, Kind, music, write


class Lengths:
    """A consumer that remembers how much came at a time."""

    def __init__(self) -> None:
        self.batches: list[tuple[int, ...]] = []

    def feed(self, frame: AudioFrame, samples: Samples) -> None:
        assert frame.samples == len(samples)
        self.batches.append(samples.shape)


def pcm(path: Path) -> tuple[str, Stream]:
    hashed = PcmHash()
    with path.open("rb") as file:
        stream = decode(file, path.stat().st_size, [hashed])
    return hashed.result(), stream


def test_the_hash_is_the_samples_and_nothing_else(tmp_path: Path) -> None:
    sound = music(3)
    expected = hashlib.sha256(sound.astype("<i2").tobytes()).hexdigest()
    assert pcm(write(tmp_path / "x", WAV, sound))[0] == expected
    assert pcm(write(tmp_path / "y", FLAC, sound))[0] == expected


def test_recompressed_and_retagged_copies_have_the_same_hash(tmp_path: Path) -> None:
    sound = music(3)
    small = write(tmp_path / "8.flac", FLAC, sound, codec_options={"compression_level": "8"})
    large = write(tmp_path / "0.flac", FLAC, sound, codec_options={"compression_level": "0"})
    tagged = mutagen.File(large)
    tagged["title"] = "Another title"
    tagged.save()
    assert small.read_bytes() != large.read_bytes()
    assert pcm(small)[0] == pcm(large)[0]


def test_planar_and_packed_decoders_agree(tmp_path: Path) -> None:
    sound = music(2)
    alac = Kind("x", "mp4", "alac", "s16p")
    assert pcm(write(tmp_path / "x", alac, sound))[0] == pcm(write(tmp_path / "y", WAV, sound))[0]


def test_24_bits_differ_from_16_only_in_their_width(tmp_path: Path) -> None:
    sound = music(2)
    wide = Kind("x", "wav", "pcm_s24le", "s32")
    digest, stream = pcm(write(tmp_path / "x", wide, sound))
    assert stream.sample_format == "s32"
    assert digest == hashlib.sha256((sound.astype("<i4") << 16).tobytes()).hexdigest()


def test_batches_are_a_second_long(tmp_path: Path) -> None:
    seen = Lengths()
    path = write(tmp_path / "x", FLAC, music(2.5))
    with path.open("rb") as file:
        stream = decode(file, path.stat().st_size, [seen])
    assert seen.batches == [(RATE, 2), (RATE, 2), (RATE // 2, 2)]
    assert stream.duration == pytest.approx(2.5)


def test_what_is_no_sound_is_refused() -> None:
    with pytest.raises(UndecodableError, match="cannot open"):
        decode(io.BytesIO(b"hello" * 1000), 5000, [])


def test_playlists_open_nothing(tmp_path: Path, made: Mapping[str, Path]) -> None:
    text = f"ffconcat version 1.0\nfile '{made['a.flac']}'\n".encode()
    with pytest.raises(UndecodableError):
        decode(io.BytesIO(text), len(text), [])


def test_an_io_error_while_reading_is_not_damage(made: Mapping[str, Path]) -> None:
    data = made["a.flac"].read_bytes()

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell() > len(data) // 2:
                raise OSError(5, "Input/output error")
            return super().read(min(size or 0, 4096))

    with pytest.raises(OSError, match="Input/output error"):
        decode(Failing(data), len(data), [])


def test_the_log_level_of_the_process_is_left_alone(made: Mapping[str, Path]) -> None:
    before = av.logging.get_level()
    pcm(made["a.mp3"])
    assert av.logging.get_level() == before


def test_a_change_of_format_is_followed_and_told(tmp_path: Path) -> None:
    mono = write(tmp_path / "mono", Kind("", "mp3", "libmp3lame", "fltp"), music(2)[:, :1])
    stereo = write(tmp_path / "stereo", Kind("", "mp3", "libmp3lame", "fltp"), music(2))
    data = mono.read_bytes() + stereo.read_bytes()
    counted = Lengths()
    stream = decode(io.BytesIO(data), len(data), [counted], demuxer="mp3")
    assert any("the sound changes to stereo" in str(note) for note in stream.complaints)
    assert {shape[1] for shape in counted.batches} == {1}
    assert stream.duration == pytest.approx(4, abs=0.2)
    assert np.sum([shape[0] for shape in counted.batches]) == stream.samples
