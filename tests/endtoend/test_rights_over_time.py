"""Whatever is granted, corrected, retracted, withdrawn and reversed, in whatever order, as time goes by: the
audit of the public tree alone finds no file whose decision is not yes; what is taken back is gone at once.

More examples: ``RIGHTS_EXAMPLES=200 .venv/bin/pytest tests/endtoend/test_rights_over_time.py``
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from phonotheque.editions.audit import Fault, What
from phonotheque.editions.covering import covered_by
from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.editions.upholding import uphold
from phonotheque.editions.withdrawing import Asked, accept, hold, refuse, request, reverse
from phonotheque.ledger.files import each_file
from phonotheque.ledger.statements import correct, record_denial, record_grant, retract, standing_statements
from phonotheque.ledger.withdrawals import State, all_withdrawals
from phonotheque.mirrors.audit import Question, audit
from phonotheque.mirrors.origin import open_origin
from phonotheque.model.errors import UsageError
from phonotheque.model.rights import Act, Covers, Dates, Kind, Statement
from phonotheque.model.territory import parse_territory
from phonotheque.rights.grant import checked
from phonotheque.sources.decide import redecide
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive, open_archive, timestamp
from tests.conftest import MakeArchive
from tests.postgresql import copy_tree
from tests.tones import flac

EXAMPLES = int(os.environ.get("RIGHTS_EXAMPLES", "0"))  # at random; without it, always the same few
STEPS = int(os.environ.get("RIGHTS_STEPS", "14"))
FIRST = date(2026, 11, 20)
NAMES = [f"{name}.flac" for name in ("one", "two", "three")]
WHERE = st.sampled_from(["WORLD", "WORLD", "EU", "FR", "DE FR", "US", "WORLD -US", "JP"])
SHARED = (Act.PRESERVE, Act.STREAM, Act.DISTRIBUTE)
# The recording is free in the United States from 2027 on, in the Union already, and nowhere else for sure.
OLD = Dates(published="1926", fixed="1926", country="US")


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    """Anything that a person may state, most of it enough to let something out somewhere, at some time."""
    plain = Statement(Kind.UNKNOWN, None, "a letter", "grant", "somebody", territory=draw(WHERE))
    one = draw(
        st.sampled_from(
            [
                replace(plain, kind=Kind.LICENCE, licence="CC0-1.0"),
                replace(plain, kind=Kind.LICENCE, licence="CC-BY-NC-ND-4.0"),
                replace(plain, kind=Kind.LICENCE, licence="MIT"),
                replace(plain, kind=Kind.PUBLIC_DOMAIN),
                replace(plain, kind=Kind.DATES, dates=OLD, covers=Covers.RECORDING, territory="WORLD"),
                replace(plain, kind=Kind.DEPOSIT, holder="A label", acts=SHARED),
                replace(plain, kind=Kind.DEPOSIT, holder="A label", acts=(Act.PRESERVE, Act.STREAM)),
                replace(plain, kind=Kind.OWN_WORK, holder="An artist", acts=(*SHARED, Act.MINE)),
                replace(plain, kind=Kind.MANDATE),
                replace(plain, kind=Kind.ON_SITE),
                replace(plain, kind=Kind.UNKNOWN),
                replace(plain, kind=Kind.RESERVATION, acts=(Act.MINE,)),
            ]
        )
    )
    if one.kind in (Kind.DATES, Kind.UNKNOWN):
        return checked(one)
    if one.kind is not Kind.RESERVATION:
        one = replace(one, covers=draw(st.sampled_from([Covers.BOTH, Covers.BOTH, *Covers])))
    begins, lasts = draw(st.integers(-20, 60)), draw(st.sampled_from([None, None, 5, 40, 400]))
    if draw(st.booleans()):
        start = FIRST + timedelta(days=begins)
        one = replace(one, valid_from=start.isoformat())
        one = one if lasts is None else replace(one, valid_until=(start + timedelta(days=lasts)).isoformat())
    return checked(one)


class Years(RuleBasedStateMachine):
    """An archive as years go by: people state, correct, retract, ask back, decide and publish."""

    base: Path
    place: Path

    @initialize()
    def begin(self) -> None:
        self.folder = self.place / "archive"
        shutil.rmtree(self.folder, ignore_errors=True)
        copy_tree(self.base, self.folder)
        self.archive: Archive = open_archive(self.folder)
        self.day = FIRST
        self.published = False
        with self.archive.ledger.connect() as ledger:
            self.ids = {row.name: int(row.id) for row in each_file(ledger)}

    @property
    def now(self) -> str:
        return timestamp(datetime(self.day.year, self.day.month, self.day.day, 12, tzinfo=UTC))

    @rule(names=st.lists(st.sampled_from(NAMES), min_size=1, unique=True), statement=statements())
    def grant(self, names: list[str], statement: Statement) -> None:
        ids = [self.ids[name] for name in names]
        record = record_denial if statement.kind is Kind.RESERVATION else record_grant
        with self.archive.ledger.begin() as ledger:
            record(ledger, ids, statement, at=self.now)
            redecide(ledger, ids, self.archive.settings, at=self.now)

    @rule(name=st.sampled_from(NAMES), which=st.integers(0, 5), statement=statements())
    def correct_one(self, name: str, which: int, statement: Statement) -> None:
        if (old := self._one(name, which)) is not None:
            with self.archive.ledger.begin() as ledger:
                correct(ledger, old.id, statement, at=self.now, because="a slip of the pen")
                redecide(ledger, [self.ids[name]], self.archive.settings, at=self.now)

    @rule(name=st.sampled_from(NAMES), which=st.integers(0, 5))
    def retract_one(self, name: str, which: int) -> None:
        if (old := self._one(name, which)) is not None:
            with self.archive.ledger.begin() as ledger:
                retract(ledger, old.id, "it was wrong", at=self.now)
                redecide(ledger, [self.ids[name]], self.archive.settings, at=self.now)

    @rule(name=st.sampled_from(NAMES), where=WHERE, decide=st.sampled_from([None, hold, accept, accept]))
    def ask_back(self, name: str, where: str, decide: object) -> None:
        with self.archive.writing("test"):
            uphold(self.archive, at=self.now)
            asked = Asked("An artist", "It is mine.", (name,), territory=where)
            try:
                one = request(self.archive, asked, covered_by(self.archive, [name]), at=self.now)
            except UsageError as error:
                if "is covered by the withdrawal" not in error.message:
                    raise
                return  # asked twice
            if decide in (hold, accept):
                (hold if decide is hold else accept)(self.archive, one.id, by="me", note=None, at=self.now)
                self._gone(name, where)

    @rule(which=st.integers(0, 5))
    def decide_otherwise(self, which: int) -> None:
        with self.archive.ledger.connect() as ledger:
            standing = [one for one in all_withdrawals(ledger) if one.in_effect]
        if standing:
            one = standing[which % len(standing)]
            end = reverse if one.state is State.ACCEPTED else refuse
            with self.archive.writing("test"):
                uphold(self.archive, at=self.now)
                end(self.archive, one.id, by="me", note="It was wrong.", at=self.now)

    @rule(days=st.sampled_from([1, 3, 7, 30, 45, 365]))
    def time_passes(self, days: int) -> None:
        self.day += timedelta(days=days)

    @rule()
    def publish_it(self) -> None:
        at = datetime(self.day.year, self.day.month, self.day.day, 12, tzinfo=UTC)
        with self.archive.writing("test"):
            result = publish(self.archive, at=at)
        assert result.failures == []
        self.published = True
        note(f"{self.day}: edition {result.number}, {len(result.bags)} new bags")
        for on in (None, self.day):
            assert self._faults(on) == []

    @precondition(lambda self: self.published)
    @rule()
    def audit_it(self) -> None:
        """Between two editions something may be gone; that something is there which may not be is never so.

        What ends by itself ends with the next edition: that is asked for on the edition's own date.
        """
        assert [fault for fault in self._faults(None) if fault.what is not What.MISSING] == []

    def teardown(self) -> None:
        if hasattr(self, "archive"):
            if self.published:
                self.publish_it()
            self.archive.close()

    def _one(self, name: str, which: int) -> Statement | None:
        """One of the statements of people that stand; withdrawals are decided on otherwise."""
        with self.archive.ledger.connect() as ledger:
            found = standing_statements(ledger, [self.ids[name]])[self.ids[name]]
        found = [one for one in found if one.kind is not Kind.WITHDRAWAL]
        return found[which % len(found)] if found else None

    def _faults(self, on: date | None) -> list[Fault]:
        found: list[Fault] = []
        origin = open_origin(str(self.archive.public))
        now = datetime(self.day.year, self.day.month, self.day.day, 12, tzinfo=UTC)
        audit(origin, Question(on=on, every_byte=True), now=now, on_fault=found.append)
        return found

    def _gone(self, name: str, where: str) -> None:
        """Nobody in the territory is shown the file any more, by whatever link."""
        for here, _, shown in os.walk(self.archive.public, followlinks=True):
            parts = Path(here).relative_to(self.archive.public).parts
            if "data" not in parts or name not in shown:
                continue
            shelf = parts[1] if parts[0] == "restricted" else "WORLD"
            audience = parse_territory(shelf.replace("_", " "))
            assert not audience & parse_territory(where), f"{name} is still shown in {shelf}"


def test_nothing_is_ever_public_that_may_not_be(make_archive: MakeArchive, tmp_path: Path) -> None:
    archive = make_archive("base", mandate="Tests keep everything.")
    create_keys(archive.keys)
    written = archive.folder / "phonotheque.toml"
    audiences = '[publish]\naudiences = ["FR", "EU", "US", "WORLD -US"]\nbag_files = 2\n'
    written.write_text(written.read_text() + audiences)
    for seed, name in enumerate(NAMES):
        tags = {"TITLE": name.removesuffix(".flac"), "ARTIST": "The Testers", "ALBUM": "Rights"}
        flac(tmp_path / "in" / name, seed, tags)
    add_folder(archive, tmp_path / "in")
    rebuild_catalogue(archive, at=datetime(2026, 11, 20, tzinfo=UTC))
    archive.close()

    class OfThisArchive(Years):
        base = archive.folder
        place = tmp_path

    run_state_machine_as_test(
        OfThisArchive,
        settings=settings(
            max_examples=EXAMPLES or 3,
            derandomize=not EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
