"""One setting is changed, and every other character of the file stays."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.errors import PhonothequeError
from phonotheque.vault.settings_file import set_in_file, with_setting

URL = "postgresql://me@host/name"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", '[ledger]\nurl = "X"\n'),
        ("# mine\n[archive]\nname = 'a'", "# mine\n[archive]\nname = 'a'\n\n[ledger]\nurl = \"X\"\n"),
        ("[archive]\nname = 'a'\n", "[archive]\nname = 'a'\n\n[ledger]\nurl = \"X\"\n"),
        ("[ledger]", '[ledger]\nurl = "X"\n'),
        (
            "[ledger]  # where\n# why\n[publish]\nurl = 'u'\n",
            '[ledger]  # where\nurl = "X"\n# why\n[publish]\nurl = \'u\'\n',
        ),
        ('[ledger]\n  url="old" # was\n', '[ledger]\n  url="X" # was\n'),
        ("[publish]\nurl = 'u'\n[ledger]\nurl = 'a#b'\n", "[publish]\nurl = 'u'\n[ledger]\nurl = \"X\"\n"),
        ("[a]\r\nb = 1\r\n", '[a]\r\nb = 1\r\n\r\n[ledger]\r\nurl = "X"\r\n'),
    ],
)  # fmt: skip
def test_only_the_setting_changes(before: str, after: str) -> None:
    assert with_setting(before, "ledger", "url", URL) == after.replace("X", URL)


@pytest.mark.parametrize(
    "text",
    [
        'ledger = {url = "a"}\n',
        'ledger.url = "a"\n',
        '[archive]\nname = """\n[ledger]\nurl = "not this"\n"""\n[ledger]\nurl = "a"\n',
        'ledger = "a"\n',
        '[ledger]\nurl = """a"""\n',
        '[[ledger]]\nurl = "a"\n',
    ],
)
def test_what_is_not_understood_is_left_alone_and_told(tmp_path: Path, text: str) -> None:
    path = tmp_path / "phonotheque.toml"
    path.write_text(text)
    with pytest.raises(PhonothequeError, match=r"phonotheque\.toml: \[ledger\] url cannot") as caught:
        set_in_file(path, "ledger", "url", URL)
    assert URL in caught.value.advice
    assert path.read_text() == text


@given(st.text())
def test_any_text_is_one_value(value: str) -> None:
    changed = with_setting('[ledger]\nurl = "a" # b\n', "ledger", "url", value)
    assert changed is None or tomllib.loads(changed) == {"ledger": {"url": value}}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("[mirror]\nbudget = 1_000 # small\n", "[mirror]\nbudget = 2000 # small\n"),
        ('[mirror]\nbudget = "1TB"\n', "[mirror]\nbudget = 2000\n"),
        ("[mirror]\nonly = ''\n", "[mirror]\nbudget = 2000\nonly = ''\n"),
        ("[mirror]\nbudget = 1.5\n", None),
        ("[mirror]\nbudget = 0x10\n", None),
    ],
)
def test_a_number_is_set_where_a_number_or_a_text_was(before: str, after: str | None) -> None:
    assert with_setting(before, "mirror", "budget", 2000) == after


def test_a_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    real = tmp_path / "real.toml"
    real.write_text("[ledger]\n")
    real.chmod(0o600)
    link = tmp_path / "phonotheque.toml"
    link.symlink_to(real)
    set_in_file(link, "ledger", "url", URL)
    assert link.is_symlink()
    assert (real.stat().st_mode & 0o777, real.read_text()) == (0o600, f'[ledger]\nurl = "{URL}"\n')
