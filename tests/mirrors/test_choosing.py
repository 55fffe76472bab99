"""What a mirror takes by copies and by a query."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from phonotheque.editions.trust import count_signers
from phonotheque.mirrors.choosing import better_known, choose_bags
from phonotheque.mirrors.copies import BagCopies, Copies, write_copies
from phonotheque.mirrors.follow import accepted
from phonotheque.mirrors.home import open_mirror, trust_dir
from phonotheque.mirrors.knowing import Knowing
from phonotheque.mirrors.leaving import take_leave
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.sync import SyncResult
from phonotheque.vault.archive import Archive
from tests.mirrors.mirror_publisher import ARCHIVE, NOW, Publisher, later, noise
from tests.mirrors.mirror_runs import Told, complete, run

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
    keys = publisher.folder / "keys" if changes.get("signed", True) else publisher.folder / "none"
    signers = count_signers(publisher.public / "metadata", keys)
    data = write_copies(Copies(changes.get("archive", ARCHIVE), at, known), signers)
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
