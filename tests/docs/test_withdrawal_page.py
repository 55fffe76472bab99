"""The page on withdrawals is followed step by step, and comes to what it promises."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.docs.docs_pages import Line, command_lines
from tests.docs.test_walkthrough import HOW_TO, new_console

PAGE = HOW_TO / "ask-for-a-withdrawal.md"
pytestmark = pytest.mark.ledger


def test_a_withdrawal_is_asked_for_decided_and_reversed(tmp_path: Path) -> None:
    console = new_console(tmp_path)
    for line in command_lines(PAGE):
        text = line.text
        for number, example in enumerate(("1a2b3c4d", "5e6f7a8b")):
            if example in text:
                listed = json.loads(console.run(Line("phono withdraw list my-archive --json")))
                text = text.replace(example, listed[number]["id"][:8])
        console.run(Line(text, line.exits))
    listed = json.loads(console.run(Line("phono withdraw list my-archive --json")))
    assert [one["state"] for one in listed] == ["reversed", "refused"]
    steps = [step["step"] for step in listed[0]["steps"]]
    assert steps == ["requested", "held", "accepted", "reversed"]
    public = console.folder / "my-archive" / "public"
    edition = json.loads((public / "targets" / "edition.json").read_text())
    (bag,) = edition["withdrawals"]
    assert bag["replaced_by"] == f"{bag['bag']}-r2"
    (stone,) = edition["tombstones"]
    assert stone["reinstated"] is not None
    # Neither who asked nor why is public, nor the letter.
    bags = console.folder / "my-archive" / "vault" / "bags"
    files = [path for folder in (public, bags) for path in folder.rglob("*") if path.is_file()]
    everything = b"".join(path.read_bytes() for path in files)
    for private in (b"tones@example.org", b"Recorded without our consent", b"Please take our first note"):
        assert private not in everything
