"""The demonstration says where the plain pages are that its publishing wrote, if any are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from phonotheque.cli.demo import command
from phonotheque.cli.demo.tour import Tour


@pytest.mark.parametrize("wanted", [True, False])
def test_it_says_where_plain_pages_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: bool) -> None:
    def tour(folder: Path, _music: Path, **_more: Any) -> Tour:
        page = folder / "archive" / "public" / "en" / "index.html"
        if wanted:
            page.parent.mkdir(parents=True)
            page.touch()
        return Tour(("Published  edition 1",), folder / "archive", "report.html")

    monkeypatch.setattr(command, "run_tour", tour)
    (tmp_path / "music").mkdir()
    words = ["--music", str(tmp_path / "music"), "--into", str(tmp_path / "demo")]
    said = CliRunner().invoke(command.demo_command, words, catch_exceptions=False).output
    where = "demo/archive/public/en/index.html"
    assert (where in said.replace("\n", "")) is wanted
