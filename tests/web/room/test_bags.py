"""The pages of bags."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from phonotheque.editions.edition import Edition, read_edition
from phonotheque.ledger.copy_counts import Count, counts, save_counts
from phonotheque.ledger.mirrors import number_bags
from phonotheque.mirrors.copies import BagCopies, Copies, write_copies
from phonotheque.mirrors.whereabouts import may_hold
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.web.guard import Visitors
from tests.conftest import ARCHIVE_ID, MakeArchive
from tests.postgresql import copy_tree
from tests.web.room.archives import SECRETS, empty_mirror
from tests.web.room.visits import visiting

pytestmark = pytest.mark.ledger


def edition_of(archive: Archive) -> Edition:
    return read_edition((archive.public / "targets" / "edition.json").read_bytes())


def test_a_bag_tells_what_it_is_how_to_have_it_and_how_to_verify_it(library: Archive) -> None:
    bag = next(bag for bag in edition_of(library).bags if bag.wave == 1 and bag.audience == "WORLD")
    with visiting(library) as visit:
        text = visit.text(f"en/bag/{bag.id}")
        assert bag.tagmanifest_sha256 in text
        assert bag.torrent.infohash_v2 in text
        assert "everybody" in text
        assert "CC-BY" in text
        assert "Payload-Oxum" in text
        torrent = re.search(r'href="/(targets/[^"]+\.torrent)"', text)
        assert torrent is not None
        assert visit.ask(torrent[1]).status == 200
        magnet = re.search(r'href="(magnet:[^"]+)"', text)
        assert magnet is not None
        assert f"urn:btih:{bag.torrent.infohash_v1}" in magnet[1]
        assert "ws=https://music.example.org/bags/" in unquote(magnet[1])
        files = re.findall(r'<th scope="row"[^>]*><a href="/(bags/[^"]+)">', text)
        assert len(files) == bag.payload_files
        for file in files:
            assert visit.ask(file, "HEAD").status == 200
        recording = re.search(r'href="/en/(recording/[^"]+)"', text)
        assert recording is not None
        assert visit.ask(recording[1].join(("en/", ""))).status in (200, 308)
    assert not [secret for secret in SECRETS if secret in text]


def test_what_is_for_one_country_has_no_links_elsewhere(library: Archive) -> None:
    bag = next(bag for bag in edition_of(library).bags if bag.audience == "FR")
    with visiting(library, Visitors(all_in="US")) as visit:
        text = visit.text(f"fr/bag/{bag.id}")
        assert "France" in text
        assert "magnet:" not in text
        assert ".torrent" not in text
        assert "/restricted/" not in text
    with visiting(library, Visitors(all_in="FR")) as visit:
        text = visit.text(f"en/bag/{bag.id}")
        assert "magnet:" in text
        files = re.findall(r'<th scope="row"[^>]*><a href="/(restricted/FR/bags/[^"]+)">', text)
        assert visit.ask(files[0]).status == 200


def test_a_bag_that_was_taken_back_is_gone_and_says_what_is_in_its_place(library: Archive) -> None:
    gone = edition_of(library).withdrawals[0]
    assert gone.replaced_by is not None
    with visiting(library) as visit:
        answer = visit.ask(f"en/bag/{gone.bag}")
        assert answer.status == 410
        assert f"/en/bag/{gone.replaced_by}" in answer.data.decode()
        assert f"/en/bag/{gone.bag}" in visit.text(f"en/bag/{gone.replaced_by}")


def test_bags_are_listed_and_nothing_after_the_last(library: Archive) -> None:
    edition = edition_of(library)
    with visiting(library) as visit:
        text = visit.text("en/bags")
        assert all(f"/en/bag/{bag.id}" in text for bag in edition.bags)
        assert "no more bags" in visit.text("en/bags?after=zzzz")
        assert visit.ask("en/bags?edition=1").status == 200
        for wrong in ("edition=x", "edition=-1", "edition=99999999999", f"after={'x' * 1000}"):
            assert visit.ask(f"en/bags?{wrong}").status == 400, wrong
        assert visit.ask("en/bags?edition=77").status == 404
        assert visit.ask("en/bag/none").status == 404
        assert visit.ask("en/bag/%00").status == 404


def test_a_mirror_says_what_it_holds(twin: Archive) -> None:
    with visiting(twin) as visit:
        for bag in edition_of(twin).bags:
            text = visit.text(f"en/bag/{bag.id}")
            held = may_hold("DE", bag.audience)
            assert ("This mirror holds all of it." in text) is held
            assert ("This mirror does not hold it." in text) is not held


def test_nothing_published_is_said_so(make_archive: MakeArchive) -> None:
    archive = make_archive()
    mirror = empty_mirror(archive.folder.parent / "mirror")
    for empty in (archive, mirror):
        with visiting(empty) as visit:
            assert "Nothing was published yet." in visit.text("en/bags")
            assert visit.ask("en/bag/any").status == 404
    mirror.close()


def test_copies_are_told_as_they_are_and_as_they_were(library: Archive, tmp_path: Path) -> None:
    copy_tree(library.folder, tmp_path / "copy")
    archive = open_archive(tmp_path / "copy")
    bag = next(bag for bag in edition_of(archive).bags if bag.wave == 1)
    since = "2026-11-25T00:00:00Z"
    with archive.ledger.begin() as ledger:
        numbers = number_bags(ledger)
        for day, count in (("2026-11-22", Count(2, 0)), ("2026-11-25", Count(4, 1, since))):
            save_counts(ledger, {bag.id: count}, counts(ledger), numbers, day)
    copies = Copies(ARCHIVE_ID, "2026-11-25T10:00:00Z", {bag.id: BagCopies(4, 1, since)})
    (archive.public / "copies.json").write_bytes(write_copies(copies))
    with visiting(archive) as visit:
        text = visit.text(f"en/bag/{bag.id}").replace("\u00a0", " ")
        rows = re.findall(
            r'<tr><th scope="row">([^<]*)</th><td class="n">(\d+)</td><td class="n">(\d+)', text
        )
        assert rows == [("22 November 2026", "0", "2"), ("25 November 2026", "1", "4")]
        assert "the oldest proof is of 25 November 2026" in text
        listed = visit.text("en/bags")
        assert re.search(r'<td class="n"[^>]*>1</td><td class="n"[^>]*>4</td>', listed)
    archive.close()
