"""Copies as claimed and as proven: what counts, for how long, what is at risk, and who is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from xml.etree import ElementTree

import pytest
from sqlalchemy import delete, insert, select

from phonotheque.ledger.copy_counts import Level, Measure, over_time
from phonotheque.ledger.mirror_tables import copies_over_time, mirrors
from phonotheque.ledger.mirrors import claimants, forget_mirror, know_mirror
from phonotheque.ledger.proofs import Outcome, Proof, proofs_of_bag, record_proofs
from phonotheque.ledger.schema import bag_files, bags
from phonotheque.mirrors.copies import COPIES, read_copies
from phonotheque.mirrors.health import Health, count_copies, look, site
from phonotheque.mirrors.taking_reports import take_report
from phonotheque.mirrors.telling_health import FEED, update_health
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.model.settings import MirrorSettings
from phonotheque.vault.archive import Archive, timestamp
from tests.conftest import MakeArchive
from tests.mirrors.reported import NOW, Somebody, ago, publishing

ATOM = "{http://www.w3.org/2005/Atom}"
A, B, C, D = (Somebody(name) for name in "abcd")


@pytest.fixture
def archive(archive: Archive) -> Archive:
    return publishing(archive)


def counted(archive: Archive, at: datetime = NOW, **seeders: int) -> Health:
    with archive.writing("test"):
        return update_health(
            archive, at=at, seeders={bag.replace("_", "-"): n for bag, n in seeders.items()} or None
        )


def proven(health: Health) -> dict[str, int]:
    return {bag.id: bag.count.proven for bag in health.bags if bag.count.proven}


def claimed(health: Health) -> dict[str, int]:
    return {bag.id: bag.count.claimed for bag in health.bags if bag.count.claimed}


def entries(archive: Archive) -> list[tuple[str, str, str]]:
    """Id, title and time of each entry of the feed, of which the form is checked."""
    feed = ElementTree.fromstring((archive.public / FEED).read_bytes())
    found = []
    for name in ("id", "title", "updated", "author"):
        assert len(feed.findall(ATOM + name)) == 1, name
    for entry in feed.findall(f"{ATOM}entry"):
        told = {child.tag.removeprefix(ATOM): child.text or child.attrib.get("href") for child in entry}
        assert told.keys() == {"id", "title", "updated", "link", "summary"}
        assert datetime.fromisoformat(told["updated"] or "")
        found.append((told["id"] or "", told["title"] or "", told["updated"] or ""))
    assert len({entry[0] for entry in found}) == len(found)
    return found


def test_claims_make_nothing_safe(archive: Archive) -> None:
    for mirror in (A, B, C, D):
        mirror.tells(archive)
    health = counted(archive)
    assert claimed(health) == {"bag-1": 4, "bag-2": 4, "bag-3": 4}
    assert proven(health) == {}
    assert len(health.at_risk) == 3
    assert health.levels(Measure.PROVEN)[Level.NONE] == 3
    assert health.levels(Measure.CLAIMED)[Level.ENOUGH] == 3
    assert (health.mirrors, health.reporting) == (4, 4)


def test_the_fewest_come_first_and_what_is_proved_is_at_risk_no_more(archive: Archive) -> None:
    for mirror in (A, B, C):
        mirror.proves(archive, "bag-2", at=ago(days=5))
    B.proves(archive, "bag-3", at=ago(days=1))
    D.tells(archive, ["bag-1"])
    health = counted(archive)
    assert [bag.id for bag in health.bags] == ["bag-1", "bag-3", "bag-2"]
    assert [bag.id for bag in health.at_risk] == ["bag-1", "bag-3"]
    assert health.bags[2].count.proven_since == timestamp(ago(days=5))
    assert health.reporting == 1


def test_a_proof_ends_by_its_age_by_a_failure_and_by_what_its_mirror_says(archive: Archive) -> None:
    A.proves(archive, "bag-1", at=ago(days=91))
    B.proves(archive, "bag-1", at=ago(days=89))
    C.proves(archive, "bag-2", at=ago(days=3))
    C.proves(archive, "bag-2", at=ago(days=2), outcome=Outcome.FAILED)
    D.proves(archive, "bag-3", at=ago(days=3))
    D.proves(archive, "bag-3", at=ago(days=2), outcome=Outcome.UNREACHABLE)
    assert proven(look(archive, at=NOW)) == {"bag-1": 1, "bag-3": 1}
    D.tells(archive, ["bag-1"], at=ago(days=1))  # it says that it has bag 3 no more
    assert proven(look(archive, at=NOW)) == {"bag-1": 1}
    D.tells(archive, ["bag-1", "bag-3"])
    assert proven(look(archive, at=NOW)) == {"bag-1": 1, "bag-3": 1}  # it has it again, as it proved before


def test_what_its_mirror_says_ends_a_proof_whatever_time_its_clock_has(archive: Archive) -> None:
    A.tells(archive, at=ago(days=2))
    A.proves(archive, "bag-1", at=ago(hours=2))
    assert proven(counted(archive)) == {"bag-1": 1}
    with archive.writing("test"):
        take_report(archive, A.report((), at=ago(hours=8)), at=ago(hours=1))
    assert proven(counted(archive)) == {}


def test_a_claim_ends_when_its_mirror_is_silent(archive: Archive) -> None:
    A.tells(archive, ["bag-1"], at=ago(days=31))
    B.tells(archive, ["bag-1"], at=ago(days=29))
    health = counted(archive)
    assert claimed(health) == {"bag-1": 1}
    assert (health.mirrors, health.reporting) == (2, 1)


def test_one_machine_under_many_names_is_one_copy(archive: Archive) -> None:
    for mirror in (A, B, C):
        mirror.proves(archive, "bag-1", address="203.0.113.7:6881")
        mirror.proves(archive, "bag-2", address=f"[2001:db8::{ord(mirror.name):x}]:6881")
    D.proves(archive, "bag-3", address="https://one.example.org/a/")
    D.proves(archive, "bag-3", address="198.51.100.1:6881")
    assert proven(look(archive, at=NOW)) == {"bag-1": 1, "bag-2": 1, "bag-3": 1}


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://Mirror.example.org./x", "mirror.example.org:6881", True),
        ("https://a.example.org/", "https://b.example.org/", False),
        ("203.0.113.7:1", "[::ffff:203.0.113.7]:2", True),
        ("[2001:db8::1]:1", "[2001:db8:0:1::1]:1", False),
        ("127.0.0.1:1", "127.0.0.1:2", False),
    ],
)
def test_what_is_one_place(one: str, other: str, same: bool) -> None:
    assert (site(one) == site(other)) is same


def test_copies_are_published_and_a_mirror_reads_them(archive: Archive) -> None:
    A.tells(archive)
    B.proves(archive, "bag-1", at=ago(days=2))
    health = counted(archive)
    copies = read_copies((archive.public / COPIES).read_bytes())
    assert (copies.archive, copies.time) == (archive.settings.archive.id, timestamp(NOW))
    assert set(copies.bags) == {bag.id for bag in health.bags}
    one = copies.of("bag-1")
    assert (one.claimed, one.proven, one.proven_since) == (1, 1, timestamp(ago(days=2)))
    assert not any(path.name.startswith(".") for path in archive.public.iterdir())


def test_what_a_kill_left_unsaid_is_said_the_next_time(archive: Archive) -> None:
    counted(archive, ago(days=1))
    A.tells(archive)
    with archive.writing("test"):
        count_copies(archive, at=ago(hours=1))  # recorded, and killed before it was shown
    assert entries(archive) == []
    counted(archive)
    assert read_copies((archive.public / COPIES).read_bytes()).of("bag-1").claimed == 1
    assert [entry[1:] for entry in entries(archive)] == [
        ("3 bags rose to one claimed copy", timestamp(ago(hours=1)))
    ]


def test_the_history_of_a_bag_has_a_row_for_a_day_that_changed_it(archive: Archive) -> None:
    A.tells(archive, ["bag-1"], at=ago(days=20))
    counted(archive, ago(days=20))
    counted(archive, ago(days=19))
    B.tells(archive, ["bag-1"], at=ago(days=10, hours=2))
    counted(archive, ago(days=10, hours=2))
    C.tells(archive, ["bag-1"], at=ago(days=10))
    counted(archive, ago(days=10), bag_1=9)
    counted(archive)
    for day in (3, 2):  # a newer proof is no other number
        A.proves(archive, "bag-3", at=ago(days=day))
        counted(archive, ago(days=day))
    with archive.ledger.connect() as ledger:
        assert [day.day for day in over_time(ledger, "bag-3")] == ["2026-11-23"]
        told = [(day.day, day.claimed, day.proven, day.seeders) for day in over_time(ledger, "bag-1")]
        assert over_time(ledger, "bag-2") == []
    assert told == [("2026-11-06", 1, 0, None), ("2026-11-16", 3, 0, 9)]


def test_who_subscribes_is_told_when_bags_fall_and_rise(archive: Archive) -> None:
    counted(archive, ago(days=150))
    assert entries(archive) == []
    for mirror in (A, B, C):
        mirror.proves(archive, "bag-1", "bag-2", at=ago(days=100))
    counted(archive, ago(days=100))
    (risen,) = entries(archive)
    assert risen[1:] == ("2 bags rose to 3 or more proven copies", timestamp(ago(days=100)))
    counted(archive, ago(days=99))
    assert entries(archive) == [risen]  # nothing has changed: the same entry, the same id
    before = (archive.public / FEED).read_bytes()
    C.proves(archive, "bag-1", at=ago(days=50))
    B.proves(archive, "bag-1", at=ago(days=50), outcome=Outcome.FAILED)
    counted(archive, ago(days=50))
    counted(archive)
    assert (archive.public / FEED).read_bytes() != before
    assert [entry[1] for entry in entries(archive)] == [
        "1 bag fell to one proven copy",
        "1 bag fell to no proven copy",
        "1 bag fell to few proven copies",
        "2 bags rose to 3 or more proven copies",
    ]
    assert entries(archive)[-1] == risen


def test_a_mirror_that_claims_all_and_leaves_is_told_as_a_claim(archive: Archive) -> None:
    A.tells(archive, at=ago(days=40))
    counted(archive, ago(days=40))
    counted(archive)
    assert [entry[1] for entry in entries(archive)] == [
        "3 bags fell to no claimed copy",
        "3 bags rose to one claimed copy",
    ]
    assert b"nobody verified it" in (archive.public / FEED).read_bytes()


def test_a_bag_that_is_current_no_more_is_not_counted(archive: Archive) -> None:
    A.tells(archive)
    counted(archive)
    with archive.ledger.begin() as ledger:
        ledger.execute(delete(bag_files).where(bag_files.c.bag_id == "bag-2"))
        ledger.execute(delete(bags).where(bags.c.id == "bag-2"))
    health = counted(archive)
    assert {bag.id for bag in health.bags} == {"bag-1", "bag-3"}
    assert "bag-2" not in read_copies((archive.public / COPIES).read_bytes()).bags


def test_what_was_asked_of_whom_is_kept(archive: Archive) -> None:
    A.proves(archive, "bag-1", at=ago(days=2))
    A.proves(archive, "bag-1", at=ago(days=1), outcome=Outcome.FAILED, address="203.0.113.7:6881")
    A.tells(archive, ["bag-1"])
    with archive.ledger.begin() as ledger:
        found = proofs_of_bag(ledger, "bag-1")
        assert [(one.outcome, one.address) for one in found] == [
            (Outcome.FAILED, "203.0.113.7:6881"),
            (Outcome.PROVED, "a.example.org:6881"),
        ]
        ((mirror, verified),) = claimants(ledger, "bag-1", since=timestamp(ago(days=30)))
        assert (mirror.id, verified) == (A.id, timestamp(NOW))
        with pytest.raises(NotFoundError, match="no bag made-up"):
            record_proofs(ledger, [Proof(A.id, "made-up", timestamp(NOW), Outcome.PROVED, "web", "x", 1, 1)])
        forget_mirror(ledger, know_mirror(ledger, A.id, at=timestamp(NOW)).number)
        assert proofs_of_bag(ledger, "bag-1") == []


def test_a_mirror_counts_nobody(archive: Archive) -> None:
    settings = replace(archive.settings, mirror=MirrorSettings(origin="https://example.org/"))
    with pytest.raises(UsageError, match="is a mirror"):
        look(replace(archive, settings=settings), at=NOW)


def test_before_the_first_edition_there_is_nothing_to_count(make_archive: MakeArchive) -> None:
    with pytest.raises(NotFoundError, match="published nothing"):
        look(make_archive("empty"), at=NOW)


def test_many_bags_are_kept_small(archive: Archive) -> None:
    names = [f"many-{number:04}" for number in range(2_000)]
    with archive.ledger.begin() as ledger:
        (known,) = ledger.execute(select(bags).where(bags.c.id == "bag-1")).all()
        ledger.execute(insert(bags), [dict(known._mapping) | {"id": name, "bytes": 7} for name in names])
    A.tells(archive, names, at=ago(hours=2))
    B.tells(archive, names[:1500], at=ago(hours=2))
    health = counted(archive)
    assert sum(claimed(health).values()) == 3_500
    assert _rows(archive) == 2_000
    with archive.ledger.connect() as ledger:
        (packed,) = ledger.execute(select(mirrors.c.holds).where(mirrors.c.id == A.id)).one()
    assert len(packed) < 10_000
    A.tells(archive, names, at=ago(hours=1))
    later = counted(archive, NOW + timedelta(days=1))
    assert claimed(later) == claimed(health)
    assert _rows(archive) == 2_000  # what stays the same is not said again


def _rows(archive: Archive) -> int:
    with archive.ledger.connect() as ledger:
        return len(ledger.execute(select(copies_over_time.c.bag)).all())
