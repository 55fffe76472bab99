"""Pages that a mirror wrote as plain files name a bag no more once it has to go."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from phonotheque.mirrors.home import open_mirror
from tests.mirrors.mirror_publisher import Publisher, music
from tests.mirrors.mirror_runs import run

pytestmark = [pytest.mark.ledger, pytest.mark.once("about files; other tests here ask the ledger")]


def test_a_withdrawn_bag_goes_from_plain_pages_with_its_files(published: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    run(mirror)
    for bag in ("audio-1", "audio-2"):
        page = mirror.public / "fr" / "bag" / bag / "index.html"
        page.parent.mkdir(parents=True)
        page.write_text(bag)
    rows = [
        {"recording": "r1", "bag": "audio-1", "path": "data/1.ogg"},
        {"recording": "r2", "bag": "audio-2", "path": "data/1.ogg"},
        {"recording": "r3", "bag": "audio-1", "path": "data/2.ogg"},
    ]
    (mirror.public / "look-up").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), mirror.public / "look-up" / "recordings.parquet")
    pq.write_table(pa.table({"recording": ["r1", "r2"]}), mirror.public / "look-up" / "titles.parquet")
    published.revise("audio-1", next(iter(music("audio-1"))), edition=2)
    published.publish(2)
    run(mirror)
    assert not (mirror.public / "fr" / "bag" / "audio-1").exists()
    assert (mirror.public / "fr" / "bag" / "audio-2" / "index.html").exists()
    for name in ("recordings", "titles"):
        table = pq.read_table(mirror.public / "look-up" / f"{name}.parquet")
        assert table["recording"].to_pylist() == ["r2"]
    mirror.close()
