"""An edition audits clean from its public files alone; every kind of lie and damage is found and named."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonotheque.catalogue.schema import NONFREE
from phonotheque.editions.audit import What
from phonotheque.editions.edition import Edition, Tombstone, Withdrawal
from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys, init_repository, publish_targets
from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive
from tests.conftest import MakeArchive
from tests.mirrors.audits import CC0, LATER, NOW, audited, fill, kinds, narrow, statements, stone
from tests.mirrors.forging import Record, bag_of, change_lines, edition_of, reseal, sign, writable
from tests.mirrors.mirror_publisher import served
from tests.tones import flac

pytestmark = pytest.mark.ledger


@pytest.fixture
def published(archive_tree: Archive) -> Archive:
    return archive_tree


def first(change: Callable[[Record], object]) -> Callable[[Record], object]:
    """Change the first line only: that of Tone 0."""
    return lambda record: change(record) if record["title"] == "Tone 0" else None


def test_what_is_published_is_clean_and_all_of_it_was_looked_at(published: Archive) -> None:
    result, found = audited(published, every_byte=True)
    assert found == []
    assert {bag[-4:] for bag in result.bags} == {"0001", "0002", "ogue"}
    assert (result.number, result.on, result.mining) == (1, "2026-11-21", True)
    assert result.files == sum(bag.payload_files for bag in edition_of(published).bags)


def test_it_needs_nothing_but_the_public_tree(published: Archive, tmp_path: Path) -> None:
    shutil.copytree(published.public, tmp_path / "copy")  # links followed
    assert kinds(tmp_path / "copy", every_byte=True) == set()


def test_over_http_it_reads_tag_files_and_the_ends_of_files(published: Archive) -> None:
    with served(published.public) as web:
        result, found = audited(web.url)
        payload = sum(size for path, size in web.sent.items() if "-0001/data/" in path)
        assert found == []
        assert payload < 1000 < result.bytes
        assert kinds(web.url, every_byte=True) == set()


LIES: dict[str, tuple[Callable[[Record], object], set[What]]] = {
    "another licence": (
        first(lambda record: statements(record)[0].update(licence="Sendmail")),
        {What.NO_BASIS, What.DECISION},
    ),
    "a smaller territory": (
        first(lambda record: statements(record)[0].update(territory="DE FR")),
        {What.NO_BASIS, What.DECISION},
    ),
    "a country that is none": (
        first(lambda record: statements(record)[0].update(territory="ATLANTIS")),
        {What.NO_BASIS},
    ),
    "a deal that has ended": (
        first(lambda record: statements(record)[0].update(valid_until="2026-11-20")),
        {What.NO_BASIS, What.DECISION},
    ),
    "a deal that has not begun": (
        first(lambda record: statements(record)[0].update(valid_from="2026-11-22")),
        {What.NO_BASIS, What.DECISION},
    ),
    "a withdrawal that is not heeded": (
        first(
            lambda record: statements(record).append(
                statements(record)[0] | {"kind": "withdrawal", "licence": None, "acts": ["distribute"]}
            )
        ),
        {What.NO_BASIS, What.DECISION},
    ),
    "a composition without a word": (
        first(lambda record: statements(record)[0].update(covers="recording")),
        {What.NO_BASIS, What.DECISION},
    ),
    "no statements": (first(lambda record: statements(record).clear()), {What.NO_BASIS, What.DECISION}),
    "no rights": (first(lambda record: record.pop("rights")), {What.NO_BASIS}),
    "statements that are none": (
        first(lambda record: record["rights"].update(statements=["CC0-1.0"])),
        {What.NO_BASIS},
    ),
    "a decision nobody made": (
        lambda record: record["rights"]["decisions"]["mine"].update(answer="yes"),
        {What.DECISION},
    ),
    "a decision left out": (
        first(lambda record: record["rights"]["decisions"].pop("stream")),
        {What.DECISION},
    ),
    "conditions left out": (
        lambda record: record["rights"]["decisions"]["distribute"].update(conditions=[]),
        {What.DECISION},
    ),
    "an act nobody knows": (
        first(lambda record: record["rights"]["decisions"].update(sell={"answer": "yes"})),
        {What.DECISION},
    ),
    "another kind": (first(lambda record: record.update(kind="catalogue")), {What.CLAIM}),
    "another hash": (first(lambda record: record.update(sha256="0" * 64)), {What.CLAIM, What.TOMBSTONE}),
    "no recording": (first(lambda record: record.pop("recording")), {What.TOMBSTONE}),
    "no master": (first(lambda record: record.update(master_sha256=None)), {What.TOMBSTONE}),
    "another master": (first(lambda record: record.update(master_sha256="0" * 64)), {What.TOMBSTONE}),
    "another path": (first(lambda record: record.update(path="data/no.flac")), {What.NO_FILE, What.NO_LINE}),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_line_that_lies_is_found_though_it_is_signed(published: Archive, lie: str) -> None:
    change, expected = LIES[lie]
    change_lines(published, bag_of(published, 1).id, change)
    reseal(published, bag_of(published, 1).id)
    sign(published, NOW)
    _, found = audited(published)
    # The declaration on mining, and the index, are what they were.
    assert expected <= {fault.what for fault in found} <= expected | {What.MINING, What.CLAIM}
    assert all(fault.bag == bag_of(published, 1).id for fault in found)
    if expected == {What.NO_BASIS, What.DECISION}:
        (named,) = [fault.path for fault in found if fault.what is What.NO_BASIS]
        assert named.endswith("Tone 0.flac")


def test_signing_again_what_is_true_is_clean(published: Archive) -> None:
    reseal(published, bag_of(published, 1).id)
    sign(published, NOW)
    assert kinds(published) == set()


def test_the_reason_says_where_it_might_be(published: Archive) -> None:
    narrow(published)
    sign(published, NOW)
    _, found = audited(published)
    reasons = [fault.reason for fault in found if fault.what is What.NO_BASIS]
    assert len(reasons) == 2
    assert all("only in: DE FR" in reason and "WORLD" in reason for reason in reasons)


def test_a_bag_for_two_countries_is_right_there_and_nowhere_else(published: Archive) -> None:
    narrow(published)
    sign(published, NOW, bag={"audience": "DE FR"})
    assert kinds(published) == set()
    assert kinds(published, country="FR") == set()
    result, _ = audited(published, country="CH")
    assert result.elsewhere == [bag_of(published, 1).id]
    with served(published.public) as web:
        result, found = audited(web.url)
        assert (found, result.elsewhere) == ([], [])  # this server lets in everybody
    sign(published, NOW, bag={"audience": "CH DE FR"})
    assert What.NO_BASIS in kinds(published)
    assert kinds(published, country="FR") == set()


def test_a_bag_itself_says_for_whom_it_is(published: Archive) -> None:
    bag = bag_of(published, 1).id
    with (writable(published, bag) / "bag-info.txt").open("a") as info:
        info.write("Phonotheque-Audience: FR\n")
    reseal(published, bag)
    sign(published, NOW)
    assert kinds(published) == {What.AUDIENCE}


def test_a_lie_about_figures_or_the_index_is_found(published: Archive) -> None:
    def another(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row | {"recording": "00000000-0000-4000-8000-000000000000"} for row in rows]

    sign(published, NOW, rows=another)
    assert kinds(published) == {What.CLAIM}
    sign(published, NOW, rows=lambda rows: rows[1:])
    assert kinds(published) == {What.CLAIM}
    sign(published, NOW, rows=lambda rows: [*rows, rows[0] | {"bag": "another-bag"}])
    assert kinds(published) == {What.CLAIM}
    entry = bag_of(published, 1)
    sign(published, NOW, bag={"payload_bytes": entry.payload_bytes - 1})
    assert kinds(published) == {What.CLAIM}


def test_a_file_without_a_line_has_no_basis_and_a_line_without_a_file_is_told(published: Archive) -> None:
    bag = bag_of(published, 1).id
    folder = writable(published, bag)
    (folder / "data" / "Found.flac").write_bytes(b"sound")
    reseal(published, bag)
    sign(published, NOW)
    _, found = audited(published)
    assert {(fault.what, fault.path) for fault in found} == {
        (What.NO_LINE, "data/Found.flac"),
        (What.CLAIM, "data/Found.flac"),  # for the index lists it
    }
    (folder / "data" / "Found.flac").unlink()
    with (folder / "recordings.jsonl").open("a") as lines:
        lines.write('{"path": "data/Gone.flac"}\nno JSON\n[]\n')
    reseal(published, bag)
    sign(published, NOW)
    assert kinds(published) == {What.NO_FILE, What.UNREADABLE_LINE}


def test_what_lies_there_and_nobody_lists_is_told(published: Archive) -> None:
    bag = bag_of(published, 1).id
    (writable(published, bag) / "data" / "Extra.flac").write_bytes(b"sound")
    (published.public / "bags" / "more").mkdir()
    _, found = audited(published)
    assert {(fault.what, fault.bag, fault.path) for fault in found} == {
        (What.UNLISTED, bag, "data/Extra.flac"),
        (What.UNLISTED, "more", ""),
    }


def test_what_was_taken_back_must_not_be_there_unless_reinstated(published: Archive) -> None:
    lines = (published.bags / bag_of(published, 1).id / "recordings.jsonl").read_text().splitlines()
    record, other = map(json.loads, lines)
    elsewhere = "00000000-0000-4000-8000-000000000000"
    for tombstone, expected in (
        (stone(record), {What.TOMBSTONE}),
        (stone(record, territory="DE"), {What.TOMBSTONE}),
        (stone(record, recording=elsewhere, sha256=(other["sha256"],)), {What.TOMBSTONE}),
        (stone(record, recording=elsewhere), set()),
        (stone(record, reinstated="2026-11-21T00:00:00Z"), set()),
    ):

        def with_it(edition: Edition, tombstone: Tombstone = tombstone) -> Edition:
            return replace(edition, tombstones=(tombstone,))

        sign(published, NOW, edition=with_it)
        assert kinds(published) == expected


def test_a_withdrawn_bag_must_not_be_reached(published: Archive) -> None:
    bag = bag_of(published, 1)

    def without(edition: Edition) -> Edition:
        gone = Withdrawal(bag.id, "2026-11-20T00:00:00Z", "the artist asked for it", None)
        left = tuple(entry for entry in edition.bags if entry.id != bag.id)
        return replace(edition, bags=left, withdrawals=(gone,))

    sign(published, NOW, edition=without, rows=lambda rows: [row for row in rows if row["bag"] != bag.id])
    assert kinds(published) == {What.WITHDRAWN}
    with served(published.public) as web:
        assert kinds(web.url) == {What.WITHDRAWN}
        (published.public / "bags" / bag.id).unlink()
        assert kinds(published) == {What.WITHDRAWN}  # for its torrent is still there
        (published.public / "targets" / bag.torrent.path).unlink()
        assert kinds(published) == kinds(web.url) == set()


def test_an_edition_owns_up_to_its_predecessors(make_archive: MakeArchive, tmp_path: Path) -> None:
    archive = make_archive()
    fill(archive, tmp_path / "in")
    publish(archive, at=NOW)
    flac(tmp_path / "more" / "9.flac", 9, {"TITLE": "Tone 9", "LICENSE": CC0})
    add_folder(archive, tmp_path / "more")
    rebuild_catalogue(archive, at=LATER)
    publish(archive, at=LATER)
    assert kinds(archive, now=LATER) == set()
    gone = bag_of(archive, 1).id

    def without(edition: Edition) -> Edition:
        return replace(edition, bags=tuple(bag for bag in edition.bags if bag.id != gone))

    sign(archive, LATER, edition=without)
    (archive.public / "bags" / gone).unlink()
    _, found = audited(archive, now=LATER)
    assert (What.HISTORY, gone) in {(fault.what, fault.bag) for fault in found}


def test_the_declaration_on_mining_must_agree(published: Archive) -> None:
    place = published.public / ".well-known" / "tdmrep.json"
    bag = bag_of(published, 1).id
    rules = json.loads(place.read_text())
    assert {rule["tdm-reservation"] for rule in rules} == {0, 1}
    lying = [rule | {"tdm-reservation": 0} for rule in rules]
    place.write_text(json.dumps(lying))
    _, found = audited(published)
    assert [(fault.what, fault.path.rpartition("/")[2]) for fault in found] == [(What.MINING, "Tone 1.flac")]
    for rules, expected in (
        ([{"location": f"/bags/{bag}/data/*", "tdm-reservation": 0}], {What.MINING}),
        ([{"location": f"/bags/{bag}/data/*", "tdm-reservation": 1}], set()),  # more may be reserved
        ([], set()),
        ({"location": "/"}, {What.MINING}),
        ([{"location": "/", "tdm-reservation": "no"}], {What.MINING}),
    ):
        place.write_text(json.dumps(rules))
        assert kinds(published) == expected
    place.unlink()
    assert kinds(published) == set()


def test_a_table_that_is_not_to_be_published_is_found(published: Archive) -> None:
    bag = bag_of(published, 0).id
    folder = writable(published, bag)
    unnamed = {"source": "s", "accession": "a", "kind": "k", "record_id": "r", "licence": "", "splices": "[]"}
    (folder / "data" / "nonfree").mkdir()
    pq.write_table(
        pa.Table.from_pylist([unnamed], schema=NONFREE), folder / "data" / "nonfree" / "00000.parquet"
    )
    with (folder / "recordings.jsonl").open("a") as lines:
        lines.write('{"path": "data/nonfree/00000.parquet", "kind": "catalogue"}\n')
    reseal(published, bag)
    sign(published, NOW)
    _, found = audited(published)
    assert (What.CATALOGUE, "data/nonfree/00000.parquet") in {(fault.what, fault.path) for fault in found}
    # Even when the snapshot lists it, its terms must be named in every row.
    manifest = json.loads((folder / "data" / "snapshot.json").read_text())
    table = (folder / "data" / "nonfree" / "00000.parquet").read_bytes()
    facts = {
        "file": "nonfree/00000.parquet",
        "sha256": hashlib.sha256(table).hexdigest(),
        "bytes": len(table),
        "rows": 1,
    }
    manifest["tables"]["nonfree"] = [facts]
    (folder / "data" / "snapshot.json").write_text(json.dumps(manifest))
    reseal(published, bag)
    sign(published, NOW)
    _, found = audited(published)
    assert ["1 rows do not name them" in fault.reason for fault in found if fault.what is What.CATALOGUE] == [
        True
    ]


def test_damage_is_told_as_damage(published: Archive) -> None:
    folder = writable(published, bag_of(published, 1).id)
    music = next((folder / "data").rglob("*.flac"))
    whole = music.read_bytes()
    music.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    assert kinds(published) == set()  # sizes only
    assert kinds(published, every_byte=True) == {What.DAMAGED}
    music.write_bytes(whole[:-1])
    assert kinds(published) == {What.DAMAGED}
    assert kinds(published, look=False) == set()
    music.unlink()
    assert kinds(published) == {What.MISSING}
    music.write_bytes(whole)
    for name in ("recordings.jsonl", "manifest-sha256.txt", "tagmanifest-sha256.txt", "README.txt"):
        kept = (folder / name).read_bytes()
        (folder / name).write_bytes(kept + b"\n")
        assert kinds(published) == {What.DAMAGED}
        (folder / name).unlink()
        assert kinds(published) == {What.MISSING}
        (folder / name).write_bytes(kept)
    edition = edition_of(published)
    for path in (edition.index.path, edition.bags[1].torrent.path):
        place = published.public / "targets" / path
        kept = place.read_bytes()
        place.write_bytes(kept[:-1] + b"?")
        assert kinds(published) == {What.DAMAGED}
        place.write_bytes(kept)
    assert kinds(published, every_byte=True) == set()


def test_what_others_have_signed_is_refused(published: Archive, tmp_path: Path) -> None:
    assert audited(published, trust=audited(published)[0].fingerprint)[1] == []
    with pytest.raises(VerificationError, match="fingerprint"):
        audited(published, trust="0" * 64)
    twin = tmp_path / "twin"
    shutil.copytree(published.folder, twin, symlinks=True)
    current = next((twin / "public" / "targets").glob("*.edition.json"))
    current.write_text(current.read_text().replace('"WORLD"', '"DE FR"'))
    with pytest.raises(VerificationError, match=r"edition\.json"):
        audited(twin)
    # Signed by keys that the root does not name.
    other = tmp_path / "other"
    create_keys(other / "keys")
    init_repository(other / "public", other / "keys", now=NOW)
    publish_targets(other / "public", other / "keys", {"edition.json": current}, now=NOW)
    for name in ("1.targets.json", "2.targets.json", "2.snapshot.json", "timestamp.json"):
        if (other / "public" / "metadata" / name).exists():
            shutil.copy(other / "public" / "metadata" / name, twin / "public" / "metadata" / name)
    with pytest.raises(VerificationError):
        audited(twin)


def test_asked_about_another_day(published: Archive) -> None:
    change_lines(
        published,
        bag_of(published, 1).id,
        lambda record: [statement.update(valid_until="2030-12-31") for statement in statements(record)],
    )
    reseal(published, bag_of(published, 1).id)
    sign(published, NOW)
    assert kinds(published) == set()
    assert kinds(published, on=date(2030, 12, 31)) == set()
    _, found = audited(published, on=date(2031, 1, 1))
    assert [fault.what for fault in found] == [What.NO_BASIS, What.NO_BASIS]


def test_a_tree_without_any_bag_is_no_clean_one(published: Archive) -> None:
    place = published.public / ".well-known" / "tdmrep.json"
    shutil.rmtree(published.public / "bags")
    place.unlink()
    with pytest.raises(NotFoundError, match="no bag"):
        audited(published)


def test_a_mirror_need_not_hold_all(published: Archive) -> None:
    (published.public / ".well-known" / "tdmrep.json").unlink()
    (published.public / "bags" / bag_of(published, 2).id).unlink()
    result, found = audited(published)
    assert (found, result.absent) == ([], [bag_of(published, 2).id])


def test_a_reservation_must_be_declared_where_the_file_is(published: Archive) -> None:
    def reserved(record: Record) -> None:
        grant = statements(record)[0]
        statements(record).append(grant | {"kind": "reservation", "licence": None, "acts": ["mine"]})
        answer = {"answer": "no", "rule": "reservation"}
        record["rights"]["decisions"]["mine"].update(answer)

    bag = bag_of(published, 1).id
    change_lines(published, bag, reserved)
    reseal(published, bag)
    sign(published, NOW)
    place = published.public / ".well-known" / "tdmrep.json"
    for rules, expected in (
        ([{"location": f"/bags/{bag}/", "tdm-reservation": 1}], set()),
        ([{"location": "/bags/another/", "tdm-reservation": 1}], {What.MINING}),
    ):
        place.write_text(json.dumps(rules))
        assert kinds(published) - {What.DECISION} == expected
