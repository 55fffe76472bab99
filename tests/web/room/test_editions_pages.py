"""The pages of editions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from phonotheque.vault.archive import Archive
from phonotheque.web.room.editions import changes_in
from phonotheque.web.room.published import Kept, Published
from tests.mirrors.mirror_publisher import DATE, Publisher, noise
from tests.web.room.archives import PUBLIC_REASON, SECRETS
from tests.web.room.visits import visiting

pytestmark = pytest.mark.ledger


def test_an_edition_says_what_it_brought_and_took_back(library: Archive, twin: Archive) -> None:
    for archive in (library, twin):
        current = Published(archive).current()
        assert current is not None
        gone = current.edition.withdrawals[0]
        with visiting(archive) as visit:
            text = visit.text("en/edition/2")
            assert f"/en/bag/{gone.bag}" in text
            assert f"/en/bag/{gone.replaced_by}" in text
            assert PUBLIC_REASON in text
            assert current.sha256 in text
            assert current.edition.index.sha256 in text
            assert str(Published(archive).fingerprint()) in text
            assert "24\u00a0November\u00a02026" in text
            assert not [secret for secret in SECRETS if secret in text]
            assert "24 novembre 2026" in visit.text("fr/edition/2")
            listed = visit.text("en/editions")
            assert listed.index("Edition 2") < listed.index("Edition 1")
            assert "21\u00a0November\u00a02026" in listed
            assert "Edition 1" in visit.text("en/editions?before=2")
            assert "It is the first edition" in visit.text("en/edition/1")


def test_editions_that_are_not_here_are_said_not_to_be(library: Archive) -> None:
    with visiting(library) as visit:
        assert visit.ask("en/edition/3").status == 404
        assert visit.ask("en/edition/0").status == 404
        for wrong in ("en/edition/x", "en/edition/-1", "en/edition/²", "en/editions?before=x"):
            assert visit.ask(wrong).status == 400, wrong


def test_changes_are_told_from_the_edition_before(tmp_path: Path) -> None:
    publisher = Publisher(tmp_path)
    publisher.bag("catalogue-1", {"c.parquet": b"c"}, wave=0)
    publisher.bag("audio-1")
    publisher.bag("audio-2", {"A/1.ogg": noise("1", 100)})
    first = Kept(publisher.edition(1), "a")
    assert [bag.id for bag in changes_in(first, None).added] == ["catalogue-1", "audio-1", "audio-2"]
    path = next(iter(publisher.contents["audio-1"]))
    publisher.revise("audio-1", path, edition=2)
    publisher.take_back("audio-2", edition=2)
    publisher.bag("audio-3", edition=2)
    publisher.publish(1, first.edition)
    second = Kept(publisher.edition(2), "b")
    changes = changes_in(second, first)
    assert [bag.id for bag in changes.added] == ["audio-1-r2", "audio-3"]
    assert [(one.bag, one.replaced_by) for one in changes.revised] == [("audio-1", "audio-1-r2")]
    assert [one.bag for one in changes.withdrawn] == ["audio-2"]
    assert len(changes.taken_back) == 1
    again = replace(publisher.tombstones[0], reinstated=DATE)
    publisher.tombstones[:] = [again]
    third = Kept(publisher.edition(3), "c")
    assert changes_in(third, second).given_again == [again]
    assert changes_in(third, second).added == []
    without = changes_in(second, None)
    assert not without.known
    assert [bag.id for bag in without.added] == ["audio-1-r2", "audio-3"]
