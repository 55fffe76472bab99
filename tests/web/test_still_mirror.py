"""A mirror writes its own plain pages, of what it verified; all that they lead to lies there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from phonotheque.ledger.holdings import HoldingState, all_holdings, let_go
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.web.still import placing
from phonotheque.web.still.writing import write_still
from tests.postgresql import copy_tree
from tests.web.room.archives import SECRETS, Title
from tests.web.still_tree import assert_whole, pages, room_files, told

pytestmark = pytest.mark.once("about files; tests/web/room and tests/mirrors ask the ledger")


@pytest.fixture
def mirror(twin: Archive, tmp_path: Path, own_settings: Path) -> Iterator[Archive]:
    copy_tree(twin.folder, tmp_path / "twin")
    archive = open_archive(tmp_path / "twin")
    yield archive
    archive.close()


def test_a_mirror_writes_pages_that_any_web_server_can_show(mirror: Archive) -> None:
    public = mirror.public
    before = {path.relative_to(public) for path in public.rglob("*")}
    assert write_still(mirror) > 20
    assert_whole(public)
    assert room_files(public) == placing.written(mirror)
    rows = told(public, "recordings")
    assert {row["title"] for row in rows} >= {Title.OPENING, Title.SECOND_AIR, Title.HOSTILE}
    assert not {row["title"] for row in rows} & {Title.FRANCE, Title.TAKEN_BACK, Title.ONLY_KEPT}
    for row in rows:
        assert (public / "bags" / row["bag"] / row["path"]).is_file()
    assert {row["title"] for row in told(public, "titles")} == {row["title"] for row in rows}
    assert {row["recording"] for row in told(public, "isrcs")} == {row["recording"] for row in rows}
    for page in pages(public):
        assert not [secret for secret in SECRETS if secret in page.read_text()]
    placing.remove(mirror)
    assert {path.relative_to(public) for path in public.rglob("*")} == before


def test_what_it_does_not_hold_is_looked_up_in_vain_and_no_link(mirror: Archive) -> None:
    with mirror.ledger.connect() as ledger:
        held = [bag for bag, one in all_holdings(ledger).items() if one.state is HoldingState.COMPLETE]
    gone = next(bag for bag in held if "0002-0001" in bag)
    (mirror.public / "bags" / gone).unlink()
    shutil.rmtree(mirror.bags / gone)
    with mirror.ledger.begin() as ledger:
        ledger.exec_driver_sql(f"UPDATE holdings SET state = 'wanted' WHERE bag_id = '{gone}'")
    assert write_still(mirror)
    assert_whole(mirror.public)
    assert gone not in {row["bag"] for row in told(mirror.public, "recordings")}
    assert (mirror.public / "en" / "bag" / gone / "index.html").is_file()


def test_a_bag_that_had_to_go_meanwhile_is_told_no_more(
    mirror: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = placing.put
    gone = "library-sons-0001-0001-r2"

    def put(archive: Archive, fresh: Path) -> None:
        with archive.ledger.begin() as ledger:
            let_go(ledger, gone, HoldingState.WITHDRAWN)
        real(archive, fresh)

    monkeypatch.setattr(placing, "put", put)
    assert write_still(mirror)
    assert gone not in {row["bag"] for row in told(mirror.public, "recordings")}
    assert not (mirror.public / "en" / "bag" / gone).exists()
    assert write_still(mirror)
    assert_whole(mirror.public)
    assert not (mirror.public / "fr" / "bag" / gone).exists()
