"""Access copies: the same bytes every time, as long as their master, and the same music."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from phonotheque.audio.access import AccessCopyError, estimate_access_size, make_access_copy
from phonotheque.audio.decode import UndecodableError
from phonotheque.audio.examine import examine
from phonotheque.audio.fingerprint import bit_error_rate
from phonotheque.model.audio import AudioFacts, Integrity, Tags
from tests.audio.audio_making import FLAC, Kind, music, write

TAGS = Tags(
    title="A song", artists=("One", "Two"), licences=("https://creativecommons.org/licenses/by/4.0/",)
)


def facts(path: Path) -> AudioFacts:
    found = examine(path)
    assert isinstance(found, AudioFacts), found
    return found


def copy(master: Path, out: Path, **options: int) -> AudioFacts:
    size = make_access_copy(master, out, master_sha256="ab" * 32, tags=TAGS, **options)
    assert size == out.stat().st_size
    return facts(out)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000, 96_000])
@pytest.mark.parametrize("channels", [1, 2])
def test_the_copy_lasts_as_long_as_the_master(tmp_path: Path, rate: int, channels: int) -> None:
    kind = Kind("", "flac", "flac", "s16", rate)
    master = facts(write(tmp_path / "m", kind, music(3.21, rate=rate)[:, :channels]))
    made = copy(tmp_path / "m", tmp_path / "c")
    assert abs(made.technical.duration - master.technical.duration) <= 1.5 / 48_000
    assert (made.technical.codec, made.technical.channels) == ("opus", channels)
    assert made.integrity is Integrity.INTACT


def test_twice_made_is_the_same_bytes(made: Mapping[str, Path], tmp_path: Path) -> None:
    for name in ("one", "two"):
        copy(made["a.mp3"], tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_nothing_in_the_copy_tells_when_or_by_what_version(made: Mapping[str, Path], tmp_path: Path) -> None:
    copy(made["a.flac"], tmp_path / "c")
    data = (tmp_path / "c").read_bytes()
    assert int.from_bytes(data[14:18], "little") == 1  # the stream's serial number
    assert b"Lav" not in data
    assert b"libopus" not in data


def test_the_copy_sounds_the_same_and_says_where_it_is_from(tmp_path: Path) -> None:
    master = facts(write(tmp_path / "m", FLAC, music(15)))
    made = copy(tmp_path / "m", tmp_path / "c")
    assert bit_error_rate(master.fingerprint, made.fingerprint).ber < 0.05
    assert master.loudness is not None
    assert made.loudness == pytest.approx(master.loudness, abs=0.3)
    assert made.tags.raw["master_sha256"] == ("ab" * 32,)
    assert (made.tags.title, made.tags.licences) == (TAGS.title, TAGS.licences)


def test_the_bit_rate_and_the_estimate_are_near(tmp_path: Path) -> None:
    write(tmp_path / "m", FLAC, music(15))
    for bit_rate in (32_000, 75_000):
        made = copy(tmp_path / "m", tmp_path / "c", bit_rate=bit_rate)
        assert made.size == pytest.approx(estimate_access_size(15, bit_rate), rel=0.35)


def test_more_than_two_channels_become_two(tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "m"), "wb") as file:
        file.setparams((6, 2, 44_100, 0, "NONE", ""))
        file.writeframes(music(2).repeat(3, axis=1).tobytes())
    assert copy(tmp_path / "m", tmp_path / "c").technical.channels == 2


def test_a_rate_that_no_one_uses_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "m", Kind("", "wav", "pcm_s16le", "s16", 2), music(1)[:100])
    with pytest.raises(AccessCopyError, match="2 Hz"):
        copy(tmp_path / "m", tmp_path / "c")


def test_no_sound_no_copy(tmp_path: Path) -> None:
    (tmp_path / "m").write_bytes(b"text" * 1000)
    with pytest.raises(UndecodableError):
        copy(tmp_path / "m", tmp_path / "c")


def test_a_full_disk_is_an_os_error(made: Mapping[str, Path]) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full here")
    with pytest.raises(OSError, match="No space left"):
        make_access_copy(made["a.flac"], full, master_sha256="", tags=Tags())
