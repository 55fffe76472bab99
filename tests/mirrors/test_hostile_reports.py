"""Reports that are made to cost much, to break something, or to speak for somebody else."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace

import pytest
from sqlalchemy import select

from phonotheque.ledger.bags import all_bags
from phonotheque.ledger.former_bags import take_back
from phonotheque.ledger.mirrors import all_mirrors
from phonotheque.ledger.schema import bags
from phonotheque.mirrors.copies import read_copies
from phonotheque.mirrors.health import look
from phonotheque.mirrors.report import ReportedBag, read_report
from phonotheque.mirrors.strict_json import read_json
from phonotheque.mirrors.taking_reports import TooSoonError, take_report
from phonotheque.model.errors import VerificationError
from phonotheque.model.settings import HealthSettings
from phonotheque.vault.archive import Archive, timestamp
from tests.mirrors.reported import NOW, Somebody, ago, publishing


@pytest.fixture
def archive(archive: Archive) -> Archive:
    return publishing(archive)


def test_of_very_many_names_the_one_that_is_there_twice_is_found_at_once() -> None:
    names = ",".join(f'"{number}":0' for number in [*range(200_000), 199_999])  # quadratic: many minutes
    with pytest.raises(ValueError, match="'199999' is there twice"):
        read_json(f"{{{names}}}".encode())


@pytest.mark.parametrize("junk", [b"[],", b"{},", b'{"":0},', b"[[0]],"])
def test_a_large_thing_that_is_little_but_brackets_is_not_read(junk: bytes) -> None:
    data = b"[" + junk * (2 * 1024**2 // len(junk)) + b"0]"
    with pytest.raises(ValueError, match="brackets"):
        read_json(data)
    with pytest.raises(VerificationError, match="brackets"):
        read_report(data)
    with pytest.raises(VerificationError, match="brackets"):
        read_copies(data)
    assert read_json(b"[" + junk * 100 + b"0]")[-1] == 0
    many = {f"bag-{number}": {"claimed": 1, "proven": 0} for number in range(40_000)}
    assert read_json(json.dumps(many).encode()) == many


def test_a_bag_that_is_current_no_more_has_no_more_bytes_than_it_had(archive: Archive) -> None:
    with archive.ledger.begin() as ledger:
        for bag in all_bags(ledger):
            if bag.id != "bag-3":
                take_back(ledger, bag, {}, edition=2, at=timestamp(NOW), reason="", replaced_by=None)
        assert [row.id for row in ledger.execute(select(bags.c.id))] == ["bag-3"]
    most = tuple(ReportedBag(bag, 2**63 - 1, timestamp(ago(days=1)), False) for bag in ("bag-1", "bag-2"))
    with pytest.raises(VerificationError, match="9223372036854775807 bytes are held; it has 1000"):
        Somebody("huge").tells(archive, bags=most)
    assert Somebody("fair").tells(archive, ["bag-1", "bag-3"]).bytes == 4000
    unknown = ReportedBag("nobody's", 2**63 - 1, timestamp(ago(days=1)), True)
    assert Somebody("odd").tells(archive, bags=(unknown,)).bytes == 0


def test_nobody_reports_for_a_mirror_that_a_drill_knows_by_its_address(archive: Archive) -> None:
    drilled = Somebody("drilled", by_address=True)  # an id that anybody can reckon
    drilled.proves(archive, "bag-1", at=ago(days=1))
    with pytest.raises(VerificationError, match="no id of a mirror"):
        drilled.tells(archive, [])
    (bag,) = (bag for bag in look(archive, at=NOW).bags if bag.id == "bag-1")
    assert bag.count.proven == 1


@pytest.mark.parametrize(
    "web",
    [
        "http://127.0.0.1:8000/",
        "http://127.0.0.2:8000/",
        "http://127.1:8000/",
        "http://2130706433/",
        "http://0x7f.0.0.1/",
        "http://localhost:8000/",
        "http://LocalHost.:8000/",
        "http://mirror.localhost/",
        "http://[::1]:8000/",
        "http://[::ffff:127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://10.0.0.1/",
        "http://192.168.1.2/",
        "http://169.254.169.254/latest",
        "http://[fe80::1]/",
        "http://[fd00::1]/",
        "http://0.0.0.0/",
        "http://224.0.0.1/",
    ],
)
def test_an_address_inside_somebodys_own_network_is_refused_unless_the_settings_allow_it(
    archive: Archive, web: str
) -> None:
    with pytest.raises(VerificationError, match="own network"):
        Somebody("one").tells(archive, web=web)
    with archive.ledger.connect() as ledger:
        assert all_mirrors(ledger) == []
    settings = replace(archive.settings, health=HealthSettings(private_addresses=True))
    assert Somebody("one").tells(replace(archive, settings=settings), web=web).first


@pytest.mark.parametrize("web", ["https://mirror.example.org/x", "http://8.8.8.8:80/", "http://[2a00::1]/"])
def test_other_addresses_are_taken(archive: Archive, web: str) -> None:
    assert Somebody("one").tells(archive, web=web).first


def test_a_mirror_is_heard_once_in_ten_minutes_but_by_hand(archive: Archive) -> None:
    one, two = Somebody("one"), Somebody("two")
    first = one.report(["bag-1"], at=ago(minutes=20))
    take_report(archive, first, at=ago(minutes=9))
    with pytest.raises(TooSoonError, match="ten minutes"):
        take_report(archive, one.report(["bag-2"], at=ago(minutes=2)), at=NOW)
    assert take_report(archive, first, at=NOW).again
    take_report(archive, two.report(["bag-2"]), at=NOW)
    take_report(archive, one.report(["bag-2"], at=ago(minutes=2)), at=NOW, by_hand=True)
    take_report(archive, one.report(["bag-3"], at=ago(minutes=1)), at=ago(minutes=-11))


def test_ids_that_mirrors_make_are_taken() -> None:
    assert uuid.UUID(Somebody("one").id).version == 4
