"""Fingerprints agree with Chromaprint's own tool, and tell a re-encode from other music."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.audio.examine import examine
from phonotheque.audio.fingerprint import BestAlignment, bit_error_rate, fingerprint_from_samples
from phonotheque.model.audio import AudioFacts
from tests.audio.audio_making import MP3, WAV, Kind, music, write
from tests.tools import tool


def fingerprint(path: Path) -> bytes:
    facts = examine(path, loudness=False)
    assert isinstance(facts, AudioFacts)
    return facts.fingerprint


def by_fpcalc(path: Path) -> bytes:
    fpcalc = tool("fpcalc", "libchromaprint-tools")
    # fpcalc may complain about the end of a file that it fingerprinted well: its output is what counts.
    run = subprocess.run([fpcalc, "-raw", "-json", str(path)], capture_output=True, check=False)
    if not run.stdout:
        return b""
    return np.array(json.loads(run.stdout)["fingerprint"], dtype="<u4").tobytes()


def test_real_recordings_agree_with_fpcalc_to_a_thousandth(samples: list[Path]) -> None:
    wrong = total = 0
    for path in samples:
        ours, theirs = fingerprint(path), by_fpcalc(path)
        assert len(ours) == len(theirs), path.name
        pair = np.frombuffer(ours, np.uint32) ^ np.frombuffer(theirs, np.uint32)
        wrong += int(np.bitwise_count(pair).sum())
        total += 32 * len(pair)
    assert total > 100_000
    assert wrong / total <= 0.001


@pytest.mark.parametrize(
    ("rate", "channels"), [(44_100, 2), (48_000, 1), (8_000, 2), (96_000, 2), (11_025, 1)]
)
def test_every_rate_agrees_with_fpcalc(tmp_path: Path, rate: int, channels: int) -> None:
    kind = Kind("", "wav", "pcm_s16le", "s16", rate)
    path = write(tmp_path / "a.wav", kind, music(14, rate=rate)[:, :channels])
    alike = bit_error_rate(fingerprint(path), by_fpcalc(path), max_offset=0)
    assert alike.ber <= 0.002
    assert alike.overlap == len(fingerprint(path)) // 4


def test_only_two_minutes_count() -> None:
    sound = np.tile(music(10)[::4, 0], 14)
    assert fingerprint_from_samples(sound) == fingerprint_from_samples(sound[: 120 * 11_025])
    assert len(fingerprint_from_samples(sound)) == 4 * 948


def test_short_sound_has_no_fingerprint_and_silence_has_a_dull_one() -> None:
    assert fingerprint_from_samples(np.zeros(100, np.int16)) == b""
    assert fingerprint_from_samples(music(2)[:11_025, 0]) == b""
    silence = np.frombuffer(fingerprint_from_samples(np.zeros(11_025 * 5, np.int16)), np.uint32)
    assert len(set(silence.tolist())) == 1


def test_a_reencode_is_recognised_and_other_music_is_not(tmp_path: Path) -> None:
    one = fingerprint(write(tmp_path / "one.wav", WAV, music(20, seed=1)))
    again = fingerprint(write(tmp_path / "one.mp3", MP3, music(20, seed=1)))
    other = fingerprint(write(tmp_path / "two.wav", WAV, music(20, seed=2)))
    assert bit_error_rate(one, again).ber < 0.05
    assert bit_error_rate(one, other).ber > 0.35


def codes(count: int) -> bytes:
    return np.random.default_rng(7).integers(0, 2**32, count, dtype=np.uint32).tobytes()


@given(st.integers(0, 100), st.integers(80, 200))
def test_a_part_is_found_where_it_was_cut(start: int, length: int) -> None:
    whole = codes(300)
    part = whole[4 * start : 4 * (start + length)]
    expected = BestAlignment(0.0, start, min(length, 300 - start))
    assert bit_error_rate(whole, part) == expected
    assert bit_error_rate(part, whole) == BestAlignment(0.0, -start, expected.overlap)


def test_too_little_to_compare_says_so() -> None:
    assert bit_error_rate(codes(79), codes(79)) == BestAlignment(1.0, 0, 0)
    assert bit_error_rate(b"", codes(100)) == BestAlignment(1.0, 0, 0)
