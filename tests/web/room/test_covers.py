"""Pictures beside music: small ones, of our own making, to whom they may be shown."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from phonotheque.ledger.bags import where_bagged
from phonotheque.ledger.schema import files
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.web.room import covers
from tests.postgresql import copy_tree
from tests.web.room.visits import visiting

pytestmark = pytest.mark.ledger


@pytest.fixture(autouse=True)
def nothing_made_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the process that makes pictures, and forget the pictures."""
    monkeypatch.setattr(covers._MAKERS, "_kept", type(covers._MAKERS._kept)())


def cover_of(archive: Archive) -> str:
    with archive.ledger.connect() as ledger:
        return str(ledger.execute(select(files.c.sha256).where(files.c.kind == "sidecar")).scalar_one())


def test_a_cover_is_a_small_jpeg(library: Archive, twin: Archive) -> None:
    path = f"cover/{cover_of(library)}"
    for archive in (library, twin):
        with visiting(archive) as visit:
            answer = visit.ask(path, timeout=60)
            assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
            with Image.open(BytesIO(answer.data)) as picture:
                assert (picture.format, picture.size) == ("JPEG", (96, 96))
            assert visit.ask(path, headers={"If-None-Match": answer.headers["etag"]}).status == 304
            assert visit.ask(f"{path}?size=150", timeout=60).headers["etag"] != answer.headers["etag"]
            assert visit.ask(path, "HEAD").status == 200


@pytest.mark.parametrize("query", ["?size=0", "?size=99999999", "?size=x"])
def test_sizes_are_bounded(library: Archive, query: str) -> None:
    with visiting(library) as visit:
        assert visit.ask(f"cover/{cover_of(library)}{query}").status in (400, 422)


def test_music_is_no_cover(library: Archive) -> None:
    with library.ledger.connect() as ledger:
        music = ledger.execute(select(files.c.sha256).where(files.c.kind == "master").limit(1)).scalar_one()
    with visiting(library) as visit:
        for name in (music, "0" * 64, "x", "../x"):
            assert visit.ask(f"cover/{name}").status == 404


def test_what_cannot_be_decoded_is_not_shown(library: Archive, tmp_path: Path, own_settings: Path) -> None:
    copy_tree(library.folder, tmp_path / "copy")
    archive = open_archive(tmp_path / "copy")
    sha256 = cover_of(archive)
    with archive.ledger.connect() as ledger:
        (row,) = ledger.execute(select(files.c.id).where(files.c.sha256 == sha256)).all()
        place = archive.bags / Path(*where_bagged(ledger, [row.id])[row.id])
    place.chmod(0o644)
    place.write_bytes(b"<svg onload='alert(1)'/>")
    with visiting(archive) as visit:
        assert visit.ask(f"cover/{sha256}", timeout=60).status == 404
    archive.close()


def test_too_many_wait_for_none(library: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(covers, "_PATIENCE", 0.0)
    with visiting(library) as visit, covers._MAKERS._making:
        answer = visit.ask(f"cover/{cover_of(library)}")
        assert answer.status == 503
        assert answer.headers["retry-after"] == "5"
