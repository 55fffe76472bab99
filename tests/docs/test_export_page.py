"""The how-to on exporting does what it says: it is typed as it stands, and prints what it shows."""

from __future__ import annotations

import re
from pathlib import Path

import bagit
import pytest

from phonotheque.editions.export.purposes import NEEDS, Purpose
from phonotheque.model.rights import Act
from tests.docs.docs_pages import DOCS, table
from tests.docs.test_walkthrough import follow, new_console, told

PAGE = DOCS / "how-to" / "export-music.md"


@pytest.mark.ledger
def test_the_page_is_followed_step_by_step(tmp_path: Path) -> None:
    console = new_console(tmp_path)
    follow(PAGE, console)
    printed = [" ".join(line.split()) for text in console.said for line in text.splitlines()]
    for line in told(PAGE):
        pattern = re.escape(" ".join(line.split())).replace("…", ".*")
        assert any(re.fullmatch(pattern, said) for said in printed), f"nobody said: {line}"
    assert bagit.Bag(str(console.folder / "For-the-library")).validate()
    assert list((console.folder / "For-training" / "shards").glob("*.tar"))


def test_the_acts_that_a_purpose_needs_are_those_of_the_code() -> None:
    rows = table(PAGE, "## What has to be allowed")
    written = {row[0].strip("`"): row[1] for row in rows}
    assert written == {purpose.value: in_words(purpose) for purpose in Purpose}


def in_words(purpose: Purpose) -> str:
    def named(acts: tuple[Act, ...]) -> str:
        return " and ".join(act.value for act in acts)

    return " or ".join(map(named, NEEDS[purpose]))
