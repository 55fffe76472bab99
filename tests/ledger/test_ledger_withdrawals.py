"""Withdrawals by their steps, what they cover, and bags that are current no more."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import Connection

from phonotheque.ledger.bags import (
    BagFileRecord,
    BagPlace,
    all_bags,
    places_of_bags,
    record_bag,
    record_place,
    where_bagged,
)
from phonotheque.ledger.files import record_file, start_accession
from phonotheque.ledger.former_bags import (
    Removed,
    Why,
    all_former_bags,
    files_of_former_bag,
    removed_by_withdrawals,
    successors,
    take_back,
)
from phonotheque.ledger.statements import end_denials, record_denial, standing_statements
from phonotheque.ledger.withdrawals import (
    Item,
    ItemKind,
    State,
    Step,
    TakenBack,
    Withdrawal,
    add_step,
    all_withdrawals,
    covered_by_hash,
    covering,
    items_of,
    record_taken_back,
    record_withdrawal,
    taken_back,
    withdrawal,
    withdrawn_from_bag,
)
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.model.rights import Act, Kind, Statement
from tests.ledger.ledger_facts import BAG, DAY, facts

ID = "0b9cbd60-4f0e-4ab4-8f7f-1d6e7f1b2a3c"
RECORDING = "5f0c1f5e-6d0a-4c57-9d5e-0c8f6a1b2c3d"
ASKED = Withdrawal(
    id=ID, requested_at=DAY[0], asked_by="An Artist", contact=None, public_name=False, reason="It is mine.",
    public_reason=None, document_sha256=None, territory="WORLD", acts=(Act.STREAM, Act.DISTRIBUTE),
    erase=False, asked_for=("a.flac",),
)  # fmt: skip
MINE = facts("mine")
ITEMS = [
    Item(ItemKind.RECORDING, RECORDING),
    Item(ItemKind.SHA256, MINE.sha256),
    Item(ItemKind.PCM, "ab" * 32),
]


@pytest.fixture
def master(ledger: Connection) -> int:
    accession = start_accession(ledger, source="folder", location="/music", agent="me", at=DAY[0])
    options = {"kind": "master", "held": True, "accession": accession, "name": "a.flac", "at": DAY[0]}
    return record_file(ledger, MINE, **options).id  # type: ignore[arg-type]


@pytest.fixture
def asked(ledger: Connection) -> str:
    record_withdrawal(ledger, ASKED, ITEMS)
    add_step(ledger, ID, Step.REQUESTED, at=DAY[0], by="An Artist")
    return ID


def test_its_state_is_what_the_last_step_made_it(ledger: Connection, asked: str) -> None:
    states = []
    for day, step in enumerate(
        (Step.HELD, Step.ACCEPTED, Step.EXTENDED, Step.ERASED, Step.REVERSED), start=1
    ):
        add_step(ledger, asked, step, at=DAY[day], by="A. Archivist", note="why")
        states.append(withdrawal(ledger, ID).state)
    assert states == [State.HELD, State.ACCEPTED, State.ACCEPTED, State.ACCEPTED, State.REVERSED]
    one = withdrawal(ledger, ID[:8])
    assert one == all_withdrawals(ledger)[0]
    assert replace(one, steps=()) == ASKED
    assert (one.in_effect, one.reached(Step.REVERSED), one.reached(Step.REFUSED)) == (False, DAY[5], None)


def test_who_asked_is_told_only_with_leave(ledger: Connection, asked: str) -> None:
    one = withdrawal(ledger, asked)
    assert one.told == "withdrawn on request"
    assert (
        replace(one, public_reason="Not ours.", public_name=True).told == "Not ours. (asked for by An Artist)"
    )


def test_a_name_must_name_one(ledger: Connection, asked: str) -> None:
    record_withdrawal(ledger, replace(ASKED, id=f"{ID[:-1]}d"), ())
    add_step(ledger, f"{ID[:-1]}d", Step.REQUESTED, at=DAY[0], by="x")
    with pytest.raises(UsageError, match="Several withdrawals"):
        withdrawal(ledger, ID[:8])
    for nothing in ("", "0b9", "ffffffff", "%%%%%%%%", "0b9cbd6_"):
        with pytest.raises(NotFoundError):
            withdrawal(ledger, nothing)


def test_what_it_covers_is_found_both_ways(ledger: Connection, asked: str, master: int) -> None:
    assert set(items_of(ledger, asked)) == set(ITEMS)
    assert covering(ledger, [ITEMS[0]]) == covering(ledger, ITEMS) == {ID}
    assert covering(ledger, [Item(ItemKind.PCM, MINE.sha256)]) == set()
    assert covered_by_hash(ledger, asked) == {master}


def test_evidence_is_recorded_once(ledger: Connection, asked: str, master: int) -> None:
    taken = TakenBack(
        master, RECORDING, "a.flac", 1000, MINE.sha256, MINE.pcm_sha256, [{"kind": "licence"}], ["b/p"]
    )
    record_taken_back(ledger, asked, [taken], at=DAY[1])
    record_taken_back(ledger, asked, [replace(taken, bagged=[])], at=DAY[2])
    assert taken_back(ledger, asked) == [taken]


def test_a_bag_that_is_taken_back_is_known_and_current_no_more(
    ledger: Connection, asked: str, master: int
) -> None:
    contents = [
        BagFileRecord("data/a.flac", 10, MINE.sha256, "cd" * 32, 0, 1, master, RECORDING),
        BagFileRecord("data/b.flac", 10, "ef" * 32, "cd" * 32, 1, 1, None, None),
    ]
    record_bag(ledger, BAG, contents)
    record_place(ledger, BagPlace(BAG.id, "/elsewhere", moved=False, verified_at=DAY[0]))
    left = {"data/a.flac": (Why.WITHDRAWN, asked)}
    take_back(ledger, BAG, left, edition=2, at=DAY[3], reason="Not ours.", replaced_by="r2")
    assert all_bags(ledger) == []
    assert places_of_bags(ledger) == {}
    assert where_bagged(ledger, [master]) == {}
    (former,) = all_former_bags(ledger)
    assert (former.bag, former.replaced_by, former.places) == (BAG, "r2", ("/elsewhere",))
    assert [(one.path, one.left_because) for one in files_of_former_bag(ledger, BAG.id)] == [
        ("data/a.flac", Why.WITHDRAWN),
        ("data/b.flac", None),
    ]
    assert list(removed_by_withdrawals(ledger)) == [Removed(ID, RECORDING, MINE.sha256, DAY[3])]
    later = replace(former, bag=replace(BAG, id="r2"), replaced_by=None)
    assert successors([former]) == {BAG.id: "r2"}
    assert successors([former, later]) == {BAG.id: None, "r2": None}


def test_what_is_withdrawn_of_a_bag_is_what_stands(ledger: Connection, master: int) -> None:
    record_bag(
        ledger, BAG, [BagFileRecord("data/a.flac", 10, MINE.sha256, "cd" * 32, 0, 1, master, RECORDING)]
    )
    assert withdrawn_from_bag(ledger, BAG.id) == set()
    denial = Statement(Kind.WITHDRAWAL, None, "Not ours.", f"withdrawal:{ID}", "me", acts=(Act.DISTRIBUTE,))
    record_denial(ledger, [master], denial, at=DAY[1])
    assert withdrawn_from_bag(ledger, BAG.id) == {"data/a.flac"}
    end_denials(ledger, [master], "withdrawal:another", at=DAY[2], because="a test")
    assert len(standing_statements(ledger, [master])[master]) == 1
    end_denials(ledger, [master], f"withdrawal:{ID}", at=DAY[2], because="a test")
    assert standing_statements(ledger, [master])[master] == []
    assert withdrawn_from_bag(ledger, BAG.id) == set()


@pytest.mark.parametrize(
    ("audience", "acts", "territory", "gone"),
    [
        ("WORLD", (Act.DISTRIBUTE,), "DE", True),  # what is not for all who get the bag may not be in it
        ("WORLD", (Act.MINE, Act.STREAM), "WORLD", False),
        ("DE FR", (Act.DISTRIBUTE,), "FR US", True),
        ("DE FR", (Act.DISTRIBUTE,), "WORLD -DE -FR", False),
    ],
)
def test_only_what_may_not_be_shared_with_a_bags_audience_leaves_it(
    ledger: Connection, master: int, audience: str, acts: tuple[Act, ...], territory: str, gone: bool
) -> None:
    bag = replace(BAG, audience=audience)
    record_bag(
        ledger, bag, [BagFileRecord("data/a.flac", 10, MINE.sha256, "cd" * 32, 0, 1, master, RECORDING)]
    )
    origin = f"withdrawal:{ID}"
    denial = Statement(Kind.WITHDRAWAL, None, "No.", origin, "me", acts=acts, territory=territory)
    record_denial(ledger, [master], denial, at=DAY[1])
    assert withdrawn_from_bag(ledger, bag.id) == ({"data/a.flac"} if gone else set())
