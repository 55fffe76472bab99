"""Loudness after BS.1770-4, checked with the reference signals of EBU Tech 3341."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from phonotheque.audio.examine import examine
from phonotheque.model.audio import AudioFacts
from tests.audio.audio_making import WAV, Kind, write


def tone(seconds: float, decibels: float, rate: int = 48_000) -> NDArray[np.int16]:
    wave = np.sin(2 * np.pi * 1000 * np.arange(round(seconds * rate)) / rate) * 10 ** (decibels / 20) * 32_767
    return np.repeat(wave.round().astype(np.int16)[:, None], 2, axis=1)


def loudness(path: Path, samples: NDArray[np.int16], rate: int = 48_000) -> float | None:
    facts = examine(write(path, Kind("", "wav", "pcm_s16le", "s16", rate), samples))
    assert isinstance(facts, AudioFacts)
    return facts.loudness


@pytest.mark.parametrize("level", [-23.0, -33.0])
def test_tech_3341_cases_1_and_2(tmp_path: Path, level: float) -> None:
    assert loudness(tmp_path / "a", tone(20, level)) == pytest.approx(level, abs=0.1)


def test_tech_3341_case_3_quiet_parts_are_gated_away(tmp_path: Path) -> None:
    sound = np.concatenate([tone(10, -36), tone(60, -23), tone(10, -36)])
    assert loudness(tmp_path / "a", sound) == pytest.approx(-23, abs=0.1)


@pytest.mark.parametrize("rate", [8_000, 22_050, 44_100, 96_000])
def test_the_rate_makes_no_difference(tmp_path: Path, rate: int) -> None:
    assert loudness(tmp_path / "a", tone(5, -20, rate), rate) == pytest.approx(-20, abs=0.15)


def test_silence_and_blinks_have_no_loudness(tmp_path: Path) -> None:
    assert loudness(tmp_path / "a", np.zeros((48_000, 2), np.int16)) is None
    assert loudness(tmp_path / "b", tone(0.2, -20)) is None


def test_it_is_left_out_on_request(tmp_path: Path) -> None:
    facts = examine(write(tmp_path / "a", WAV, tone(1, -20)), loudness=False)
    assert isinstance(facts, AudioFacts)
    assert facts.loudness is None
