"""Access copies: the same bytes every time, as long as their master, and the same music."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import mutagen.flac
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from numpy.typing import NDArray
from PIL import Image

from phonotheque.audio.access import AccessCopyError, Heard, estimate_access_size, make_access_copy, unlike
from phonotheque.audio.decode import UndecodableError, decode
from phonotheque.audio.examine import examine
from phonotheque.audio.fingerprint import bit_error_rate
from phonotheque.audio.samples import Samples
from phonotheque.audio.tags import front_cover
from phonotheque.model.audio import AudioFacts, Integrity, Tags
from tests.audio.audio_making import FLAC, RATE, Kind, music, write

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


class Collected:
    """A consumer that keeps everything as floats, the mean of the channels."""

    def __init__(self) -> None:
        self.pieces: list[NDArray[np.float64]] = []

    def feed(self, frame: AudioFrame, samples: Samples) -> None:
        self.pieces.append(samples.astype(np.float64).mean(axis=1))


def heard(path: Path) -> NDArray[np.float64]:
    collected = Collected()
    with path.open("rb") as file:
        decode(file, path.stat().st_size, [collected])
    return np.concatenate(collected.pieces)


def test_one_track_goes_over_into_the_next(tmp_path: Path) -> None:
    """A tone cut in two, each half made into a copy: played one after the other, it does not falter."""
    count = 2 * 48_000 + 777  # no whole number of Opus frames
    tone = np.sin(2 * np.pi * 441 * np.arange(2 * count) / 48_000) * 20_000
    kind = Kind("", "flac", "flac", "s16", 48_000)
    halves = []
    for name, part in (("1", tone[:count]), ("2", tone[count:])):
        write(tmp_path / name, kind, part.astype(np.int16)[:, None].repeat(2, axis=1))
        make_access_copy(tmp_path / name, tmp_path / f"{name}c", master_sha256="", tags=Tags())
        halves.append(heard(tmp_path / f"{name}c"))
        assert len(halves[-1]) == count
    joint = np.concatenate(halves)[count - 4_800 : count + 4_800] * 32_768
    assert np.abs(joint - tone[count - 4_800 : count + 4_800]).max() < 20_000 * 0.35
    loudness = np.sqrt((joint.reshape(-1, 480) ** 2).mean(axis=1))  # over 10 ms at a time
    assert loudness.min() > 0.9 * 20_000 / np.sqrt(2)


def picture(width: int, height: int, form: str = "JPEG", *, noise: bool = False) -> bytes:
    pixels = np.random.default_rng(1).integers(0, 255 if noise else 8, (height, width, 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, format=form)
    return out.getvalue()


def with_cover(path: Path, data: bytes, *, kind: int = 3, mime: str = "image/jpeg") -> Path:
    write(path, FLAC, music(2))
    tagged = mutagen.flac.FLAC(path)  # type: ignore[no-untyped-call]
    cover = mutagen.flac.Picture()  # type: ignore[no-untyped-call]
    cover.type, cover.mime, cover.data = kind, mime, data
    tagged.add_picture(cover)  # type: ignore[no-untyped-call]
    tagged.save()
    return path


def cover_of(path: Path) -> bytes | None:
    with path.open("rb") as file:
        return front_cover(file)


def test_a_small_cover_goes_with_the_copy_as_it_is(tmp_path: Path) -> None:
    data = picture(400, 300)
    copy(with_cover(tmp_path / "m", data), tmp_path / "c")
    assert cover_of(tmp_path / "c") == data


@pytest.mark.parametrize(("form", "noise"), [("JPEG", False), ("JPEG", True), ("PNG", True), ("WEBP", False)])
def test_a_large_cover_is_made_small(form: str, noise: bool, tmp_path: Path) -> None:
    data = picture(1_400, 700, form, noise=noise)
    made = copy(with_cover(tmp_path / "m", data), tmp_path / "c")
    (cover,) = made.artwork
    assert (cover.role, cover.mime) == ("front", "image/jpeg")
    assert cover.size <= 100_000
    assert cover.width is not None
    assert cover.height is not None
    assert 150 <= cover.width <= 500
    assert cover.width == pytest.approx(2 * cover.height, abs=2)
    assert made.integrity is Integrity.INTACT
    assert made.tags.title == TAGS.title


def test_what_is_no_picture_and_what_is_no_cover_stays_behind(tmp_path: Path) -> None:
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\2\0\0\0" + bytes(200)
    for name, data, kind in (("1", b"text" * 50, 3), ("2", bomb, 3), ("3", picture(100, 100), 4)):
        made = copy(with_cover(tmp_path / name, data, kind=kind), tmp_path / "c")
        assert made.artwork == ()
        assert made.tags.title == TAGS.title


def test_the_loudness_goes_with_the_copy_as_a_gain(made: Mapping[str, Path], tmp_path: Path) -> None:
    for loudness, gain in ((-14.5, "-2176"), (-23.0, "0"), (-40.0, "4352"), (None, None), (200.0, "-32768")):
        make_access_copy(made["a.flac"], tmp_path / "c", master_sha256="", tags=TAGS, loudness=loudness)
        assert facts(tmp_path / "c").tags.raw.get("r128_track_gain", (None,))[0] == gain


def of(master: AudioFacts) -> Heard:
    return Heard(master.technical.duration, master.loudness, master.fingerprint, master.technical.channels)


def test_a_copy_of_other_music_is_unlike_its_master(tmp_path: Path) -> None:
    one, other = (facts(write(tmp_path / str(seed), FLAC, music(20, seed=seed))) for seed in (1, 2))
    made = copy(tmp_path / "1", tmp_path / "c")
    assert unlike(made, of(one)) is None
    assert "of its fingerprint differ" in (unlike(made, of(other)) or "")
    longer = replace(of(one), duration=one.technical.duration + 0.1)
    assert "it lasts 20.000 s, its master 20.100 s" in (unlike(made, longer) or "")
    broken = replace(made, integrity=Integrity.DAMAGED, integrity_notes=("at byte 5: it is broken",))
    assert unlike(broken, of(one)) == "damaged at byte 5: it is broken"


def test_short_sounds_are_compared_by_their_loudness(tmp_path: Path) -> None:
    master = of(facts(write(tmp_path / "m", FLAC, music(2))))
    made = copy(tmp_path / "m", tmp_path / "c")
    assert unlike(made, master) is None
    assert master.loudness is not None
    assert "its loudness is" in (unlike(made, replace(master, loudness=master.loudness - 6)) or "")


def test_a_single_sample_has_no_copy(tmp_path: Path) -> None:
    write(tmp_path / "m", FLAC, music(1)[:1])
    with pytest.raises(AccessCopyError, match="less than one sample"):
        copy(tmp_path / "m", tmp_path / "c")


@pytest.mark.parametrize("length", [100, 5_000])
def test_the_shortest_sounds_have_a_copy_of_their_length(length: int, tmp_path: Path) -> None:
    write(tmp_path / "m", FLAC, music(1)[:length])
    made = copy(tmp_path / "m", tmp_path / "c")
    assert made.technical.duration == pytest.approx(length / RATE, abs=1.5 / 48_000)
    assert unlike(made, of(facts(tmp_path / "m"))) is None


def test_the_copy_of_real_music_is_near_75_kbit_and_like_its_master(
    samples: list[Path], tmp_path: Path
) -> None:
    size, seconds = 0, 0.0
    for path in (p for p in samples if p.stat().st_size < 600_000):
        master = facts(path)
        made = copy(path, tmp_path / "c")
        assert unlike(made, of(master)) is None, path.name
        size, seconds = size + made.size, seconds + made.technical.duration
    assert size * 8 / seconds == pytest.approx(75_000, rel=0.1)
