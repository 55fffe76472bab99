"""Whatever is granted, corrected, withdrawn, reversed and published in whatever order: what is public after
publishing has statements that say yes for its bag's audience on that day; and nothing is lost.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from phonotheque.editions.covering import covered_by
from phonotheque.editions.edition import read_edition
from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.editions.withdrawing import Asked, accept, hold, refuse, request, reverse
from phonotheque.ledger.files import each_file
from phonotheque.ledger.schema import files
from phonotheque.ledger.statements import correct, record_grant, standing_statements
from phonotheque.ledger.withdrawals import State, all_withdrawals
from phonotheque.model.errors import UsageError
from phonotheque.model.rights import Act, Answer, Kind, Statement
from phonotheque.model.territory import parse_territory
from phonotheque.rights.decide import decide
from phonotheque.rights.records import read_statement
from phonotheque.sources.decide import redecide
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive, open_archive, timestamp
from tests.conftest import MakeArchive
from tests.postgresql import copy_tree
from tests.tones import flac

EXAMPLES = int(os.environ.get("RIGHTS_EXAMPLES", "3"))
FIRST = date(2026, 11, 20)
NAMES = [f"{name}.flac" for name in ("one", "two", "three", "four")]
TERRITORIES = ["WORLD", "EU", "FR", "FR DE", "WORLD -US", "JP"]

Action = tuple[str, str, str, int]  # what, on which file, where, and a number of days
ACTIONS = st.tuples(
    st.sampled_from(
        ["grant", "grant", "correct", "withdraw", "withdraw", "hold", "end", "publish", "publish"]
    ),
    st.sampled_from(NAMES),
    st.sampled_from(TERRITORIES),
    st.integers(1, 30),
)


@pytest.fixture
def base(make_archive: MakeArchive, tmp_path: Path) -> Path:
    """An archive that publishes for several audiences, with four recordings without a basis."""
    archive = make_archive(mandate="Tests keep everything.")
    create_keys(archive.keys)
    written = archive.folder / "phonotheque.toml"
    listed = '[publish]\naudiences = ["FR", "EU", "WORLD -US"]\nbag_files = 3\n'
    written.write_text(written.read_text() + listed)
    for seed, name in enumerate(NAMES):
        flac(tmp_path / "in" / name, seed, {"TITLE": name, "ARTIST": "The Testers", "ALBUM": "Rights"})
    add_folder(archive, tmp_path / "in")
    rebuild_catalogue(archive, at=datetime(2026, 11, 20, tzinfo=UTC))
    archive.close()
    return archive.folder


@given(st.lists(ACTIONS, min_size=4, max_size=9))
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_nothing_is_public_without_a_right_and_nothing_is_lost(
    base: Path, tmp_path_factory: pytest.TempPathFactory, actions: list[Action]
) -> None:
    folder = tmp_path_factory.mktemp("example") / "archive"
    copy_tree(base, folder)
    archive = open_archive(folder)
    try:
        day = FIRST
        for action in [*actions, ("publish", "", "", 1)]:
            day += timedelta(days=action[3])
            _ACT[action[0]](archive, action, datetime(day.year, day.month, day.day, tzinfo=UTC))
            _nothing_lost(archive)
            if action[0] == "publish":
                _nothing_without_a_right(archive, day)
    finally:
        archive.close()


def _grant(archive: Archive, action: Action, at: datetime) -> None:
    _, name, territory, days = action
    until = (at.date() + timedelta(days=days)).isoformat() if days % 3 == 0 else None
    with archive.ledger.begin() as ledger:
        record_grant(ledger, [_id(archive, name)], _agreement(territory, until), at=timestamp(at))
        redecide(ledger, [_id(archive, name)], archive.settings, at=timestamp(at))


def _correct(archive: Archive, action: Action, at: datetime) -> None:
    _, name, territory, days = action
    with archive.ledger.begin() as ledger:
        standing = standing_statements(ledger, [_id(archive, name)])[_id(archive, name)]
        granted = [one for one in standing if one.kind is Kind.DEPOSIT]
        if granted:
            correct(ledger, granted[days % len(granted)].id, _agreement(territory, None), at=timestamp(at))
            redecide(ledger, [_id(archive, name)], archive.settings, at=timestamp(at))


def _agreement(territory: str, until: str | None) -> Statement:
    acts = (Act.STREAM, Act.DISTRIBUTE)
    said = Statement(Kind.DEPOSIT, None, "an agreement", "grant", "a label", acts=acts)
    return replace(said, territory=territory, valid_until=until)


def _withdraw(archive: Archive, action: Action, at: datetime) -> None:
    what, name, territory, _ = action
    asked = Asked("An Artist", "It is mine.", (name,), territory=territory)
    try:
        one = request(archive, asked, covered_by(archive, [name]), at=timestamp(at))
    except UsageError:  # asked twice
        return
    (hold if what == "hold" else accept)(archive, one.id, by="archivist", note=None, at=timestamp(at))
    shown = {path for _, path in _shown(archive) if path.name == name}
    assert territory != "WORLD" or not shown


def _end(archive: Archive, action: Action, at: datetime) -> None:
    with archive.ledger.connect() as ledger:
        standing = [one for one in all_withdrawals(ledger) if one.in_effect]
    if standing:
        one = standing[action[3] % len(standing)]
        end = reverse if one.state is State.ACCEPTED else refuse
        end(archive, one.id, by="archivist", note="It was wrong.", at=timestamp(at))


def _publish(archive: Archive, _action: Action, at: datetime) -> None:
    assert publish(archive, at=at).failures == []


_ACT: dict[str, Callable[[Archive, Action, datetime], None]] = {
    "grant": _grant,
    "correct": _correct,
    "withdraw": _withdraw,
    "hold": _withdraw,
    "end": _end,
    "publish": _publish,
}


def _id(archive: Archive, name: str) -> int:
    with archive.ledger.connect() as ledger:
        return next(int(row.id) for row in each_file(ledger) if row.name == name)


def _shown(archive: Archive) -> list[tuple[str, Path]]:
    """Every file below data/ of a bag that the public tree shows, and the bag: whatever links lead there."""
    found = []
    for here, _, names in os.walk(archive.public, followlinks=True):
        parts = Path(here).relative_to(archive.public).parts
        if "bags" in parts and "data" in parts:
            bag = parts[parts.index("bags") + 1]
            found += [(bag, Path(here, name)) for name in names]
    return found


def _nothing_without_a_right(archive: Archive, day: date) -> None:
    edition = read_edition((archive.public / "targets" / "edition.json").read_bytes())
    audiences = {bag.id: parse_territory(bag.audience) for bag in edition.bags}
    said = {
        (bag, record["path"]): record
        for bag in audiences
        for record in map(json.loads, (archive.bags / bag / "recordings.jsonl").read_text().splitlines())
    }
    with archive.ledger.connect() as ledger:
        ids = {row.sha256: row.id for row in ledger.execute(select(files.c.sha256, files.c.id))}
        standing = standing_statements(ledger, ids.values())
    for bag, path in _shown(archive):
        assert bag in audiences, f"{bag} is shown and not in the edition"
        if bag.endswith("-catalogue"):
            continue
        record = said[bag, f"data/{str(path).partition('/data/')[2]}"]
        sealed = [read_statement(statement) for statement in record["rights"]["statements"]]
        for statements in (standing[ids[_sha256(path)]], sealed):
            decision = decide(statements, Act.DISTRIBUTE, on=day, territory=audiences[bag])
            assert decision.answer is Answer.YES, f"{bag}/{path.name}: {decision.reason}"
    assert {bag for bag, _ in _shown(archive)} == set(audiences)
    sealed_folders = {folder.name for folder in archive.bags.iterdir()}
    assert sealed_folders == set(audiences)


def _nothing_lost(archive: Archive) -> None:
    vault = {_sha256(path) for path in (archive.folder / "vault").rglob("*") if path.is_file()}
    with archive.ledger.connect() as ledger:
        held = set(ledger.execute(select(files.c.sha256).where(files.c.held)).scalars())
    assert held <= vault


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
