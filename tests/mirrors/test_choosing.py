"""What a mirror takes by copies and by a query, and what it drops when its budget shrinks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from phonotheque.ledger.holdings import HoldingState, all_holdings, want
from phonotheque.mirrors import sync as syncing
from phonotheque.mirrors.choosing import better_known, choose_bags
from phonotheque.mirrors.copies import BagCopies, Copies, write_copies
from phonotheque.mirrors.fetching import Pace
from phonotheque.mirrors.follow import accepted
from phonotheque.mirrors.holdings import expected_bags
from phonotheque.mirrors.home import leaving, open_mirror, trust_dir
from phonotheque.mirrors.knowing import Knowing
from phonotheque.mirrors.leaving import take_leave
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.sync import SyncResult
from phonotheque.vault.archive import Archive
from phonotheque.vault.check import check_bags
from tests.mirrors.mirror_publisher import ARCHIVE, NOW, Publisher, later, noise, tree, wait_for
from tests.mirrors.mirror_runs import Told, complete, mirroring, run
from tests.mirrors.test_revisions import proofs

pytestmark = pytest.mark.ledger  # a mirror has one

CC0 = {"rights": {"statements": [{"kind": "licence", "licence": "CC0-1.0"}]}}
BY = {"rights": {"statements": [{"kind": "licence", "licence": "CC-BY-4.0"}]}}
BAGS = [f"audio-{number}" for number in range(1, 6)]
SIZE = 300_000  # of a bag's payload; with tag files and torrent it takes less than a tenth more
ROOM = 400_000


@pytest.fixture
def published(publisher: Publisher) -> Publisher:
    publisher.with_about = publisher.with_index = True
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000}, wave=0)
    for number, name in enumerate(BAGS):
        record = {**(CC0 if number < 3 else BY), "kind": "master", "date": str(1950 + 10 * number)}
        publisher.bag(name, {f"Artist {number}/1.ogg": noise(name, SIZE)}, record=record)
    publisher.publish(1)
    return publisher


def say_copies(publisher: Publisher, bags: Mapping[str, int], *, claimed: int = 0, **changes: Any) -> bytes:
    """Write what the publisher knows: so many mirrors have proved to hold each bag."""
    since = changes.get("since", NOW - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = {bag: BagCopies(claimed, proven, since if proven else None) for bag, proven in bags.items()}
    at = changes.get("at", NOW).strftime("%Y-%m-%dT%H:%M:%SZ")
    data = write_copies(Copies(changes.get("archive", ARCHIVE), at, known))
    (publisher.public / "copies.json").write_bytes(data)
    return data


def start(publisher: Publisher, tmp_path: Path, budget: int = 10 * ROOM, **options: Any) -> Archive:
    mirror = open_mirror(tmp_path / "mirror", str(publisher.folder))
    run(mirror, budget=budget, **options)
    return mirror


def with_only(mirror: Archive, query: str) -> Archive:
    settings = mirror.folder / "phonotheque.toml"
    settings.write_text(settings.read_text() + f"only = '{query}'\n")
    return open_mirror(mirror.folder)


def told(result: SyncResult) -> dict[str, tuple[str, str]]:
    return {one.bag: (one.verdict.value, one.why) for one in result.explained}


def test_what_the_fewest_have_proved_to_hold_is_taken_first(published: Publisher, tmp_path: Path) -> None:
    data = say_copies(published, {"audio-1": 3, "audio-2": 1, "audio-4": 2, "audio-5": 1}, claimed=6)
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    result = run(mirror, budget=2 * ROOM)
    assert {"catalogue-1", "audio-3"} <= set(result.complete)
    assert len(set(result.complete) & {"audio-2", "audio-5"}) == 1
    assert told(result)["audio-3"][1].startswith("no mirrors have proved to hold it, none say so; ")
    assert told(result)["audio-1"][0] == "left out"
    assert told(result).keys() == {*BAGS, "catalogue-1"}
    assert (mirror.public / "copies.json").read_bytes() == data
    second = open_mirror(tmp_path / "second", str(mirror.folder))  # a mirror of a mirror knows the same
    assert "audio-3" in run(second, budget=ROOM).complete


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"{", "copies.json is not JSON"),
        (write_copies(Copies("another", "2026-11-21T10:15:00Z")), "about another archive"),
        (b" " * (64 * 1024**2 + 1), "larger than"),
    ],
)
def test_copies_that_make_no_sense_are_said_and_hinder_nothing(
    published: Publisher, tmp_path: Path, data: bytes, words: str
) -> None:
    (published.public / "copies.json").write_bytes(data)
    said: list[str] = []
    mirror = start(published, tmp_path, progress=Told(said.append))
    assert complete(mirror) == {*BAGS, "catalogue-1"}
    assert [words in line for line in said].count(True) == 1
    assert not (mirror.public / "copies.json").exists()


def test_an_origin_that_is_gone_leaves_the_copies_it_spoke_of_last(
    published: Publisher, tmp_path: Path
) -> None:
    say_copies(published, dict.fromkeys(BAGS, 9))
    mirror = start(published, tmp_path)
    published.folder.rename(tmp_path / "away")
    knowing = Knowing(mirror, open_origin(str(tmp_path / "away")), print, lambda: NOW)
    followed = accepted(trust_dir(mirror), now=NOW)
    assert followed is not None
    copies = knowing.copies(followed.edition, ask=False)
    assert copies is not None
    assert copies.of("audio-1").proven == 9


def test_older_copies_than_those_that_are_known_do_not_count(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path, budget=ROOM // 4)
    said: list[str] = []
    knowing = Knowing(mirror, open_origin(str(published.folder)), said.append, lambda: NOW)
    followed = accepted(trust_dir(mirror), now=NOW)
    assert followed is not None

    def known(proven: int, **at: float) -> int:
        say_copies(published, {"audio-1": proven}, at=later(**at))
        copies = knowing.copies(followed.edition, ask=True)
        assert copies is not None
        return copies.of("audio-1").proven

    assert known(5, days=-1) == 5
    assert known(9, days=-2) == 5
    assert known(7) == 7
    assert known(8, days=400) == 8  # a clock that is wrong
    assert known(6) == 6
    assert not said


def test_without_proofs_a_smaller_budget_drops_nothing(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path)
    before = tree(mirror.bags)
    for known in (None, dict.fromkeys(BAGS, 3), dict.fromkeys(BAGS, 0)):
        if known is not None:
            say_copies(published, known, claimed=99)
        result = run(mirror, budget=2 * ROOM)
        assert result.dropped == ()
        assert complete(mirror) == {*BAGS, "catalogue-1"}
        kept = [why for verdict, why in told(result).values() if verdict == "kept"]
        assert kept
        assert all("it takes 3 to drop it" in why for why in kept)
    say_copies(published, dict.fromkeys(BAGS, 9), since=NOW - timedelta(days=100))
    assert run(mirror, budget=2 * ROOM).dropped == ()
    say_copies(published, dict.fromkeys(BAGS, 9), at=NOW - timedelta(days=40))
    assert run(mirror, budget=2 * ROOM).dropped == ()
    assert tree(mirror.bags) == before


def test_what_enough_others_hold_is_dropped_with_proof_and_may_come_back(
    published: Publisher, tmp_path: Path
) -> None:
    mirror = start(published, tmp_path)
    say_copies(published, {"audio-1": 4, "audio-2": 9, "audio-3": 3, "catalogue-1": 99})
    result = run(mirror, budget=3 * ROOM)
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
    assert erasures["audio-2"]["dropped"]["copies_at"] == "2026-11-21T10:15:00Z"
    assert {checked.findings for checked in check_bags(mirror, expected_bags(mirror))} == {()}
    again = run(mirror, budget=3 * ROOM)
    assert (again.dropped, again.erased_files) == ((), 0)
    assert set(run(mirror, budget=10 * ROOM).complete) == {*BAGS, "catalogue-1"}


def test_a_running_mirror_drops_when_others_have_proved_enough_and_serves_on(
    published: Publisher, tmp_path: Path
) -> None:
    mirror = start(published, tmp_path)
    pace = Pace(stall_timeout=10.0, follow_every=0.2)
    with mirroring(mirror, budget=3 * ROOM, pace=pace) as (ports, pids):
        wait_for(lambda: ports, 60)
        assert complete(mirror) == {*BAGS, "catalogue-1"}
        say_copies(published, {"audio-1": 9, "audio-2": 9})
        wait_for(lambda: len(complete(mirror)) == 4 and not any(leaving(mirror).glob("*")), 60)
        client = with_only(open_mirror(tmp_path / "client", str(published.folder)), "-bag:audio-1,audio-2")
        for bag in BAGS:
            (published.public / "bags" / bag).unlink()  # only the mirror can give it
        run(client, peers=[f"127.0.0.1:{ports[0]}"])
        assert complete(client) == {"catalogue-1", "audio-3", "audio-4", "audio-5"}
    assert len(pids) == 1


def test_the_catalogue_is_dropped_for_no_budget(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path)
    say_copies(published, dict.fromkeys([*BAGS, "catalogue-1"], 99))
    result = run(mirror, budget=ROOM // 10)
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
    say_copies(published, {"audio-1": 4, "audio-2": 9})
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
            run(mirror, budget=3 * ROOM)
    assert complete(mirror) == {"catalogue-1", "audio-3", "audio-4", "audio-5"}
    assert not (mirror.public / "bags" / "audio-1").is_symlink()
    result = run(mirror, budget=budget)
    expected = {"catalogue-1", *BAGS} - (set() if budget == 10 * ROOM else {"audio-1", "audio-2"})
    assert set(result.complete) == expected
    assert not any(leaving(mirror).iterdir())
    assert result.missing == ()
    if budget == 3 * ROOM:
        assert {bag for bag, _ in proofs(mirror)} == {"audio-1", "audio-2"}
        assert all("copies" in detail["dropped"] for _, detail in proofs(mirror))
    else:  # nothing of it is fetched twice but tag files
        assert result.fetched < SIZE


def test_a_query_takes_only_what_matches_and_drops_nothing(published: Publisher, tmp_path: Path) -> None:
    mirror = with_only(open_mirror(tmp_path / "mirror", str(published.folder)), "licence:cc0 year:..1960")
    result = run(mirror)
    assert set(result.complete) == {"catalogue-1", "audio-1", "audio-2"}
    assert told(result)["audio-3"] == ("left out", "not asked for by year:..1960: none of its 1 files are")
    assert "not asked for by licence:cc0" in dict(result.left_out)["audio-4"]
    settings = mirror.folder / "phonotheque.toml"
    settings.write_text(settings.read_text().replace("licence:cc0 year:..1960", 'artist:"artist 4"'))
    result = run(open_mirror(mirror.folder))
    assert set(result.complete) == {"catalogue-1", "audio-1", "audio-2", "audio-5"}


def test_what_the_query_no_longer_asks_for_is_dropped_first(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path)
    say_copies(published, dict.fromkeys(BAGS, 9))
    result = run(with_only(mirror, "licence:cc0"), budget=10 * ROOM)
    assert result.dropped == ()
    assert told(result)["audio-5"][1].startswith("here already, and what is here stays (not asked for by")
    result = run(open_mirror(mirror.folder), budget=4 * SIZE)
    assert {"audio-4", "audio-5"} <= {bag for bag, _ in result.dropped}


def test_a_mirror_of_a_mirror_can_ask_the_same(published: Publisher, tmp_path: Path) -> None:
    mirror = start(published, tmp_path)
    assert (mirror.public / "targets" / "editions" / "1" / "bags.jsonl").exists()
    second = with_only(open_mirror(tmp_path / "second", str(mirror.folder)), "licence:cc-by")
    assert set(run(second).complete) == {"catalogue-1", "audio-4", "audio-5"}


def test_an_edition_that_says_nothing_of_licences_has_none(publisher: Publisher, tmp_path: Path) -> None:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1", record=CC0)
    publisher.publish(1)
    mirror = with_only(open_mirror(tmp_path / "mirror", str(publisher.folder)), "licence:cc0")
    result = run(mirror)
    assert result.complete == ("catalogue-1",)
    assert "the edition does not say what is in it" in told(result)["audio-1"][1]


def test_a_description_that_is_not_the_one_listed_is_refused(published: Publisher, tmp_path: Path) -> None:
    place = published.public / "targets" / "editions" / "1" / "bags.jsonl"
    place.write_bytes(place.read_bytes().replace(b"CC-BY-4.0", b"CC0-1.0"))
    mirror = with_only(open_mirror(tmp_path / "mirror", str(published.folder)), "licence:cc0")
    result = run(mirror)
    assert [what for what, _ in result.refused] == ["editions/1/bags.jsonl"]
    assert result.complete == ("catalogue-1",)


def test_once_a_day_it_is_looked_whether_other_bags_come_next(published: Publisher, tmp_path: Path) -> None:
    say_copies(published, {"audio-2": 1, "audio-3": 1, "audio-4": 1, "audio-5": 1})
    mirror = start(published, tmp_path, budget=ROOM // 4)
    said: list[str] = []
    time = [NOW]
    knowing = Knowing(mirror, open_origin(str(published.folder)), said.append, lambda: time[0])
    followed = accepted(trust_dir(mirror), now=NOW)
    assert followed is not None
    leave = take_leave(mirror, followed, at="2026-11-21T10:15:00Z")
    choice = choose_bags(mirror, leave, (), ROOM, knowing.wishes(followed.edition, ask=True))
    assert "audio-1" in choice.chosen
    better = better_known(mirror, leave, (), ROOM, knowing, choice, lambda: time[0])
    time[0] = later(hours=25)
    assert not better()
    say_copies(published, {"audio-1": 1, "audio-2": 1, "audio-4": 1, "audio-5": 1})
    time[0] = later(hours=48)
    assert not better()  # a day is not over since
    time[0] = later(hours=50)
    assert better()
    assert said == ["By the copies that are known now, other bags come next."]
