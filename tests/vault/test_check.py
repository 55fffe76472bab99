"""Checking an archive: everything wrong is named, and nothing else."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

import pytest
from sqlalchemy import select

from phonotheque.ledger.schema import events, fixity_checks
from phonotheque.model.bags import Finding
from phonotheque.vault.archive import Archive
from phonotheque.vault.check import (
    Checked,
    check_bags,
    check_catalogue,
    check_incoming,
    check_ledger,
    record_check,
    recorded_bags,
)
from tests.ledger.ledger_facts import BAG, DAY
from tests.vault.vault_content import content, overwrite, place


def found(checked: Checked) -> list[tuple[str, str]]:
    return [(finding.what, finding.path) for finding in checked.findings]


def name(path: Path) -> str:
    return f"vault/incoming/{path.parent.name}/{path.name}"


def bags_checked(archive: Archive) -> dict[str, list[tuple[str, str]]]:
    return {checked.subject: found(checked) for checked in check_bags(archive, recorded_bags(archive))}


# --- masters ---


def test_whole_masters_are_counted_and_nothing_is_found(archive: Archive, held: dict[str, Path]) -> None:
    checked = check_incoming(archive)
    assert checked.findings == ()
    assert (checked.subject, checked.files) == ("incoming", 3)
    assert checked.bytes == sum(path.stat().st_size for path in held.values())


def test_an_archive_with_nothing_in_it_is_whole(archive: Archive) -> None:
    assert check_incoming(archive).findings == ()
    assert check_catalogue(archive).findings == ()
    assert list(check_bags(archive, recorded_bags(archive))) == []


def test_damaged_shortened_and_missing_masters_are_each_named(
    archive: Archive, held: dict[str, Path]
) -> None:
    flipped = bytearray(content("first"))
    flipped[77] ^= 1
    overwrite(held["first"], bytes(flipped))
    overwrite(held["second"], content("second")[:-1])
    held["third"].unlink()
    assert sorted(found(check_incoming(archive))) == sorted(
        [
            ("damaged", name(held["first"])),
            ("damaged", name(held["second"])),
            ("missing", name(held["third"])),
        ]
    )


def test_a_folder_that_is_gone_is_every_master_missing(archive: Archive, held: dict[str, Path]) -> None:
    archive.incoming.rename(archive.folder / "elsewhere")
    assert {what for what, _ in found(check_incoming(archive))} == {"missing"}
    assert len(check_incoming(archive).findings) == 3


def test_what_is_no_regular_file_is_not_waited_for(archive: Archive, held: dict[str, Path]) -> None:
    held["first"].unlink()
    os.mkfifo(held["first"])
    held["second"].rename(archive.folder / "moved")
    held["second"].symlink_to(archive.folder / "moved")
    assert {what for what, _ in found(check_incoming(archive))} == {"unreadable"}


def test_strangers_are_extra_wherever_they_lie(archive: Archive, held: dict[str, Path]) -> None:
    known = place(archive, "known")  # in the ledger, but not allowed to be kept
    stray = place(archive, "nobody knows this")
    (archive.incoming / "notes.txt").write_text("mine")
    (archive.incoming / os.fsdecode(b"caf\xe9")).mkdir()
    assert sorted(found(check_incoming(archive))) == sorted(
        [
            ("extra", name(known)),
            ("extra", name(stray)),
            ("extra", "vault/incoming/notes.txt"),
            ("extra", "vault/incoming/caf\\xe9"),
        ]
    )


def test_a_spare_of_what_a_bag_holds_is_nothing_wrong_unless_it_is_damaged(
    archive: Archive, held: dict[str, Path], bag: Path
) -> None:
    assert check_incoming(archive).findings == ()
    spare = place(archive, "third")
    assert check_incoming(archive).findings == ()
    overwrite(spare, b"damaged")
    assert found(check_incoming(archive)) == [("damaged", name(spare))]


# --- bags ---


def test_a_whole_bag_is_whole(archive: Archive, bag: Path) -> None:
    assert bags_checked(archive) == {BAG.id: []}


def test_everything_wrong_with_a_bag_is_named(archive: Archive, bag: Path) -> None:
    overwrite(bag / "data" / "third.flac", b"damaged")
    (bag / "README.txt").unlink()
    (bag / "data" / "more.flac").write_bytes(b"more")
    assert bags_checked(archive)[BAG.id] == [
        ("missing", "README.txt"),
        ("extra", "data/more.flac"),
        ("damaged", "data/third.flac"),
    ]


def test_a_bag_that_is_gone_and_a_folder_that_is_none_are_named(archive: Archive, bag: Path) -> None:
    bag.rename(bag.with_name("renamed"))
    (archive.bags / ".making-another").mkdir()
    assert bags_checked(archive) == {
        BAG.id: [("missing", BAG.id)],
        "bags": [("extra", "vault/bags/renamed")],
    }


def test_another_bag_under_the_same_name_is_found(archive: Archive, bag: Path) -> None:
    entry = bag / "README.txt"
    overwrite(entry, b"another readme")
    manifest = bag / "tagmanifest-sha256.txt"
    lines = manifest.read_text().splitlines()
    changed = [f"{sha256(b'another readme').hexdigest()}  README.txt" if "README" in x else x for x in lines]
    overwrite(manifest, ("\n".join(changed) + "\n").encode())
    assert bags_checked(archive)[BAG.id] == [("damaged", "tagmanifest-sha256.txt")]


# --- ledger and catalogue ---


def test_a_whole_ledger_is_whole(archive: Archive) -> None:
    assert check_ledger(archive).findings == ()


@pytest.mark.sqlite("damages the file; damage of PostgreSQL's: test_ledger_postgresql.py")
@pytest.mark.parametrize("at", [0, -4096])
def test_a_damaged_ledger_is_found(archive: Archive, held: dict[str, Path], at: int) -> None:
    archive.ledger.dispose()
    path = archive.folder / "ledger.sqlite"
    data = bytearray(path.read_bytes())
    start = at % len(data)
    data[start : start + 4096] = b"\xff" * 4096
    path.write_bytes(data)
    fresh = Archive(archive.folder, archive.settings)
    checked = check_ledger(fresh)
    assert checked.findings
    assert {(finding.what, finding.path) for finding in checked.findings} == {("damaged", "ledger")}
    if "ledger" in vars(fresh):
        fresh.ledger.dispose()


def test_a_catalogue_whose_pointer_leads_nowhere_is_damaged(archive: Archive) -> None:
    archive.catalogue.mkdir()
    for text in ("2026-01-01T000000Z\n", "../../etc\n", ""):
        (archive.catalogue / "CURRENT").write_text(text)
        assert found(check_catalogue(archive)) == [("damaged", "catalogue")]


# --- the record of a check ---


def test_a_check_is_written_down_with_what_it_found(archive: Archive) -> None:
    finding = Finding("damaged", "vault/incoming/ab/ab\udcff", "of another size")
    record_check(archive, Checked("incoming", 3, 1000, (finding,), DAY[0]))
    record_check(archive, Checked("ledger", 1, 0, (), DAY[0]))
    with archive.ledger.connect() as ledger:
        rows = ledger.execute(select(fixity_checks).order_by(fixity_checks.c.id)).all()
        outcomes = ledger.execute(select(events.c.type, events.c.subject, events.c.outcome)).all()
    assert [(row.subject, row.files, row.bytes, row.started_at) for row in rows] == [
        ("incoming", 3, 1000, DAY[0]),
        ("ledger", 1, 0, DAY[0]),
    ]
    assert rows[0].findings[0]["what"] == "damaged"
    assert [tuple(row) for row in outcomes] == [
        ("fixity check", "incoming", "fail"),
        ("fixity check", "ledger", "success"),
    ]
