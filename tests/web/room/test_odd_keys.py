"""Whatever stands in the address of a thing, the answer is in words; and the same by every ledger."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from sqlalchemy import select

from phonotheque.ledger.withdrawal_tables import withdrawal_items
from phonotheque.vault.archive import Archive, open_archive
from tests.postgresql import copy_tree
from tests.web.room.visits import visiting

pytestmark = pytest.mark.ledger
THINGS = (
    *(f"en/{kind}/" for kind in ("recording", "release", "artist", "label", "accession", "source", "bag")),
    *("en/edition/", "en/rights/", "en/figures/", "en/figures/drawn/", "en/request/", "en/staff/request/"),
    *("api/v1/", "api/v1/recordings/", "api/v1/releases/", "api/v1/artists/", "api/v1/labels/"),
    *("api/v1/bags/", "api/v1/editions/", "api/v1/sources/", "api/v1/accessions/", "api/v1/files/"),
    *("stream/", "cover/", "sitemap/recordings/", "feeds/", "rest/"),
)
QUERIES = (
    *("en/search?q=", "en/search?artist=", "en/search?after=", "en/labels?after=", "en/label?name="),
    *("en/accessions?after=", "en/bags?after=", "en/random?seed=", "en/rights?in=", "en/correct?find="),
    *("en/correct?what=", "en/mirror?in=", "api/v1/search?q=", "api/v1/recordings?isrc="),
    *("oai?verb=GetRecord&metadataPrefix=oai_dc&identifier=", "oai?verb=ListRecords&resumptionToken="),
    *(f"rest/{call}?v=1.16.1&c=t&id=" for call in ("getSong", "getAlbum", "stream", "getCoverArt")),
    *("rest/search3?v=1.16.1&c=t&query=", "rest/getUser?v=1.16.1&c=t&username=", "rest/ping?u="),
)
ODD = "x%00y"


@pytest.fixture(params=["library", "twin"])
def kind(request: pytest.FixtureRequest, library: Archive, twin: Archive) -> Archive:
    """Return the archive, and its mirror."""
    return library if request.param == "library" else twin


def test_nothing_is_so_odd_that_it_is_not_answered_in_words(kind: Archive) -> None:
    with visiting(kind) as visit:
        for path in (*THINGS, *QUERIES):
            answer = visit.ask(path + ODD)
            assert answer.status < 500, (path, answer.status)


def test_what_was_taken_back_is_gone_however_its_address_is_written(
    library: Archive, kind: Archive, tmp_path: Path
) -> None:
    with library.ledger.connect() as ledger:
        name = next(one.value for one in ledger.execute(select(withdrawal_items)) if one.kind == "recording")
    copy_tree(kind.folder, tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / "catalogue", ignore_errors=True)
    archive = open_archive(tmp_path / "copy")
    with visiting(archive) as visit:
        answers = [visit.ask(f"en/recording/{spelt}") for spelt in (name, name.upper(), f"{name}%00")]
    archive.close()
    assert [answer.status for answer in answers] == [410, 410, 404]
