"""The source in docs/how-to/write-a-source.md is one."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from tests.docs.docs_pages import DOCS, blocks
from tests.sources.reading import read_all, said


def test_the_source_on_the_page_reads_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (written,) = [block for block in blocks(DOCS / "how-to" / "write-a-source.md") if block.kind == "python"]
    module = ModuleType("source_on_the_page")
    monkeypatch.setitem(sys.modules, module.__name__, module)  # a source is pickled by name
    exec(compile(written.text, "write-a-source.md", "exec"), module.__dict__)
    (tmp_path / "a.list").write_bytes(b"GBAYE6800011\tOpening\tAnn Field\nbroken\n\nx\tB\xff\tC\n")
    read = read_all(module.__dict__["SOURCE"], tmp_path)
    (fact,) = read.facts
    assert said(fact, "source_id", "title", "artists", "isrcs") == {
        "source_id": "a:1",
        "title": "Opening",
        "artists": ["Ann Field"],
        "isrcs": ["GBAYE6800011"],
    }
    assert [record["raw"] for record in read.records] == ["GBAYE6800011\tOpening\tAnn Field"]
    assert [reject["position"] for reject in read.rejects] == [2, 4]
