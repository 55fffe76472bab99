"""What a mirror says of a recording: from its edition's index and its bags, without a catalogue."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonotheque.editions.index import SCHEMA
from phonotheque.mirrors.searchable import make
from phonotheque.model.errors import VerificationError
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.web.room.listed import Listed
from tests.postgresql import copy_tree
from tests.web.room.archives import (
    ARTIST_MBID,
    ISRCS,
    PUBLIC_REASON,
    RELEASE_MBID,
    SECRETS,
    Title,
    empty_mirror,
)
from tests.web.room.looking_at import described, links, words
from tests.web.room.visits import visiting

OPENING = "00000000-0000-4000-8000-0000000f0101"
NEVER_HELD = "00000000-0000-4000-8000-0000000f0202"


def ids_of(mirror: Archive) -> list[str]:
    (index,) = (mirror.public / "targets").glob("editions/2/*index*.parquet")
    return sorted(set(pq.read_table(index)["recording"].to_pylist()) - {None})


def test_a_mirror_tells_what_its_bags_tell(twin: Archive) -> None:
    with visiting(twin) as visit:
        shown = visit.text(f"en/recording/{OPENING}")
        told = words(shown)
        assert told.startswith("Recording Opening Ensemble Aurore")
        assert f"ISRC {ISRCS[Title.OPENING]}" in told
        assert "This mirror holds 1 master of it." in told
        assert "How many mirrors hold it is not known here." in told
        assert "May it be passed on? Worldwide: yes (attribution)" in told
        assert "/en/source/musicbrainz" in links(shown)
        assert described(shown)["license"] == ["https://creativecommons.org/licenses/by/4.0/"]
        (link,) = [one for one in links(shown) if one.startswith("/bags/")]
        assert visit.ask(link[1:]).status == 200
        assert visit.ask(f"fr/recording/{OPENING.upper()}").status == 308


def test_every_recording_of_the_edition_has_a_page(twin: Archive) -> None:
    with visiting(twin) as visit:
        found = ids_of(twin)
        assert len(found) == 5
        pages = [visit.text(f"fr/recording/{recording}") for recording in found]
        assert not [secret for secret in (*SECRETS, "Loose/") for page in pages if secret in page]
        # What is for France only is listed, and not held in Germany.
        assert sum("Ce miroir n’en détient aucun fichier." in page for page in pages) == 0
        assert sum("n’est pas détenu par ce miroir" in page for page in pages) == 1


def withdrawn_from(mirror: Archive) -> str:
    edition = json.loads((mirror.public / "targets" / "edition.json").read_text())
    (stone,) = edition["tombstones"]
    return str(stone["recording"])


def test_what_was_withdrawn_is_gone_with_its_reason(twin: Archive) -> None:
    with visiting(twin) as visit:
        answer = visit.ask(f"en/recording/{withdrawn_from(twin)}")
        assert answer.status == 410
        assert f"This recording was withdrawn: {PUBLIC_REASON}" in words(answer.data.decode())


def test_what_a_mirror_does_not_know_is_404(twin: Archive) -> None:
    with visiting(twin) as visit:
        for path in (
            "en/recording/00000000-0000-4000-8000-000000000000",
            f"en/recording/{ISRCS[Title.OPENING]}",
            f"fr/release/{OPENING}",
            f"en/artist/{OPENING}",
        ):
            assert visit.ask(path).status == 404
        assert visit.ask("en/rights/cc-by").status == 200


def test_a_mirror_with_a_catalogue_shows_it_beside_its_bags(twin: Archive, tmp_path: Path) -> None:
    copy_tree(twin.folder, tmp_path / "mirror")
    mirror = open_archive(tmp_path / "mirror")
    make(mirror)
    with visiting(mirror) as visit:
        shown = visit.text(f"en/recording/{OPENING}")
        assert "Listens 48,211" in words(shown)
        assert f"/en/release/{RELEASE_MBID}" in links(shown)
        assert "This mirror holds 1 master of it." in words(shown)
        assert visit.ask(f"en/recording/{ISRCS[Title.OPENING]}").status == 308
        known = words(visit.text(f"en/recording/{NEVER_HELD}"))
        assert "This mirror holds no file of it." in known
        assert "data-play-all" in visit.text(f"en/release/{RELEASE_MBID}")
        assert visit.ask(f"en/artist/{ARTIST_MBID}").status == 200
        gone = visit.text(f"en/recording/{withdrawn_from(mirror)}")
        assert f"The reason: {PUBLIC_REASON}" in words(gone)
        assert "/stream/" not in gone
    mirror.close()


@pytest.mark.once("asks of the ledger nothing: there is none")
def test_a_mirror_that_heard_nothing_yet_says_so(tmp_path: Path) -> None:
    with visiting(empty_mirror(tmp_path / "mirror")) as visit:
        assert visit.ask(f"en/recording/{OPENING}").status == 404


def test_an_index_is_asked_by_recording(tmp_path: Path) -> None:
    rows = [
        dict.fromkeys(SCHEMA.names) | {"recording": one, "bag": bag, "path": "data/a", "size": 1}
        for bag, one in (
            ("a", "11111111-1111-4111-8111-111111111111"),
            ("a", None),
            ("b", "11111111-1111-4111-9111-111111111111"),  # the same eight bytes at its beginning
            ("c", "no id"),
            ("c", "11111111-1111-4111-8111-111111111111"),
        )
    ]
    place = tmp_path / "index.parquet"
    with pq.ParquetWriter(place, SCHEMA) as writer:
        for bag in "abc":
            some = [row for row in rows if row["bag"] == bag]
            writer.write_table(pa.Table.from_pylist(some, schema=SCHEMA))
    listed = Listed(place)
    assert [file.bag for file in listed.files("11111111-1111-4111-8111-111111111111")] == ["a", "c"]
    assert [file.bag for file in listed.files("11111111-1111-4111-9111-111111111111")] == ["b"]
    assert listed.files("22222222-1111-4111-8111-111111111111") == []
    assert listed.files("no id") == []


def test_what_is_no_index_is_said_to_be_none(tmp_path: Path) -> None:
    place = tmp_path / "index.parquet"
    place.write_bytes(b"PAR1 nothing")
    with pytest.raises(VerificationError, match=r"index\.parquet is no index of an edition"):
        Listed(place).files("11111111-1111-4111-8111-111111111111")
