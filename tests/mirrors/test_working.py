"""What a running mirror adds up, and how its silence is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from phonotheque.ledger.holdings import HeldFile, HoldingState, complete, let_go, record_verified, want
from phonotheque.mirrors.figures import EditionFigures, FiguresOf
from phonotheque.mirrors.follow import follow
from phonotheque.mirrors.home import arriving, open_mirror, trust_dir
from phonotheque.mirrors.messages import Moved, Removed, Trouble
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.working import Stop, Tally
from tests.mirrors.mirror_publisher import NOW, Publisher
from tests.web.test_web_metrics import RESULT


def moved(bag: str, *, downloaded: int = 0, uploaded: int = 0, peers: int = 0) -> Moved:
    return Moved(bag, downloaded, downloaded, uploaded, 0, 0, peers)


def test_bytes_are_added_up_over_bags_and_processes() -> None:
    tally = Tally(clock=lambda: 100.0)
    for report in (
        moved("a", downloaded=10, uploaded=1, peers=2),
        moved("b", uploaded=5, peers=1),
        moved("a", downloaded=30, uploaded=7, peers=3),
        moved("a", downloaded=30, uploaded=2),  # added again: it counts from the beginning
        moved("a", downloaded=30, uploaded=4),
        Trouble("a", "something"),
    ):
        tally.report(report)
    worked = tally.worked()
    assert (worked.fetched, worked.uploaded, worked.peers, worked.troubles) == (60, 7 + 5 + 4, 1, 1)
    tally.report(Removed("b"))
    tally.report(moved("b", uploaded=3))
    assert tally.worked().uploaded == 7 + 5 + 4 + 3


def test_a_round_replaces_what_was_on_its_way_by_what_came() -> None:
    tally = Tally(clock=lambda: 100.0)
    tally.report(moved("a", downloaded=3))
    assert tally.worked().fetched == 3
    tally.round(RESULT)
    worked = tally.worked()
    assert (worked.fetched, worked.rounds, worked.in_rounds) == (RESULT.fetched, 1, RESULT.seconds)
    assert (worked.last_round, worked.last_end, worked.result) == (RESULT.seconds, 100.0, RESULT)
    tally.report(moved("a", downloaded=7))
    assert tally.worked().fetched == RESULT.fetched + 4


def test_whoever_asks_whether_to_end_is_alive() -> None:
    stop = Stop()
    silent = stop.silence
    while stop.silence <= silent:
        pass
    longer = stop.silence
    assert not stop.is_set()
    assert stop.silence < longer
    stop.set()
    assert stop.is_set()
    assert stop.wait(0)


@pytest.mark.ledger
def test_figures_of_a_mirror(published: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    nothing = FiguresOf(mirror)()
    assert (nothing.bags, nothing.held, nothing.oldest_verified) == ({}, 0, None)
    assert (nothing.edition, nothing.scrub) == (None, None)
    with mirror.ledger.begin() as ledger:
        for bag, size in (("a", 10), ("b", 200), ("c", 3000), ("d", 40000), ("e", 500000)):
            want(ledger, bag, edition=1, size=size)
        record_verified(ledger, "a", [HeldFile("data/a", 10, "a" * 64)], at="2026-11-02T00:00:00Z")
        complete(ledger, "a", at="2026-11-02T00:00:00Z")
        complete(ledger, "b", at="2026-11-01T00:00:00Z")
        let_go(ledger, "e", HoldingState.WITHDRAWN)
    (arriving(mirror) / "c").mkdir(parents=True)
    follow(open_origin(str(published.folder)), trust_dir(mirror), now=NOW)
    figures = FiguresOf(mirror)()
    assert figures.bags == {"complete": 2, "arriving": 1, "wanted": 1, "withdrawn": 1}
    assert (figures.held, figures.oldest_verified) == (210, "2026-11-01T00:00:00Z")
    assert figures.free > 0
    assert figures.scrub is not None
    assert (figures.scrub.verified.bytes, figures.scrub.wrong) == (0, ())
    size = sum(bag.bytes for bag in published.bags)
    assert figures.edition == EditionFigures(1, "2026-11-21T10:15:00Z", 3, size)
