"""A bag that was sealed while no edition lists it is published nowhere, on pages neither."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import update

from phonotheque.ledger.schema import bags
from phonotheque.vault.archive import Archive, open_archive
from tests.postgresql import copy_tree
from tests.web.room.looking_at import links, words
from tests.web.room.visits import visiting

pytestmark = pytest.mark.ledger
OPENING = "00000000-0000-4000-8000-0000000f0101"


def test_what_an_interrupted_publish_sealed_is_not_published(library: Archive, tmp_path: Path) -> None:
    copy_tree(library.folder, tmp_path / "copy")
    archive = open_archive(tmp_path / "copy")
    with visiting(archive) as visit:
        before = visit.text(f"en/recording/{OPENING}")
        with archive.ledger.begin() as ledger:
            ledger.execute(update(bags).values(edition=3))
        after = visit.text(f"en/recording/{OPENING}")
        told = json.loads(visit.text(f"api/v1/recordings/{OPENING}"))
    archive.close()
    assert [link for link in links(before) if "/bag/" in link]
    assert not [link for link in links(after) if "/bag" in link and "library-sons" in link]
    assert "This archive keeps 2 masters of it." in words(after)
    assert told["published"] == []
