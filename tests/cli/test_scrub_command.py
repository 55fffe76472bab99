"""phono check some of it each night: budgets, how it stands, exit codes, and mirrors."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from phonotheque.ledger.holdings import all_holdings
from phonotheque.ledger.scrubs import scrubs
from phonotheque.mirrors.home import open_mirror
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.vault.scrub import End, Run
from tests.cli.conftest import Phono
from tests.mirrors.mirror_publisher import Publisher
from tests.mirrors.mirror_runs import run

pytestmark = pytest.mark.ledger


@pytest.fixture
def mirror(tmp_path: Path, own_settings: Path) -> Path:
    (tmp_path / "archive").mkdir()
    publisher = Publisher(tmp_path / "archive", with_index=True)
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.publish(1)
    mirror = open_mirror(tmp_path / "mirror", str(publisher.folder))
    run(mirror)
    mirror.close()
    return mirror.folder


def long_ago(folder: Path) -> Archive:
    archive = open_archive(folder)
    with archive.ledger.begin() as ledger:
        ledger.execute(update(scrubs).values(verified_at="2020-01-01T00:00:00Z"))
    return archive


def test_a_part_each_time_until_all_was_read_and_damage_is_told(phono: Phono, mirror: Path) -> None:
    first = phono("check", mirror, "--bytes", "1MB", "--json")
    assert (first.code, first.data["run"]["ended"]) == (0, "bytes")
    done = phono("check", mirror, "--for", "1h", "--json")
    assert (done.code, done.data["run"]["ended"], done.data["standing"]["covers"]) == (0, "done", True)
    assert done.data["standing"]["verified"] == done.data["standing"]["all"]
    assert "Scrubbed   all of" in phono("status", mirror).out
    archive = long_ago(mirror)
    overdue = phono("check", mirror, "--bytes", "1", "--within", "30d")
    assert overdue.code == 1
    assert "Overdue" in overdue.out
    assert "With this budget once a day, reading everything" in overdue.err
    song = next((mirror / "vault" / "bags" / "audio-1" / "data").rglob("00*"))
    song.chmod(0o644)
    song.write_bytes(b"x" * song.stat().st_size)
    found = phono("check", mirror, "--due")
    assert found.code == 4
    assert "damaged: audio-1: data/Artiste" in found.err
    assert "Wrong      when it was read last: audio-1" in phono("status", mirror).out
    assert phono("check", mirror, "--due").code == 4, "it is still so"
    with archive.ledger.connect() as ledger:
        held = all_holdings(ledger)
    assert (held["catalogue-1"].verified_at or "") > "2026", "a mirror tells others when it verified what"
    archive.close()
    assert phono("repair", mirror, "--no-discovery").code == 0
    assert phono("check", mirror, "--due").code == 0


def test_a_check_of_everything_counts(phono: Phono, mirror: Path) -> None:
    assert phono("check", mirror).code == 0
    done = phono("check", mirror, "--due", "--json").data
    assert {"audio-1", "catalogue-1"}.isdisjoint(one["unit"] for one in done["run"]["wrong"])
    assert done["run"]["bytes"] < 100_000, "bags were read a moment ago"


def test_budgets_come_from_the_settings_and_ctrl_c_ends_well(
    phono: Phono, mirror: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from phonotheque.cli import check

    given: list[Any] = []

    def scrub(_archive: Archive, _units: Any, budget: Any, *, stop: Any, **_: Any) -> Run:
        given.append(budget)
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        return Run("2026-01-01T00:00:00Z", ended=End.STOPPED)

    monkeypatch.setattr(check, "scrub", scrub)
    settings = mirror / "phonotheque.toml"
    settings.write_text(settings.read_text() + '\n[check]\ntime = "2h"\nbytes = "1GB"\nwithin = "12w"\n')
    assert phono("check", mirror, "--due").code == 130
    assert (given[0].seconds, given[0].bytes, given[0].period.days) == (7200, 10**9, 84)
    phono("check", mirror, "--bytes", "5MB")
    assert (given[1].seconds, given[1].bytes) == (None, 5_000_000)
    settings.write_text(settings.read_text().replace('"12w"', '"soon"'))
    assert phono("check", mirror, "--due").code == 2
