"""A mirror that reports: what is in it, when, by which key, and what does not stop it."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from phonotheque.cli.health import health_command
from phonotheque.cli.holdings import holdings_command
from phonotheque.cli.mirror import mirror_command
from phonotheque.ledger.bags import EditionRecord, record_bag, record_edition
from phonotheque.ledger.holdings import HoldingState, let_go, reopen
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.report import read_report
from phonotheque.mirrors.reporting import Reporter, make_report, own_key, signed_report
from phonotheque.model.errors import NotFoundError, PhonothequeError, UsageError
from phonotheque.vault.archive import Archive, open_archive, timestamp
from phonotheque.web.serve import public_application
from phonotheque.web.server import Beside
from tests.ledger.ledger_facts import BAG
from tests.mirrors.mirror_publisher import ARCHIVE, DATE, NOW, Publisher
from tests.mirrors.mirror_runs import run as mirror
from tests.mirrors.reported import FILE

pytestmark = pytest.mark.ledger  # a mirror has one
LOCAL = ("--budget", "1GB", "--once", "--listen", "127.0.0.1:0", "--no-discovery")


def as_archive(publisher: Publisher) -> Archive:
    """The publisher with settings, and a ledger that knows its bags."""
    (publisher.folder / "phonotheque.toml").write_text(f'[archive]\nid = "{ARCHIVE}"\nname = "Tests"\n')
    archive = open_archive(publisher.folder)
    with archive.ledger.begin() as ledger:
        for bag in publisher.bags:
            record_bag(ledger, replace(BAG, id=bag.id, bytes=bag.bytes), [FILE])
        record_edition(ledger, EditionRecord(1, DATE, "s", "ab" * 32, DATE))
    return archive


def run(command: Any, *words: object) -> Result:
    done = CliRunner().invoke(command, [str(word) for word in words])
    if isinstance(done.exception, PhonothequeError):
        raise done.exception
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done


def test_a_report_says_what_is_held_and_nobodys_name(published: Publisher, tmp_path: Path) -> None:
    held = open_mirror(tmp_path / "mirror", str(published.folder))
    mirror(held)
    report = make_report(held, NOW)
    assert (report.archive, report.mirror, report.edition) == (ARCHIVE, held.settings.archive.id, 1)
    sizes = {bag.id: bag.bytes for bag in published.bags}
    assert {bag.id: (bag.bytes, bag.whole) for bag in report.bags} == {
        bag: (size, True) for bag, size in sizes.items()
    }
    assert {bag.verified_at for bag in report.bags} == {timestamp(NOW)}
    assert (report.name, report.country, report.web, report.peers) == (None, None, None, ())
    assert str(tmp_path).encode() not in signed_report(held, NOW)


def test_parts_are_told_as_parts_and_what_has_to_go_is_not_told(published: Publisher, tmp_path: Path) -> None:
    held = open_mirror(tmp_path / "mirror", str(published.folder))
    mirror(held)
    with held.ledger.begin() as ledger:
        reopen(ledger, "audio-1", ["bagit.txt"])
        let_go(ledger, "audio-2", HoldingState.WITHDRAWN)
    told = {bag.id: bag for bag in make_report(held, NOW).bags}
    assert set(told) == {"audio-1", "catalogue-1"}
    whole = next(bag for bag in published.bags if bag.id == "audio-1").bytes
    assert (told["audio-1"].whole, told["catalogue-1"].whole) == (False, True)
    assert 0 < whole - told["audio-1"].bytes < 100
    early = make_report(held, NOW - timedelta(days=1))  # the clock was set back
    assert {bag.verified_at for bag in early.bags} == {early.time}


def test_what_is_set_is_told_and_what_makes_no_sense_is_refused_first(
    published: Publisher, tmp_path: Path
) -> None:
    held = open_mirror(tmp_path / "mirror", str(published.folder))
    mirror(held)
    settings = held.settings.mirror

    def told(**changes: Any) -> Any:
        changed = replace(held.settings, mirror=replace(settings, **changes))
        return make_report(replace(held, settings=changed), NOW)

    report = told(name="Our attic", web="https://attic.example.org/", peers=("attic.example.org:6881",))
    assert (report.name, report.web) == ("Our attic", "https://attic.example.org/")
    for wrong in ({"name": "two\nlines"}, {"web": "attic"}, {"peers": ("attic",)}):
        with pytest.raises(UsageError, match=rf"\[mirror\] {next(iter(wrong))} cannot be told"):
            told(**wrong)
    with pytest.raises(UsageError, match="Nothing can be reported to"):
        run(mirror_command, published.folder, tmp_path / "other", *LOCAL, "--report")


def test_the_key_is_made_once_and_is_the_owners_alone(published: Publisher, tmp_path: Path) -> None:
    held = open_mirror(tmp_path / "mirror", str(published.folder))
    with pytest.raises(NotFoundError, match="not followed an edition"):
        signed_report(held, NOW)
    mirror(held)
    first, second = (read_report(signed_report(held, NOW)).key for _ in range(2))
    assert first == second
    place = held.folder / "keys" / "mirror.pem"
    assert stat.S_IMODE(place.stat().st_mode) == 0o600
    assert stat.S_IMODE(place.parent.stat().st_mode) == 0o700
    place.write_text("no key")
    with pytest.raises(PhonothequeError, match="cannot be read"):
        own_key(held)


def test_a_mirror_reports_after_a_round_and_then_when_something_changes_or_daily(
    published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = as_archive(published)
    said: list[str] = []
    with Beside(public_application(archive), "127.0.0.1", 0) as server:
        held = open_mirror(tmp_path / "mirror", server.url)
        mirror(held)
        at = NOW

        def clock() -> datetime:
            return at

        monkeypatch.setattr("phonotheque.web.reports.now", clock)  # a report in ten minutes is enough
        report = Reporter(held, said.append, clock)
        assert report()
        assert not report()
        at = NOW + timedelta(hours=23)
        assert not report()
        at = NOW + timedelta(hours=24)
        assert report()
        (held.folder / "reported.json").write_text("half of")
        at = NOW + timedelta(hours=25)
        assert report()
    at = NOW + timedelta(hours=50)
    assert not report()
    assert "could not be reported" in said[-1]
    assert len(json.loads(run(holdings_command, archive.folder, "--json").stdout)["mirrors"]) == 1


def test_from_a_mirror_to_health_by_http_and_by_hand(published: Publisher, tmp_path: Path) -> None:
    archive = as_archive(published)
    with Beside(public_application(archive), "127.0.0.1", 0) as server:
        done = run(mirror_command, server.url, tmp_path / "one", *LOCAL, "--report")
        assert "Reported to" in done.stderr
    run(mirror_command, published.folder, tmp_path / "two", *LOCAL)
    exported = run(holdings_command, "export", tmp_path / "two")
    (tmp_path / "report.json").write_bytes(exported.stdout_bytes)
    assert "1 bag" not in exported.stderr
    added = run(holdings_command, "add", archive.folder, tmp_path / "report.json", tmp_path / "report.json")
    assert "first report, its key is kept from now on; claims 3 whole bags" in added.stdout
    assert "taken before" in added.stdout
    health = run(health_command, archive.folder, "--json")
    assert health.exit_code == 4
    told = json.loads(health.stdout)
    assert (told["mirrors"], told["at_risk"], told["wanted"]) == (2, 3, 3)
    assert {bag["claimed"] for bag in told["bags"]} == {2}
    assert {bag["proven"] for bag in told["bags"]} == {0}
    listed = run(holdings_command, archive.folder)
    assert listed.stdout.count("claims 3 whole bags") == 2
    archive.close()
