"""What comes back from those who sign is theirs: nothing else of it gets into an archive's root."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from phonotheque.cli.keys import keys_command
from phonotheque.editions.keys import create_keys, load_public, load_signer, write_key
from phonotheque.editions.roots import (
    WAITING,
    accept,
    add_root_key,
    countersign,
    present_root,
    propose,
    read_root,
    set_threshold,
)
from phonotheque.editions.trust import init_repository
from phonotheque.model.errors import UsageError, VerificationError
from tests.mirrors.mirror_publisher import NOW


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tree of which Ann and Bob sign roots; ``ann.json``: Ann's answer to one that asks for two."""
    public, keys = tmp_path / "public", tmp_path / "keys"
    create_keys(keys)
    init_repository(public, keys, now=NOW)
    for name in ("ann", "bob"):
        propose(public, keys, add_root_key(write_key(tmp_path / f"{name}.pem")), now=NOW)
    propose(public, keys, set_threshold(2), now=NOW)
    sent = tmp_path / "ann.json"
    sent.write_bytes((keys / WAITING).read_bytes())
    countersign(sent, load_signer(tmp_path / "ann.pem"), present_root(public))
    return tmp_path


def altered(file: Path, change: Any) -> Path:
    known = json.loads(file.read_bytes())
    change(known["signatures"])
    file.write_text(json.dumps(known, separators=(",", ":")))
    return file


def test_of_what_comes_back_only_signatures_that_count_are_taken(folder: Path) -> None:
    """Junk would make the root larger than mirrors read, for ever."""
    junk = [{"keyid": f"{number:064x}", "sig": "0" * 10} for number in range(4000)]

    def fill(signatures: list[dict[str, str]]) -> None:
        for signature in signatures:
            signature["note"] = "x" * 1000
        signatures += junk

    sent = altered(folder / "ann.json", fill)
    assert sent.stat().st_size > 300_000
    assert accept(folder / "public", folder / "keys", [sent], now=NOW).complete
    root = folder / "public" / "metadata" / "4.root.json"
    assert root.stat().st_size < 5000
    assert len(read_root(root).signatures) == 2


def test_a_wrong_signature_takes_the_place_of_no_good_one(folder: Path) -> None:
    waiting = folder / "keys" / WAITING
    before = waiting.read_bytes()
    own = next(iter(read_root(waiting).signatures))

    def forge(signatures: list[dict[str, str]]) -> None:
        next(one for one in signatures if one["keyid"] == own)["sig"] = "00" * 64

    sent = altered(folder / "ann.json", forge)
    with pytest.raises(VerificationError, match=f"ann.json: the signature of the key {own[:8]} is wrong"):
        accept(folder / "public", folder / "keys", [sent], now=NOW)
    assert waiting.read_bytes() == before


def test_a_root_that_mirrors_would_not_read_is_not_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import phonotheque.editions.roots as roots

    waiting = folder / "keys" / WAITING
    before = waiting.read_bytes()
    monkeypatch.setattr(roots, "_MAX_BYTES", len(before) + 100)
    with pytest.raises(UsageError, match="clients read"):
        propose(folder / "public", folder / "keys", add_root_key(write_key(folder / "more.pem")), now=NOW)
    assert waiting.read_bytes() == before


def run(*words: object, **options: Any) -> Result:
    return CliRunner().invoke(keys_command, [str(word) for word in words], catch_exceptions=False, **options)


def test_a_root_is_looked_at_before_it_is_signed_and_one_that_is_refused_is_not_signed(folder: Path) -> None:
    present, sent = folder / "public" / "metadata" / "3.root.json", folder / "for-bob.json"
    sent.write_bytes((folder / "keys" / WAITING).read_bytes())
    before = sent.read_bytes()
    looked = run("look", sent, "--after", present)
    assert "root: 2 signatures instead of 1" in looked.stderr
    assert "Root 4, as" in looked.stdout
    assert sent.read_bytes() == before
    odd = read_root(sent)
    odd.signed.version = 9
    sent.write_bytes(odd.to_bytes())
    before = sent.read_bytes()
    with pytest.raises(VerificationError, match="has version 9"):
        run("sign", sent, folder / "bob.pem", "--after", present)
    assert sent.read_bytes() == before


def test_a_key_pair_of_which_only_the_private_half_was_written_is_made_whole(tmp_path: Path) -> None:
    key = write_key(tmp_path / "ann.pem")
    run("new", tmp_path / "ann.pem")
    assert load_public(tmp_path / "ann.pem.pub").keyid == key.keyid
    with pytest.raises(UsageError, match=r"ann\.pem\.pub exists"):
        run("new", tmp_path / "ann.pem")
