"""The pages of sources, accessions and labels, and what the archive says of itself."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

import pytest

from phonotheque.ledger.files import Accession, accessions_after
from phonotheque.vault.archive import Archive
from phonotheque.web.room.published import Published
from tests.conftest import MakeArchive
from tests.web.report_archive import HOSTILE, small_archive
from tests.web.room.archives import SECRETS, Title, empty_mirror
from tests.web.room.visits import visiting

pytestmark = pytest.mark.ledger


def accessions_of(archive: Archive) -> list[Accession]:
    with archive.ledger.connect() as ledger:
        return accessions_after(ledger, None, 100)


def test_an_accession_says_whence_and_when_and_what_it_brought(library: Archive) -> None:
    found = {one.source: one for one in accessions_of(library)}
    with visiting(library) as visit:
        text = visit.text(f"en/accession/{found['folder'].id}")
        assert "8 files of music" in text
        assert Title.OPENING in text
        assert Title.TAKEN_BACK not in text
        assert text.count("taken back") == 1
        assert "/en/source/folder" in text
        place = re.search(r'href="/(en/recording/[0-9a-f]{64})"', text)
        assert place is not None
        assert visit.ask(place[1]).status == 308
        assert "it brought facts" in visit.text(f"en/accession/{found['musicbrainz'].id}")
        assert str(library.folder.parent) not in text
        assert not [secret for secret in SECRETS if secret in text]
        listed = visit.text("en/accessions")
        assert all(f"/en/accession/{one.id}" in listed for one in found.values())
        for wrong in ("none", "%00", "a" * 36, "é" * 36):
            assert visit.ask(f"en/accession/{quote(wrong, safe='%')}").status == 404, wrong
        assert visit.ask(f"en/accession/{found['folder'].id}?after=x").status == 400
        assert "no more files" in visit.text(f"en/accession/{found['folder'].id}?after=99999999")
        assert visit.ask("en/accessions?before=nonsense").status == 400
        last = accessions_of(library)[0]
        assert "no earlier accessions" in visit.text(f"en/accessions?before={last.started_at}~{last.id}")


def test_sources_have_their_accessions(library: Archive, twin: Archive) -> None:
    with visiting(library) as visit:
        text = visit.text("en/sources")
        assert "/en/source/musicbrainz" in text
        found = {one.source: one for one in accessions_of(library)}
        text = visit.text("en/source/musicbrainz")
        assert found["musicbrainz"].id in text
        assert found["folder"].id not in text
        assert visit.ask("en/source/none").status == 404
        assert visit.ask("en/source/..%2Fx").status == 404
    with visiting(twin) as visit:
        visit.text("en/sources")
        assert "A mirror does not know" in visit.text("en/accessions")
        assert visit.ask(f"en/accession/{found['folder'].id}").status == 404


def test_labels_lead_to_their_releases(library: Archive) -> None:
    with visiting(library) as visit:
        text = visit.text("en/labels")
        place = re.search(r'href="/(en/label/Aurore%20Records)"', text)
        assert place is not None
        text = visit.text(place[1])
        assert "First Light" in text
        assert "AUR 1" in text
        release = re.search(r'href="/(en/release/[^"]+)"', text)
        assert release is not None
        assert visit.ask(release[1]).status == 200
        answer = visit.ask("fr/label/aurore%20records")
        assert (answer.status, answer.headers["location"]) == (308, "/fr/label/Aurore%20Records")
        assert "Aurore Records" in visit.text("en/labels?begin=aur")
        assert "No label begins so." in visit.text("en/labels?begin=zz")
        assert "no more labels" in visit.text("en/labels?after=zz")
        for wrong, status in (("label/none", 404), ("label/" + "x" * 600, 400), ("label?name=", 404)):
            assert visit.ask(f"en/{wrong}").status == status
        assert visit.ask("en/label/Aurore%20Records?from=-1").status == 400
        assert "no more releases" in visit.text("en/label/Aurore%20Records?from=50")


def test_what_the_archive_is_and_how_to_verify_it(library: Archive, twin: Archive) -> None:
    for archive in (library, twin):
        fingerprint = str(Published(archive).fingerprint())
        with visiting(archive) as visit:
            for language in ("en", "fr"):
                text = visit.text(f"{language}/about")
                assert fingerprint in text
                assert "timestamp" in text
                assert str(archive.folder) not in text
                assert str(library.folder) not in text
                assert not [secret for secret in SECRETS if secret in text]
    with visiting(twin) as visit:
        assert "mirror of Library &amp; Sons" in visit.text("en/about")


def test_places_of_nothing_and_of_hostile_names(make_archive: MakeArchive, tmp_path: Path) -> None:
    archive = make_archive()
    mirror = empty_mirror(tmp_path / "mirror")
    for empty in (archive, mirror):
        with visiting(empty) as visit:
            for place in ("sources", "accessions", "labels", "about", "editions", "bags", "mirror"):
                for language in ("en", "fr"):
                    visit.text(f"{language}/{place}")
            for place in ("source/x", "accession/x", "label/x", "edition/1", "bag/x"):
                assert visit.ask(f"en/{place}").status == 404, place
    mirror.close()
    hostile = small_archive(tmp_path / "hostile", name=HOSTILE, title=HOSTILE)
    with visiting(hostile) as visit:
        taken = accessions_of(hostile)[0]
        for place in (
            f"accession/{taken.id}",
            "sources",
            "labels",
            "about",
            "bags",
            "editions",
            "accessions",
        ):
            answer = visit.ask(f"en/{place}")
            assert answer.status == 200, place
            assert "<script>alert" not in answer.data.decode()
    hostile.close()
