"""What a mirror drops when its budget was lowered, in two steps, and what it keeps whatever happens."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from phonotheque.ledger.holdings import HoldingState, all_holdings, want
from phonotheque.ledger.proofs import Outcome, Proof, record_proofs
from phonotheque.mirrors import sync as syncing
from phonotheque.mirrors.fetching import Pace
from phonotheque.mirrors.holdings import expected_bags
from phonotheque.mirrors.home import leaving, open_mirror
from phonotheque.mirrors.lowering import LOWERING, agree, bytes_over, keep_lowering, read_lowering
from phonotheque.mirrors.reporting import keep_sent, make_report, signed_report, told_leaving
from phonotheque.mirrors.sync import SyncResult
from phonotheque.mirrors.taking_reports import take_report
from phonotheque.mirrors.telling_health import update_health
from phonotheque.model.errors import VerificationError
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.vault.check import check_bags
from tests.mirrors.mirror_publisher import NOW, Publisher, later, noise, tree, wait_for
from tests.mirrors.mirror_runs import complete, mirroring, run
from tests.mirrors.test_choosing import BAGS, ROOM, SIZE, published, say_copies, start, told, with_only
from tests.mirrors.test_parts import NAMES, mirror_of, songs, wanting
from tests.mirrors.test_reporting import as_archive
from tests.mirrors.test_revisions import proofs

pytestmark = pytest.mark.ledger  # a mirror has one
__all__ = ["published", "songs"]  # fixtures
AFTER = later(days=1)


def lower(mirror: Archive, budget: int) -> None:
    """The keeper says that what is over this budget may go."""
    agree(mirror, bytes_over(mirror, budget))


def report(mirror: Archive, at: datetime = NOW) -> set[str]:
    """The publisher takes a report; return the bags that it says are held as a whole."""
    said = make_report(mirror, at)
    keep_sent(mirror, said)
    return {bag.id for bag in said.bags if bag.whole}


def announce(published: Publisher, mirror: Archive, budget: int, known: Mapping[str, int]) -> SyncResult:
    """Lower the budget, announce what may go, and report it."""
    say_copies(published, known)
    lower(mirror, budget)
    result = run(mirror, budget=budget)
    report(mirror)
    return result


def shrink(published: Publisher, mirror: Archive, budget: int, known: Mapping[str, int]) -> SyncResult:
    """Both steps; the publisher counts as many as before without this mirror."""
    announced = announce(published, mirror, budget, known)
    assert announced.dropped == ()
    say_copies(published, known, at=AFTER)
    return run(mirror, budget=budget, clock=lambda: AFTER)


def test_a_full_mirror_drops_nothing_because_the_index_grew(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path)
    say_copies(published, dict.fromkeys(BAGS, 9))
    full = 10 * ROOM
    while bytes_over(mirror, full) == 0:
        full -= SIZE // 3
    full += bytes_over(mirror, full)  # to the byte
    assert bytes_over(mirror, full) == 0
    assert not run(mirror, budget=full).left_out
    report(mirror)
    published.bag("audio-6", {"Artist 6/1.ogg": noise("audio-6", SIZE)}, edition=2)
    published.publish(2)
    for day in range(1, 4):
        say_copies(published, dict.fromkeys(BAGS, 9), at=later(days=day))
        result = run(mirror, budget=full, clock=lambda day=day: later(days=day))
        assert bytes_over(mirror, full) > 0
        assert result.dropped == ()
        assert "leaving" not in {verdict for verdict, _ in told(result).values()}
        assert complete(mirror) == {*BAGS, "catalogue-1"}
        assert report(mirror, later(days=day)) == {*BAGS, "catalogue-1"}


def test_a_smaller_budget_alone_drops_nothing(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path)
    for day in range(4):
        say_copies(published, dict.fromkeys(BAGS, 9), at=later(days=day))
        result = run(mirror, budget=2 * ROOM, clock=lambda day=day: later(days=day))
        assert result.dropped == ()
        assert report(mirror, later(days=day)) == {*BAGS, "catalogue-1"}
    assert "held, but over the budget: it is kept" in " ".join(why for _, why in told(result).values())


def test_a_count_that_nobody_signed_drops_nothing(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path)
    say_copies(published, dict.fromkeys(BAGS, 99), signed=False)
    lower(mirror, 2 * ROOM)
    assert "leaving" not in {verdict for verdict, _ in told(run(mirror, budget=2 * ROOM)).values()}
    announce(published, mirror, 2 * ROOM, dict.fromkeys(BAGS, 9))
    (published.public / "copies.json").write_bytes(
        (published.public / "copies.json").read_bytes().replace(b"2026-11-21", b"2026-11-22")
    )
    for day in range(1, 5):
        say_copies(published, dict.fromkeys(BAGS, 99), at=later(days=day), signed=False)
        assert run(mirror, budget=2 * ROOM, clock=lambda day=day: later(days=day)).dropped == ()
    assert complete(mirror) == {*BAGS, "catalogue-1"}


def test_what_was_not_reported_is_not_dropped(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path)
    lower(mirror, 3 * ROOM)
    for day in range(4):
        say_copies(published, dict.fromkeys(BAGS, 9), at=later(days=day))
        result = run(mirror, budget=3 * ROOM, clock=lambda day=day: later(days=day))
        assert result.dropped == ()
    leaves = [why for verdict, why in told(result).values() if verdict == "leaving"]
    assert len(leaves) == 2
    assert all("when the publisher has been told (--report)" in why for why in leaves)


def test_a_bag_is_announced_before_it_goes_and_that_is_taken_back(
    published: Publisher, tmp_path: Path
) -> None:
    mirror = start(published, tmp_path)
    result = announce(published, mirror, 5 * SIZE, {"audio-1": 9, "audio-2": 4})
    assert told(result)["audio-1"][0] == "leaving"
    held = {*BAGS, "catalogue-1"}
    assert complete(mirror) == held  # and served
    assert report(mirror, later(hours=1)) == held - {"audio-1"}
    assert told_leaving(mirror) == {"audio-1": "2026-11-21T10:15:00Z"}  # since the first time

    def on(hours: int, proven: int) -> SyncResult:
        say_copies(published, {"audio-1": proven}, at=later(hours=hours))
        return run(mirror, budget=5 * SIZE, clock=lambda: later(hours=hours))

    assert "the publisher was told" in told(on(23, 9))["audio-1"][1]  # a count that may be older
    result = on(25, 2)
    assert (result.dropped, told(result)["audio-1"][0]) == ((), "kept")
    assert report(mirror, later(hours=26)) == held
    assert told_leaving(mirror) == {}
    assert told(on(27, 9))["audio-1"][0] == "kept"  # it rests
    assert told(on(24 * 9, 9))["audio-1"][0] == "leaving"
    assert report(mirror, later(days=9, hours=1)) == held - {"audio-1"}
    assert on(24 * 9 + 5, 9).dropped == ()
    assert [bag for bag, _ in on(24 * 10 + 2, 3).dropped] == ["audio-1"]
    assert not (mirror.folder / LOWERING).exists()


def test_more_room_again_takes_back_what_was_announced(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path)
    announce(published, mirror, 2 * ROOM, dict.fromkeys(BAGS, 9))
    assert len(report(mirror, later(hours=1))) < 6
    run(mirror, budget=10 * ROOM)
    assert report(mirror, later(hours=2)) == {*BAGS, "catalogue-1"}
    say_copies(published, dict.fromkeys(BAGS, 9), at=AFTER)
    assert run(mirror, budget=2 * ROOM, clock=lambda: AFTER).dropped == ()  # nobody has said so again


def test_no_more_goes_than_was_agreed(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path)
    lower(mirror, 5 * SIZE)
    say_copies(published, dict.fromkeys(BAGS, 9))
    run(mirror, budget=ROOM // 10)  # a slip of the keys, after
    report(mirror)
    say_copies(published, dict.fromkeys(BAGS, 9), at=AFTER)
    assert len(run(mirror, budget=ROOM // 10, clock=lambda: AFTER).dropped) == 1
    assert len(complete(mirror)) == 5


def test_what_may_go_is_kept_and_read_strictly(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path, budget=ROOM)
    assert read_lowering(mirror) is None
    keep_lowering(mirror, None)
    for text in ("{", "[]", '{"bytes": "1", "announced": {}, "resting": {}}', '{"bytes": 1}'):
        (mirror.folder / LOWERING).write_text(text)
        with pytest.raises(VerificationError, match="makes no sense"):
            read_lowering(mirror)


def announced(mirror: Archive) -> set[str]:
    lowering = read_lowering(mirror)
    return set(lowering.announced) if lowering else set()


def test_without_proofs_a_smaller_budget_drops_nothing(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path)
    before = tree(mirror.bags)
    lower(mirror, 2 * ROOM)
    for known in (None, dict.fromkeys(BAGS, 3), dict.fromkeys(BAGS, 0)):
        if known is not None:
            say_copies(published, known, claimed=99)
        result = run(mirror, budget=2 * ROOM)
        assert result.dropped == ()
        assert report(mirror) == complete(mirror) == {*BAGS, "catalogue-1"}
        kept = [why for verdict, why in told(result).values() if verdict == "kept"]
        assert kept
        assert all("it takes 3 to drop it" in why for why in kept)
    counts: list[tuple[str, dict[str, Any]]] = [
        ("of its 9 proofs the oldest is of 2026-08-13T10:15:00Z", {"since": later(days=-100)}),
        ("the publisher has not signed copies.json", {"signed": False}),
        ("copies.json is of 2026-11-18T10:15:00Z", {"at": later(days=-3)}),
    ]
    for words, changes in counts:
        (mirror.public / "copies.json").unlink()
        say_copies(published, dict.fromkeys(BAGS, 9), **changes)
        result = run(mirror, budget=2 * ROOM)
        assert result.dropped == ()
        assert any(words in why for verdict, why in told(result).values() if verdict == "kept"), words
    assert tree(mirror.bags) == before


def test_what_enough_others_hold_is_dropped_with_proof_and_may_come_back(
    published: Publisher, tmp_path: Path
) -> None:
    mirror = start(published, tmp_path)
    result = shrink(
        published, mirror, 3 * ROOM, {"audio-1": 4, "audio-2": 9, "audio-3": 3, "catalogue-1": 99}
    )
    assert [bag for bag, _ in result.dropped] == ["audio-2", "audio-1"]
    assert complete(mirror) == {"catalogue-1", "audio-3", "audio-4", "audio-5"}
    assert result.erased_bytes >= 2 * SIZE
    for bag in ("audio-1", "audio-2"):
        assert told(result)[bag][0] == "dropped"
        assert not (mirror.public / "bags" / bag).is_symlink()
        assert not list(mirror.public.rglob(f"{bag}.torrent"))
        assert not (mirror.bags / bag).exists()
        assert not (leaving(mirror) / bag).exists()
        with mirror.ledger.connect() as ledger:
            assert bag not in all_holdings(ledger)
    (bag, gone), (other, _) = proofs(mirror, "deaccession")
    assert {bag, other} == {"audio-1", "audio-2"}
    assert gone["dropped"]["budget"] == 3 * ROOM
    assert gone["dropped"]["copies"]["proven"] in (4, 9)
    erasures = dict(proofs(mirror))
    assert erasures.keys() == {"audio-1", "audio-2"}
    assert "data/Artist 1/1.ogg" in [file["path"] for file in erasures["audio-2"]["erased"]]
    assert erasures["audio-2"]["dropped"]["copies_at"] == "2026-11-22T10:15:00Z"
    assert {checked.findings for checked in check_bags(mirror, expected_bags(mirror))} == {()}
    again = run(mirror, budget=3 * ROOM)
    assert (again.dropped, again.erased_files) == ((), 0)
    assert set(run(mirror, budget=10 * ROOM).complete) == {*BAGS, "catalogue-1"}


def test_a_running_mirror_drops_when_others_have_proved_enough_and_serves_on(
    published: Publisher, tmp_path: Path
) -> None:
    mirror = start(published, tmp_path)
    lower(mirror, 3 * ROOM)
    pace, clock = Pace(stall_timeout=10.0, follow_every=0.2), [NOW]
    with mirroring(mirror, budget=3 * ROOM, pace=pace, clock=lambda: clock[0]) as (ports, pids):
        wait_for(lambda: ports, 60)
        assert complete(mirror) == {*BAGS, "catalogue-1"}
        say_copies(published, {"audio-1": 9, "audio-2": 9})
        wait_for(lambda: len(announced(mirror)) == 2, 60)
        report(mirror)
        clock[0] = AFTER
        say_copies(published, {"audio-1": 3, "audio-2": 3}, at=AFTER)
        wait_for(lambda: len(complete(mirror)) == 4 and not any(leaving(mirror).glob("*")), 60)
        client = with_only(open_mirror(tmp_path / "client", str(published.folder)), "-bag:audio-1,audio-2")
        for bag in BAGS:
            (published.public / "bags" / bag).unlink()  # only the mirror can give it
        run(client, peers=[f"127.0.0.1:{ports[0]}"])
        assert complete(client) == {"catalogue-1", "audio-3", "audio-4", "audio-5"}
    assert len(pids) == 1


def test_the_catalogue_is_dropped_for_no_budget(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path)
    result = shrink(published, mirror, ROOM // 10, dict.fromkeys([*BAGS, "catalogue-1"], 99))
    assert complete(mirror) == {"catalogue-1"}
    assert {bag for bag, _ in result.dropped} == set(BAGS)


def test_a_bag_that_never_was_whole_goes_without_proof(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path, budget=2 * ROOM)
    begun = next(bag for bag in BAGS if bag not in complete(mirror))
    place = mirror.folder / "vault" / "arriving" / begun / "data" / "Artist"
    place.mkdir(parents=True)
    (place / "1.ogg").write_bytes(b"some of it")
    with mirror.ledger.begin() as ledger:
        want(ledger, begun, edition=1, size=SIZE)
    assert run(mirror, budget=2 * ROOM - SIZE).dropped == ()
    lower(mirror, 2 * ROOM - SIZE)
    result = run(mirror, budget=2 * ROOM - SIZE)
    assert [bag for bag, _ in result.dropped] == [begun]
    assert not (mirror.folder / "vault" / "arriving" / begun).exists()
    assert not (leaving(mirror) / begun).exists()


@pytest.mark.parametrize("budget", [3 * ROOM, 10 * ROOM])
@pytest.mark.parametrize("where", ["_say_goodbye", "erase"])
def test_a_kill_between_the_steps_of_dropping_costs_nothing(
    published: Publisher, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str, budget: int
) -> None:
    mirror = start(published, tmp_path)
    announce(published, mirror, 3 * ROOM, {"audio-1": 4, "audio-2": 9})
    say_copies(published, {"audio-1": 4, "audio-2": 9}, at=AFTER)
    real = getattr(syncing, where)

    def killed(*arguments: Any, **options: Any) -> Any:
        with mirror.ledger.connect() as ledger:
            states = {holding.state for holding in all_holdings(ledger).values()}
        if HoldingState.DROPPED in states:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    with monkeypatch.context() as patched:
        patched.setattr(syncing, where, killed)
        with pytest.raises(KeyboardInterrupt):
            run(mirror, budget=3 * ROOM, clock=lambda: AFTER)
    assert complete(mirror) == {"catalogue-1", "audio-3", "audio-4", "audio-5"}
    assert not (mirror.public / "bags" / "audio-1").is_symlink()
    result = run(mirror, budget=budget, clock=lambda: AFTER)
    expected = {"catalogue-1", *BAGS} - (set() if budget == 10 * ROOM else {"audio-1", "audio-2"})
    assert set(result.complete) == expected
    assert not any(leaving(mirror).iterdir())
    assert result.missing == ()
    if budget == 3 * ROOM:
        assert {bag for bag, _ in proofs(mirror)} == {"audio-1", "audio-2"}
        assert all("copies" in detail["dropped"] for _, detail in proofs(mirror))
    else:  # nothing of it is fetched twice but tag files
        assert result.fetched < SIZE


def test_what_the_query_no_longer_asks_for_is_dropped_first(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path)
    say_copies(published, dict.fromkeys(BAGS, 9))
    result = run(with_only(mirror, "licence:cc0"), budget=10 * ROOM)
    assert result.dropped == ()
    assert told(result)["audio-5"][1].startswith("here already, and what is here stays (not asked for by")
    result = shrink(published, open_mirror(mirror.folder), 4 * SIZE, dict.fromkeys(BAGS, 9))
    assert {"audio-4", "audio-5"} <= {bag for bag, _ in result.dropped}


def test_two_that_shrink_at_once_both_keep_what_too_few_others_have(
    published: Publisher, tmp_path: Path
) -> None:
    """From the publisher's ledger to the mirrors and back: both announce, both are told no, both keep it."""
    archive = as_archive(published)
    mirrors = []
    for name in ("one", "two"):
        mirrors.append(open_mirror(tmp_path / name, str(published.folder)))
        run(mirrors[-1])
    proving = [*(mirror.settings.archive.id for mirror in mirrors), str(uuid4()), str(uuid4())]

    def count(at: datetime) -> dict[str, int]:
        with archive.writing("test"):
            health = update_health(archive, at=at)
        return {bag.id: bag.count.proven for bag in health.bags if bag.id in BAGS}

    def tell(at: datetime) -> None:
        for mirror in mirrors:
            with archive.writing("test"):
                take_report(archive, signed_report(mirror, at), at=at, by_hand=True)
            keep_sent(mirror, make_report(mirror, at))

    tell(NOW)
    with archive.ledger.begin() as ledger:
        at = timestamp(later(hours=1))
        for number, name in enumerate(proving):
            proved = (Outcome.PROVED, "http", f"https://m{number}.example.org/", 4, 65536)
            record_proofs(ledger, [Proof(name, bag, at, *proved) for bag in BAGS])
    assert count(later(hours=2)) == dict.fromkeys(BAGS, 4)
    for mirror in mirrors:
        lower(mirror, SIZE)
        result = run(mirror, budget=SIZE, clock=lambda: later(hours=2))
        assert {verdict for bag, (verdict, _) in told(result).items() if bag in BAGS} == {"leaving"}
    tell(later(hours=3))
    for hours in (4, 28):
        assert count(later(hours=hours)) == dict.fromkeys(BAGS, 2)
        for mirror in mirrors:
            assert run(mirror, budget=SIZE, clock=lambda hours=hours: later(hours=hours)).dropped == ()
    tell(later(hours=29))
    assert count(later(hours=30)) == dict.fromkeys(BAGS, 4)  # they are counted again
    assert all(complete(mirror) == {*BAGS, "catalogue-1"} for mirror in mirrors)
    # Some days later the first of them announces alone: three others are left, and that is enough.
    first = mirrors[0]
    days = 9
    count(later(days=days))
    run(first, budget=SIZE, clock=lambda: later(days=days))
    tell(later(days=days, hours=1))
    assert count(later(days=days + 1, hours=2)) == dict.fromkeys(BAGS, 3)
    gone = run(first, budget=SIZE, clock=lambda: later(days=days + 1, hours=2)).dropped
    assert {bag for bag, _ in gone} == set(BAGS)
    run(mirrors[1], budget=SIZE, clock=lambda: later(days=days + 1, hours=2))
    tell(later(days=days + 1, hours=3))
    assert report(mirrors[1], later(days=days + 1, hours=4)) == {*BAGS, "catalogue-1"}


def test_whole_bags_again_drop_no_part(songs: Publisher, tmp_path: Path) -> None:
    """A part that is here stays, where the bag as a whole does not fit."""
    mirror = mirror_of(tmp_path / "mirror", songs.folder, NAMES[1])
    budget = 900_000
    assert run(mirror, budget=budget).partial == ("audio-1",)
    before = tree(mirror.bags)
    say_copies(songs, {"audio-1": 9, "audio-2": 9})
    assert bytes_over(mirror, budget) == 0
    result = run(wanting(mirror, ()), budget=budget)
    assert (result.dropped, result.partial) == ((), ("audio-1",))
    assert tree(mirror.bags).items() >= before.items()
