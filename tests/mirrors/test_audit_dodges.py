"""Ways around an audit: what hides a file, a withdrawal or a date is found all the same."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonotheque.editions.audit import What
from phonotheque.editions.edition import Edition, Previous, Tombstone, Withdrawal
from phonotheque.model.errors import PhonothequeError
from phonotheque.vault.archive import Archive
from tests.mirrors.audits import NOW, audited, kinds, narrow, statements, stone
from tests.mirrors.forging import Record, bag_of, change_lines, edition_of, reseal, sign, writable
from tests.mirrors.mirror_publisher import served

pytestmark = pytest.mark.ledger


@pytest.fixture
def published(archive_tree: Archive) -> Archive:
    return archive_tree


def lines_of(archive: Archive, wave: int) -> list[Record]:
    text = (archive.bags / bag_of(archive, wave).id / "recordings.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_music_among_the_tag_files_has_no_basis(published: Archive) -> None:
    bag = bag_of(published, 1).id
    (writable(published, bag) / "bonus").mkdir()
    (published.bags / bag / "bonus" / "song.flac").write_bytes(b"sound")
    reseal(published, bag)
    sign(published, NOW)
    _, found = audited(published)
    assert {(fault.what, fault.path) for fault in found} == {(What.NO_LINE, "bonus/song.flac")}


def test_a_readme_is_no_place_for_music(published: Archive) -> None:
    bag = bag_of(published, 1).id
    (writable(published, bag) / "README.txt").write_bytes(b"sound" * 300_000)
    reseal(published, bag)
    sign(published, NOW)
    assert kinds(published) == {What.DAMAGED}


def test_every_tombstone_of_a_recording_counts(published: Archive) -> None:
    record = lines_of(published, 1)[0]
    second = stone(record, id="00000000-0000-4000-8000-000000000001", territory="AQ")
    for of in (record["recording"], None):
        first = stone(record, recording=of, sha256=(record["sha256"],))
        last = replace(second, recording=of, sha256=(record["sha256"],))

        def with_both(edition: Edition, both: tuple[Tombstone, ...] = (first, last)) -> Edition:
            return replace(edition, tombstones=both)

        sign(published, NOW, edition=with_both)
        assert kinds(published, country="FR") == {What.TOMBSTONE}
    sign(published, NOW, edition=lambda edition: replace(edition, tombstones=(second,)))
    assert kinds(published, country="FR") == set()


def test_words_to_a_recording_that_was_taken_back_are_not_there_either(published: Archive) -> None:
    record = lines_of(published, 1)[0]
    elsewhere = "00000000-0000-4000-8000-000000000000"
    for recording, index, expected in (
        (elsewhere, elsewhere, {What.TOMBSTONE}),
        (elsewhere, None, set()),  # it belongs to others as well
        (record["recording"], record["recording"], set()),
    ):
        bag = bag_of(published, 2).id

        def belonging(line: Record, named: str = recording) -> None:
            line["recordings"] = [named]

        change_lines(published, bag, belonging)
        reseal(published, bag)

        def rows(listed: list[Record], index: str | None = index) -> list[Record]:
            own = [row for row in listed if row["bag"] == bag_of(published, 2).id]
            return [row | {"recording": index} for row in own] or listed

        def taken_back(edition: Edition) -> Edition:
            return replace(edition, tombstones=(stone({"recording": elsewhere}),))

        sign(published, NOW, rows=rows, edition=taken_back)
        assert kinds(published) == expected


def test_what_texts_and_pictures_belong_to_must_be_said(published: Archive) -> None:
    bag = bag_of(published, 2).id
    change_lines(published, bag, lambda line: line.update(recordings=None))
    reseal(published, bag)
    sign(published, NOW)
    assert kinds(published) == {What.TOMBSTONE}


def test_a_line_that_can_be_read_in_two_ways_is_not_read(published: Archive) -> None:
    bag = bag_of(published, 1).id
    file = writable(published, bag) / "recordings.jsonl"
    first, other = file.read_text().splitlines()
    file.write_text(f'{first[:-1]}, "rights": {{}}}}\n{other}\n')
    reseal(published, bag)
    sign(published, NOW)
    assert kinds(published) == {What.UNREADABLE_LINE, What.NO_LINE, What.CLAIM}


def test_no_edition_is_of_a_day_to_come(published: Archive) -> None:
    sign(published, NOW, edition=lambda edition: replace(edition, date="2026-11-22T10:00:00Z"))
    assert kinds(published) == set()  # clocks differ
    change_lines(
        published,
        bag_of(published, 1).id,
        lambda line: line["rights"]["statements"][0].update(valid_from="2090-01-01"),
    )
    reseal(published, bag_of(published, 1).id)
    sign(published, NOW, edition=lambda edition: replace(edition, date="2100-01-01T00:00:00Z"))
    result, found = audited(published)
    assert result.on == "2026-11-22"
    assert {What.CLAIM, What.NO_BASIS} <= {fault.what for fault in found}
    assert "2100-01-01" in found[0].reason


def withdrawing(bag: str) -> Callable[[Edition], Edition]:
    def without(edition: Edition) -> Edition:
        gone = Withdrawal(bag, "2026-11-20T00:00:00Z", "the artist asked for it", None)
        left = tuple(entry for entry in edition.bags if entry.id != bag)
        return replace(edition, bags=left, withdrawals=(gone,))

    return without


def test_what_is_left_of_a_withdrawn_bag_is_found_wherever_it_lies(published: Archive) -> None:
    bag = bag_of(published, 1)
    sign(
        published,
        NOW,
        edition=withdrawing(bag.id),
        rows=lambda rows: [row for row in rows if row["bag"] != bag.id],
    )
    (published.public / "bags" / bag.id).unlink()
    (published.public / "targets" / bag.torrent.path).unlink()
    assert kinds(published) == set()
    for place in (f"bags/{bag.id}", f"bags/.partial-{bag.id}", f"restricted/FR/bags/{bag.id}"):
        left = published.public / place / "data" / "Tone 0.flac"
        left.parent.mkdir(parents=True)
        left.write_bytes(b"sound")
        assert kinds(published) == {What.WITHDRAWN}
        shutil.rmtree(published.public / place)
    torrent = published.public / "targets" / "editions" / "7" / "torrents" / f"{bag.id}.torrent"
    torrent.parent.mkdir(parents=True)
    torrent.write_bytes(b"d")
    assert kinds(published) == {What.WITHDRAWN}


def test_a_bag_without_its_tag_manifest_is_not_merely_absent(published: Archive) -> None:
    (published.public / ".well-known" / "tdmrep.json").unlink()  # as in a mirror, which need not have all
    bag = bag_of(published, 1).id
    (writable(published, bag) / "tagmanifest-sha256.txt").unlink()
    assert kinds(published) == {What.MISSING}
    with served(published.public) as web:
        assert kinds(web.url) == {What.MISSING}


@pytest.mark.parametrize(
    "place",
    [
        "extra/leak.flac",
        "song.flac",
        "bags/.hidden/song.flac",
        "targets/song.flac",
        "targets/editions/1/torrents/song.torrent",
        f"targets/{'0' * 64}.edition.json",
        "restricted/FR/song.flac",
        "mining/song.flac",
        ".well-known/song.flac",
        "metadata/song.flac",
    ],
)
def test_nothing_else_is_public(published: Archive, place: str) -> None:
    (published.public / place).parent.mkdir(parents=True, exist_ok=True)
    (published.public / place).write_bytes(b"sound")
    assert kinds(published) == {What.UNLISTED}


@pytest.mark.parametrize(
    "place", ["index.html", "feed.atom", "copies.json", "mining/minable.csv", "metadata/9.targets.json"]
)
def test_pages_are_no_music(published: Archive, place: str) -> None:
    (published.public / place).write_bytes(b"fLaC\0\0\0\x22\xff")
    assert kinds(published) == {What.DAMAGED}


def test_empty_folders_are_nothing(published: Archive) -> None:
    (published.public / "targets" / "editions" / "9" / "torrents").mkdir(parents=True)
    (published.public / "restricted" / "FR" / "bags").mkdir(parents=True)
    assert kinds(published) == set()


def test_what_the_edition_says_of_a_bag_is_what_its_lines_say(published: Archive) -> None:
    sign(published, NOW, about=lambda data: data.replace(b"CC0-1.0", b"CC-BY-4.0"))
    assert kinds(published) == {What.CLAIM}
    sign(published, NOW, about=lambda data: b"".join(data.splitlines(keepends=True)[1:]))
    assert kinds(published) == set()  # nothing is said of a bag: then nobody takes it for what it may not be
    sign(published, NOW, about=lambda data: data + b"{}")
    assert kinds(published) == {What.DAMAGED}
    about = edition_of(published).about
    assert about is not None
    (published.public / "targets" / about.path).unlink()
    assert kinds(published) == {What.MISSING}


def followed_by(archive: Archive, change: Callable[[Edition], Edition] = lambda edition: edition) -> None:
    """Let the edition be followed by another, which is like it but for a change."""
    sign(archive, NOW)
    first = (archive.public / "targets" / "edition.json").read_bytes()
    before = Previous(1, hashlib.sha256(first).hexdigest())
    index = archive.public / "targets" / "editions" / "2" / "index.parquet"
    index.parent.mkdir(parents=True)
    shutil.copy(archive.public / "targets" / edition_of(archive).index.path, index)

    def second(edition: Edition) -> Edition:
        listed = replace(edition.index, path="editions/2/index.parquet")
        return change(replace(edition, number=2, previous=before, index=listed, date="2026-11-21T12:00:00Z"))

    sign(archive, NOW, edition=second, reissue=False)


def test_a_history_that_is_cut_is_found(published: Archive) -> None:
    followed_by(published)
    result, found = audited(published)
    assert (found, result.oldest) == ([], 1)
    for name in (published.public / "targets" / "editions" / "1").glob("*edition.json"):
        name.unlink()
    result, found = audited(published)
    assert ([fault.what for fault in found], result.oldest) == ([What.HISTORY], 2)
    (published.public / ".well-known" / "tdmrep.json").unlink()  # a mirror may lack it
    result, found = audited(published)
    assert (found, result.oldest) == ([], 2)


def test_an_edition_that_names_none_before_it_is_found(published: Archive) -> None:
    followed_by(published, lambda edition: replace(edition, previous=None))
    assert kinds(published) == {What.HISTORY}


def test_an_edition_dated_before_the_one_it_follows_is_found(published: Archive) -> None:
    followed_by(published, lambda edition: replace(edition, date="2026-11-21T10:00:00Z"))
    assert kinds(published) == {What.HISTORY}


def test_tombstones_do_not_shrink(published: Archive) -> None:
    other = {"recording": "00000000-0000-4000-8000-000000000000"}
    whole = stone(other, sha256=("0" * 64, "1" * 64), territory="FR")
    sign(published, NOW, edition=lambda edition: replace(edition, tombstones=(whole,)))
    followed_by(published)
    assert kinds(published) == set()
    for changes, expected in (
        ({"territory": "AQ"}, {What.HISTORY}),
        ({"sha256": ("0" * 64,)}, {What.HISTORY}),
        ({"territory": "DE FR"}, set()),
        ({"reinstated": "2026-11-21T11:00:00Z"}, set()),
    ):

        def with_it(edition: Edition, changes: Any = changes) -> Edition:
            return replace(edition, tombstones=(replace(whole, **changes),))

        sign(published, NOW, edition=with_it)
        assert kinds(published) == expected


def change_table(archive: Archive, name: str, change: Callable[[Path], None]) -> None:
    """Change a table of the catalogue; snapshot.json, manifests and torrent agree with it afterwards."""
    bag = bag_of(archive, 0).id
    folder = writable(archive, bag) / "data"
    change(folder / name)
    listed = json.loads((folder / "snapshot.json").read_text())
    for part in (part for parts in listed["tables"].values() for part in parts if part["file"] == name):
        part["sha256"] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        part["bytes"] = (folder / name).stat().st_size
        part["rows"] = pq.read_metadata(folder / name).num_rows
    (folder / "snapshot.json").write_text(json.dumps(listed))
    facts = {path: (path.stat().st_size, path.read_bytes()) for path in folder.rglob("*") if path.is_file()}
    hashed = {path.relative_to(folder.parent).as_posix(): fact for path, fact in facts.items()}

    def line(record: Record) -> None:
        size, data = hashed[record["path"]]
        record["size"], record["sha256"] = size, hashlib.sha256(data).hexdigest()

    change_lines(archive, bag, line)
    reseal(archive, bag)
    sign(archive, NOW)


def test_music_in_a_table_is_found(published: Archive) -> None:
    """Between its columns and its end, or in a column of another type."""

    def as_it_is(_file: Path) -> None:
        pass

    def between(file: Path) -> None:
        whole = file.read_bytes()
        footer = int.from_bytes(whole[-8:-4], "little") + 8
        file.write_bytes(whole[:-footer] + bytes(500_000) + whole[-footer:])

    def another_type(file: Path) -> None:
        table = pq.read_table(file)
        column = pa.array([b"sound"] * table.num_rows, pa.binary())
        pq.write_table(table.set_column(0, table.schema.names[0], column), file)

    for change, expected in ((as_it_is, False), (between, True), (another_type, True)):
        change_table(published, "artists.parquet", change)
        _, found = audited(published)
        assert ("data/artists.parquet" in {f.path for f in found if f.what is What.CATALOGUE}) is expected
        assert {f.path for f in found if f.what is What.CATALOGUE} <= {"data/artists.parquet"}


def test_music_is_no_catalogue_by_its_wave(published: Archive) -> None:
    sign(published, NOW, bag={"wave": 0})
    assert What.CATALOGUE in kinds(published)
    _, found = audited(published)
    reasons = [fault.reason for fault in found if fault.what is What.CATALOGUE and not fault.path]
    assert reasons == ["no edition has it for its catalogue"]


def test_statistics_of_an_index_are_not_believed(published: Archive) -> None:
    bag = bag_of(published, 1).id
    sign(published, NOW, rows=lambda rows: rows + [row for row in rows if row["bag"] == bag])
    _, found = audited(published)
    assert [(fault.what, "twice" in fault.reason) for fault in found] == [(What.CLAIM, True)]


def test_an_index_that_would_fill_the_disk_is_not_fetched(
    published: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = "phonotheque.mirrors.audit_index.shutil.disk_usage"
    monkeypatch.setattr(usage, lambda _: SimpleNamespace(free=9))
    with pytest.raises(PhonothequeError, match="room"):
        audited(published)


def test_a_line_with_more_statements_than_can_be_worked_through_is_not(published: Archive) -> None:
    def many(line: Record) -> None:
        statements(line).extend(statements(line) * 1000)

    bag = bag_of(published, 1).id
    change_lines(published, bag, many)
    reseal(published, bag)
    sign(published, NOW)
    _, found = audited(published)
    assert ["1001 statements" in one.reason for one in found if one.what is What.NO_BASIS] == [True, True]


def test_a_torrent_for_some_countries_must_be_private(published: Archive) -> None:
    narrow(published)
    sign(published, NOW, bag={"audience": "DE FR"}, private=False)
    assert kinds(published) == {What.AUDIENCE}


def test_a_bag_for_some_countries_must_not_be_shown_to_all_by_a_server(published: Archive) -> None:
    narrow(published)
    sign(published, NOW, bag={"audience": "DE FR"})
    with served(published.public) as web:
        assert kinds(web.url) == set()
        bag = bag_of(published, 1).id
        (published.public / "bags" / bag).symlink_to(published.bags / bag)
        assert kinds(web.url) == {What.AUDIENCE}
    assert kinds(published) == {What.UNLISTED}


def test_a_bag_says_once_for_whom_and_of_which_day_it_is(published: Archive) -> None:
    bag = bag_of(published, 1).id
    info = writable(published, bag) / "bag-info.txt"
    whole = info.read_text()
    for more in ("phonotheque-audience: FR\nPhonotheque-Audience: WORLD\n", "bagging-date: 2026-11-20\n"):
        info.write_text(whole + more)
        reseal(published, bag)
        sign(published, NOW)
        assert kinds(published) == {What.CLAIM}


def test_rules_on_mining_that_can_be_read_in_two_ways_are_none(published: Archive) -> None:
    place = published.public / ".well-known" / "tdmrep.json"
    place.write_text('[{"location": "/", "tdm-reservation": 0, "tdm-reservation": 1}]')
    assert kinds(published) == {What.MINING}
