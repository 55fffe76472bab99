"""Ways around an audit: what hides a file, a withdrawal or a date is found all the same."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from phonotheque.editions.audit import What
from phonotheque.editions.edition import Edition, Tombstone
from phonotheque.vault.archive import Archive
from tests.mirrors.audits import NOW, audited, kinds, stone
from tests.mirrors.forging import Record, bag_of, change_lines, reseal, sign, writable

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
        change_lines(published, bag, lambda line, named=recording: line.update(recordings=[named]))
        reseal(published, bag)

        def rows(listed: list[Record], index: str | None = index) -> list[Record]:
            own = [row for row in listed if row["bag"] == bag_of(published, 2).id]
            return [row | {"recording": index} for row in own] or listed

        tombstone = stone({"recording": elsewhere})
        sign(
            published,
            NOW,
            rows=rows,
            edition=lambda edition, one=tombstone: replace(edition, tombstones=(one,)),
        )
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
