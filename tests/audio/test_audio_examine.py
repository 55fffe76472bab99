"""Everything about a file from one call that never raises, whatever the file holds."""

from __future__ import annotations

import hashlib
import random
import resource
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from phonotheque.audio import second_opinion
from phonotheque.audio.decode import Stream, UndecodableError
from phonotheque.audio.examine import examine
from phonotheque.audio.identify import identify
from phonotheque.model.audio import AudioFacts, Refusal, RefusalKind
from tests.audio.audio_making import CENC, KINDS, RATE

TECHNICAL = {
    "a.flac": ("flac", "flac", 16, True),
    "a.wav": ("wav", "pcm_s16le", 16, True),
    "a.aiff": ("aiff", "pcm_s16be", 16, True),
    "a.mp3": ("mp3", "mp3", None, False),
    "a.opus": ("ogg", "opus", None, False),
    "a.m4a": ("mp4", "aac", None, False),
    "alac.m4a": ("mp4", "alac", 16, True),
    "a.wv": ("wv", "wavpack", 16, True),
    "a.mka": ("matroska", "opus", None, False),
    "a.wma": ("asf", "wmav2", None, False),
}


@pytest.mark.parametrize("name", TECHNICAL)
def test_technical_facts(name: str, made: Mapping[str, Path]) -> None:
    facts = examine(made[name])
    assert isinstance(facts, AudioFacts)
    technical = facts.technical
    found = (technical.container, technical.codec, technical.bits_per_sample, technical.lossless)
    assert found == TECHNICAL[name]
    assert technical.channels == 2
    assert technical.sample_rate == (48_000 if technical.codec == "opus" else RATE)
    assert technical.duration == pytest.approx(6, abs=0.1)
    assert technical.bit_rate == pytest.approx(facts.size * 8 / technical.duration, rel=0.01)
    assert facts.loudness is not None
    assert -40 < facts.loudness < 0
    assert facts.sha256 == hashlib.sha256(made[name].read_bytes()).hexdigest()
    assert facts.size == made[name].stat().st_size


def test_the_caller_s_hash_is_taken_and_its_size_compared(made: Mapping[str, Path]) -> None:
    path = made["a.flac"]
    facts = examine(path, sha256="ab" * 32, size=path.stat().st_size)
    assert isinstance(facts, AudioFacts)
    assert facts.sha256 == "ab" * 32
    short = examine(path, sha256="ab" * 32, size=path.stat().st_size + 1)
    assert isinstance(short, Refusal)
    assert short.kind is RefusalKind.UNREADABLE


def test_what_looks_like_sound_but_holds_none_is_undecodable(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"fLaC" + bytes(5000))
    refusal = examine(tmp_path / "x")
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.UNDECODABLE
    assert refusal.reason


def test_unknown_bytes_are_not_audio(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(bytes(100_000))
    refusal = examine(tmp_path / "x")
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.NOT_AUDIO


def test_libsndfile_is_asked_about_an_ogg_file_that_ffmpeg_refuses(
    samples: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **options: object) -> Stream:
        raise UndecodableError("FFmpeg cannot open it: bad granule position")

    path = min(samples, key=lambda p: p.stat().st_size)
    first = examine(path)
    monkeypatch.setattr(second_opinion, "decode", refuse)
    second = examine(path)
    assert isinstance(first, AudioFacts)
    assert isinstance(second, AudioFacts)
    assert second.technical == first.technical
    assert second.loudness == pytest.approx(first.loudness, abs=0.05)
    assert any("decoded by libsndfile" in note for note in second.integrity_notes)


def both(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    assert isinstance(identify(path), Refusal | None)
    assert isinstance(examine(path, loudness=False), AudioFacts | Refusal)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("scratch") / "file"


MAGICS = (b"", b"fLaC", b"OggS", b"RIFF\0\0\0\0WAVEfmt ", b"ID3\4\0\0\0\0\0\x20", b"\xff\xfb\x90\x00",
          b"\0\0\0\x18ftypM4A ", b"\x1aE\xdf\xa3", bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c"), b"wvpk",
          b"FORM\0\0\0\0AIFFCOMM", b"caff\0\1", b"MAC \x96\x0f", b"\xff\xf1\x50\x80")  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(MAGICS), st.binary(max_size=600))
def test_random_bytes_never_raise(scratch: Path, magic: bytes, noise: bytes) -> None:
    both(scratch, magic + noise)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from([kind.name for kind in (*KINDS, CENC)]), st.integers(0, 2**32))
def test_mutated_files_never_raise(scratch: Path, made: Mapping[str, Path], name: str, seed: int) -> None:
    dice = random.Random(seed)
    data = bytearray(made[name].read_bytes()[: dice.choice((2_000, 30_000, 10**9))])
    reach = dice.choice((600, len(data)))  # headers are where the traps are
    for _ in range(dice.choice((1, 4, 30))):
        data[dice.randrange(min(reach, len(data)))] = dice.choice(
            (0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256))
        )
    both(scratch, bytes(data))


def test_memory_stays_flat(scratch: Path, made: Mapping[str, Path]) -> None:
    broken = bytearray(made["a.mp3"].read_bytes())
    for at in range(5000, len(broken), 997):
        broken[at] ^= 0xFF
    scratch.write_bytes(broken)

    def run(count: int) -> int:
        for _ in range(count):
            for path in (made["a.flac"], made["a.wav"], made["a.opus"], scratch):
                assert isinstance(examine(path), AudioFacts)
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    settled = run(10)
    assert run(40) - settled < 8 * 1024  # KiB
