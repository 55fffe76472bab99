"""The setting catalogue.resolve_on: used by phono add, and refused before anything is read."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from phonotheque.catalogue import spark, spark_needs
from phonotheque.catalogue.resolving import Unresolved, in_place
from phonotheque.cli.main import main
from phonotheque.model.errors import PhonothequeError
from tests.tones import flac

pytestmark = [pytest.mark.usefixtures("own_settings"), pytest.mark.ledger]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an archive, with a folder of music beside it."""
    (tmp_path / "Music").mkdir()
    flac(tmp_path / "Music" / "song.flac")
    assert phono(monkeypatch, "init", tmp_path / "archive", "--name", "Ours", "--mandate", "Tests.") == 0
    return tmp_path / "archive"


def phono(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["phono", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert isinstance(ended.value.code, int)
    return ended.value.code


def test_a_master_that_is_set_resolves(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def resolve_at(master: str, job: Unresolved) -> dict[str, int]:
        asked.append(master)
        return in_place(job)

    monkeypatch.setattr(spark_needs, "check", lambda master: None)
    monkeypatch.setattr(spark, "resolve_at", resolve_at)
    with (place / "phonotheque.toml").open("a") as settings:
        settings.write('[catalogue]\nresolve_on = "local[2]"\n')
    assert phono(monkeypatch, "add", place, place.parent / "Music") == 0
    assert asked == ["local[2]"]


def test_when_it_fails_the_next_run_makes_it_good(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    music = place.parent / "Music"
    assert phono(monkeypatch, "add", place, music) == 0
    flac(music / "another.flac", seed=2)

    def break_off(master: str, job: Unresolved) -> dict[str, int]:
        raise PhonothequeError(f"Resolving on Spark at {master} failed: gone")

    monkeypatch.setattr(spark_needs, "check", lambda master: None)
    monkeypatch.setattr(spark, "resolve_at", break_off)
    monkeypatch.setenv("PHONOTHEQUE_CATALOGUE_RESOLVE_ON", "yarn")
    assert phono(monkeypatch, "add", place, music) == 1
    assert "Spark at yarn failed: gone" in capsys.readouterr().err
    monkeypatch.delenv("PHONOTHEQUE_CATALOGUE_RESOLVE_ON")
    assert phono(monkeypatch, "add", place, music) == 0
    assert "2 unchanged" in capsys.readouterr().out
    assert phono(monkeypatch, "search", place, "another") == 0
    assert "another" in capsys.readouterr().out


def test_a_wrong_one_is_told_before_anything_is_read(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PHONOTHEQUE_CATALOGUE_RESOLVE_ON", "cluster:7077")
    assert phono(monkeypatch, "add", place, place.parent / "Music") == 2
    assert "“cluster:7077” is not a Spark master" in capsys.readouterr().err
    assert not (place / "catalogue" / "CURRENT").exists()
