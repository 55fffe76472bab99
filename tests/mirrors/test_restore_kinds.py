"""Access copies, and bags for some countries only, in an archive that was rebuilt from its mirrors."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from sqlalchemy import select

from phonotheque.editions.plan_folder import save_plan
from phonotheque.editions.planning import planned
from phonotheque.editions.publish import publish
from phonotheque.ledger.decisions import decisions_on
from phonotheque.ledger.schema import files
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.restore import RestoreReport, Ways, restore
from phonotheque.model.rights import Act
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.vault.check import check_bags, check_incoming, recorded_bags
from tests.editions.test_audiences import LATER, NOW, allow, archive, edition
from tests.mirrors.mirror_publisher import LOCAL, served
from tests.mirrors.mirror_runs import run
from tests.tones import flac

__all__ = ["archive"]
pytestmark = pytest.mark.ledger

AFTER = LATER + timedelta(days=1)


def restored(folder: Path, source: str, **options: str) -> RestoreReport:
    origin = open_origin(source, **options)  # type: ignore[arg-type]
    return restore([origin], folder, ways=Ways(swarm=LOCAL), listen=False, clock=lambda: AFTER)


def test_access_copies_and_bags_for_some_come_back_as_what_they_are(archive: Archive, tmp_path: Path) -> None:
    flac(tmp_path / "more" / "long.flac", 4, {"TITLE": "Long", "ARTIST": "The Testers"}, seconds=20)
    add_folder(archive, tmp_path / "more")
    rebuild_catalogue(archive, at=NOW)
    allow(archive, "long.flac", "WORLD")
    allow(archive, "two.flac", "DE FR", until="2026-12-31")
    with planned(archive, None) as found:
        items = pq.read_table(found.candidates).to_pylist()
        room = sum(item["access_bytes"] if item["access_bytes"] else item["master_bytes"] for item in items)
    with planned(archive, room) as found:
        save_plan(archive.plans, found.plan, found.items, NOW, snapshot=found.snapshot.stamp)
    publish(archive, at=LATER)
    said = edition(archive)
    assert {bag.audience for bag in said.bags} == {"WORLD", "FR"}
    mirror = open_mirror(tmp_path / "mirror", str(archive.folder), country="FR")
    assert run(mirror).missing == ()
    mirror.close()

    # Over HTTP, from a mirror that is in France.
    with served(tmp_path / "mirror" / "public") as web:
        report = restored(tmp_path / "back", web.url, country="FR")
    assert (report.missing, report.remarks, report.differences) == ([], [], [])
    back = open_archive(tmp_path / "back")
    assert back.settings.publish.audiences == ("FR",)
    with back.ledger.connect() as ledger:
        rows = ledger.execute(select(files).order_by(files.c.kind, files.c.name)).all()
        assert [(row.kind, row.name, row.held) for row in rows] == [
            ("access", "long.flac", True),
            ("master", "long.flac", False),
            ("master", "two.flac", True),
        ]
        assert rows[0].master_id == rows[1].id
        decided, turns = decisions_on(ledger, [rows[2].id])[rows[2].id]
        shared = {one.territory: one.answer for one in decided if one.act is Act.DISTRIBUTE}
        assert (shared["DE FR"], turns) == ("yes", "2027-01-01")
    assert [one.findings for one in check_bags(back, recorded_bags(back)) if one.findings] == []
    assert check_incoming(back).findings == ()
    assert not publish(back, at=AFTER).new
    back.close()
