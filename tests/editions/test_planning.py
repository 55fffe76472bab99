"""Plans of real archives: what is gathered from catalogue and ledger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from phonotheque.audio.access import estimate_access_size
from phonotheque.editions.elsewhere import Elsewhere
from phonotheque.editions.plan_folder import save_plan
from phonotheque.editions.planning import planned, planned_anew
from phonotheque.ledger.files import each_file
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive
from tests.tones import flac

CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
ISRCS = {"One": "NOX001212341", "Two": "NOX001212342"}


def tags(title: str, licence: str | None = CC0) -> dict[str, str]:
    found = {"TITLE": title, "ARTIST": "The Testers", "ALBUM": "Tones", "ISRC": ISRCS[title]}
    return found | ({"LICENSE": licence} if licence else {})


@pytest.fixture
def stocked(archive: Archive, tmp_path: Path) -> Archive:
    flac(tmp_path / "in" / "one.flac", 1, tags("One"), seconds=4)
    flac(tmp_path / "in" / "two.flac", 2, tags("Two"), seconds=2)
    add_folder(archive, tmp_path / "in")
    rebuild_catalogue(archive, at=NOW)
    return archive


def ledger_rows(archive: Archive) -> dict[int, Any]:
    with archive.ledger.connect() as ledger:
        return {row.id: row for row in each_file(ledger)}


def candidates(archive: Archive, elsewhere: Elsewhere | None = None) -> list[dict[str, Any]]:
    with planned(archive, None, elsewhere=elsewhere) as found:
        rows: list[dict[str, Any]] = pq.read_table(found.candidates).to_pylist()
    return rows


def by_name(archive: Archive, rows: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    files = ledger_rows(archive)
    for row in rows:
        yield files[row["file"]].name, row


def test_candidates_are_what_is_held_with_what_each_choice_costs(stocked: Archive) -> None:
    found = dict(by_name(stocked, candidates(stocked)))
    files = {row.name: row for row in ledger_rows(stocked).values()}
    assert set(found) == {"one.flac", "two.flac"}
    for name, row in found.items():
        assert row["master_bytes"] == files[name].size
        assert row["access_bytes"] == estimate_access_size(files[name].duration)
        assert (row["lossless"], row["publishable"], row["copies"], row["listens"]) == (
            True,
            True,
            None,
            None,
        )


def test_of_several_masters_of_a_recording_the_best_that_may_be_published_is_planned(
    archive: Archive, tmp_path: Path
) -> None:
    flac(tmp_path / "in" / "allowed.flac", 1, tags("One"), seconds=4)
    flac(tmp_path / "in" / "again.flac", 1, tags("One") | {"COMMENT": "x" * 5000}, seconds=4)
    add_folder(archive, tmp_path / "in")
    rebuild_catalogue(archive, at=NOW)
    ((name, row),) = by_name(archive, candidates(archive))
    assert (name, row["publishable"]) == ("allowed.flac", True)  # the same samples in fewer bytes


@pytest.mark.parametrize("by", ["isrc", "isrc with hyphens", "id", "sha256"])
def test_copies_elsewhere_are_found_by_whatever_the_list_names(
    stocked: Archive, tmp_path: Path, by: str
) -> None:
    (one,) = [row for row in ledger_rows(stocked).values() if row.name == "one.flac"]
    with planned(stocked, None) as found:
        ids = {item["file"]: item["recording"] for part in found.chosen("master") for item in part}
    names = {
        "isrc": ISRCS["One"].lower(),
        "isrc with hyphens": "NO-X00-12-12341",
        "id": ids[one.id],
        "sha256": one.sha256.upper(),
    }
    others = tmp_path / "others.csv"
    others.write_text(f'"copies","id",who\n2,{names[by]},a\n7,unknown,b\n4,{names[by]},\n')
    rows = dict(by_name(stocked, candidates(stocked, Elsewhere(others))))
    assert (rows["one.flac"]["copies"], rows["two.flac"]["copies"]) == (4, None)


@pytest.mark.parametrize(
    "content", ["", "id\nx\n", "id,copies\nx,many\n", "id,copies\nx,-1\n", "id,copies\nx\n", "\0\n"]
)
def test_a_list_that_makes_no_sense_is_named(stocked: Archive, tmp_path: Path, content: str) -> None:
    others = tmp_path / "others.csv"
    others.write_text(content)
    with pytest.raises(UsageError, match=r"others\.csv"), planned(stocked, None, elsewhere=Elsewhere(others)):
        pass
    with pytest.raises(NotFoundError), planned(stocked, None, elsewhere=Elsewhere(tmp_path / "no.csv")):
        pass


def test_planning_anew_keeps_to_the_terms_last_planned_on(stocked: Archive, tmp_path: Path) -> None:
    files = {row.name: row for row in ledger_rows(stocked).values()}
    others = tmp_path / "others.csv"
    others.write_text(f"id,copies\n{ISRCS['One']},0\n{ISRCS['Two']},9\n")
    elsewhere = Elsewhere(others)
    budget = estimate_access_size(files["one.flac"].duration) + 100
    with planned(stocked, budget, elsewhere=elsewhere) as found:
        save_plan(
            stocked.plans,
            found.plan,
            found.items,
            NOW,
            snapshot=found.snapshot.stamp,
            elsewhere=elsewhere,
        )
    others.unlink()
    with planned_anew(stocked) as found:
        assert found.plan.budget == budget
        chosen = [item for choice in ("master", "access") for part in found.chosen(choice) for item in part]
    assert [item["file"] for item in chosen] == [files["one.flac"].id]
    assert not list(stocked.plans.glob(".making-*"))


def test_an_archive_without_music_has_no_plan(archive: Archive) -> None:
    with pytest.raises(NotFoundError, match="holds nothing"), planned(archive, None):
        pass
