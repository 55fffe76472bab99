from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.errors import PhonothequeError
from phonotheque.model.rights import Covers, Evidence, Kind
from phonotheque.rights import globs
from phonotheque.rights.folder import FolderRules, load_folder_rules

DEBIAN = """\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: Songs

Files: *
Copyright: 2001-2003, Ann Lee <ann@example.org>
           2004 Bo
License: CC-BY-SA-3.0

Files: free/* old?.ogg
Copyright: Nobody
License: public-domain
 Published in 1890.

Files: both.ogg
Copyright: Ann
License: GPL-2+ or CC-BY-3.0

Files: unclear.ogg
Copyright: Ann
License: CC-BY

License: CC-BY-SA-3.0
 The text of it.
"""


def rules(folder: Path, text: str | bytes, name: str = "rights.toml") -> FolderRules:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    found = load_folder_rules(folder)
    assert found is not None
    return found


def licences(evidence: Evidence) -> list[str | None]:
    assert not evidence.questions
    return [statement.licence for statement in evidence.statements]


def test_a_folder_without_rules(tmp_path: Path) -> None:
    assert load_folder_rules(tmp_path) is None
    (tmp_path / "debian").touch()  # a file where a folder might be
    assert load_folder_rules(tmp_path) is None


def test_unreadable_rules_are_not_absent_rules(tmp_path: Path) -> None:
    (tmp_path / "rights.toml").mkdir()
    with pytest.raises(IsADirectoryError):
        load_folder_rules(tmp_path)


def test_rights_toml_in_full(tmp_path: Path) -> None:
    found = rules(
        tmp_path,
        """
        [[rights]]
        files = ["*.flac", "disc 1/**"]
        licence = "http://creativecommons.org/licenses/by/3.0/at/"
        kind = "deposit"
        holder = "Ann"
        evidence = "agreement 7"
        covers = "recording"
        territory = "DE AT"
        asserted_by = "Ann herself"
        """,
    )
    (statement,) = found.evidence_for("a/b.flac").statements
    assert (statement.licence, statement.kind, statement.holder) == ("CC-BY-3.0-AT", Kind.DEPOSIT, "Ann")
    assert (statement.covers, statement.territory) == (Covers.RECORDING, "AT DE")
    assert (statement.evidence, statement.asserted_by) == ("agreement 7", "Ann herself")
    assert statement.evidence_origin == "rights.toml"
    assert found.evidence_for("disc 1/x/y.ogg").statements
    assert found.evidence_for("disc 2/y.ogg") == Evidence()


def test_defaults_of_rights_toml(tmp_path: Path) -> None:
    found = rules(tmp_path, '[[rights]]\nlicence = "CC-PDM-1.0"\nevidence = "label"\n')
    (statement,) = found.evidence_for("any/where.ogg").statements
    assert statement.kind is Kind.PUBLIC_DOMAIN
    assert statement.asserted_by == "rights.toml"
    assert rules(tmp_path, "").evidence_for("a.ogg") == Evidence()


def test_a_later_table_replaces_an_earlier_one_about_the_same_work(tmp_path: Path) -> None:
    found = rules(
        tmp_path,
        """
        [[rights]]
        licence = "CC-BY-4.0"
        evidence = "x"
        covers = "recording"

        [[rights]]
        kind = "public-domain"
        evidence = "composed in 1790"
        covers = "composition"

        [[rights]]
        kind = "mandate"
        evidence = "law"
        covers = "recording"

        [[rights]]
        files = "bonus.ogg"
        licence = "CC-BY-NC-4.0"
        evidence = "y"
        covers = "recording"
        """,
    )
    assert licences(found.evidence_for("a.ogg")) == ["CC-BY-4.0", None, None]
    assert licences(found.evidence_for("bonus.ogg")) == [None, None, "CC-BY-NC-4.0"]


@pytest.mark.parametrize(
    ("text", "message", "advice"),
    [
        ('[[rights]]\nlicence = "CC-BY-4.0"\n', "table 1: evidence: it is empty", "needs it"),
        ('[[rights]]\nlicence = "CC-BY-4.0"\nevidence = " "\n', "table 1: evidence: it is empty", "needs it"),
        ('[[rights]]\nevidence = "x"\n', "table 1: licence: it is missing", "Name it"),
        (
            '[[rights]]\nlicence = "CC-BY"\nevidence = "x"\n',
            "licence: “CC-BY” names no licence",
            "CC-BY-4.0, CC-BY-3.0",
        ),
        (
            '[[rights]]\nkind = "mandate"\nevidence = "x"\n[[rights]]\nlicense = "CC0-1.0"\nevidence = "x"\n',
            "table 2: there is no field “license”",
            "“licence”",
        ),
        ('[[rights]]\nlicence = 4\nevidence = "x"\n', "licence: it is not a text", "licence = "),
        ('[[rights]]\nlicence = "CC0"\nkind = "gift"\nevidence = "x"\n', "kind: “gift”", "deposit"),
        ('[[rights]]\nlicence = "CC0"\ncovers = "cover"\nevidence = "x"\n', "covers: “cover”", "recording"),
        (
            '[[rights]]\nlicence = "CC0"\nterritory = "Mars"\nevidence = "x"\n',
            "territory: “Mars”",
            "ISO 3166-1",
        ),
        ('[[rights]]\nlicence = "CC0"\nfiles = []\nevidence = "x"\n', "files: ", "*.flac"),
        ('[[rights]]\nlicence = "CC0"\nfiles = [1]\nevidence = "x"\n', "files: ", "*.flac"),
        ('[[rights]]\nlicence = "CC-BY-4.0"\nkind = "mandate"\nevidence = "x"\n', "mandate", "Leave it out"),
        ('[[rights]]\nlicence = "CC-BY-4.0"\nkind = "public-domain"\nevidence = "x"\n', "CC-BY-4.0", "Leave"),
        ('rights = "all"\n', "not a list of tables", "[[rights]]"),
        ('[rights]\nlicence = "CC0"\n', "not a list of tables", "[[rights]]"),
        ('licence = "CC0"\n', "“licence” is no part", "[[rights]]"),
        ("[[rights]\n", "line 1", "Correct"),
        (b'[[rights]]\nholder = "\xe9"\n', "byte 21 is not UTF-8", "UTF-8"),
        ("a = " + "[" * 100_000, "nested", "Correct"),
        ("a = " + "9" * 5_000, "a number that is too long", "Correct"),
        ("#" * 2_000_000, "larger than", "wider"),
    ],
)
def test_a_broken_rights_toml_says_what_is_wrong_where_and_what_to_do(
    tmp_path: Path, text: str | bytes, message: str, advice: str
) -> None:
    with pytest.raises(PhonothequeError, match=re.escape(message)) as caught:
        rules(tmp_path, text)
    assert caught.value.message.startswith(f"{tmp_path}/rights.toml: ")
    assert advice in caught.value.advice


def test_debian_copyright(tmp_path: Path) -> None:
    for name in ("copyright", "debian/copyright"):
        folder = tmp_path / name.partition("/")[0].replace("copyright", "plain")
        folder.mkdir()
        found = rules(folder, DEBIAN, name)
        (statement,) = found.evidence_for("a/b.ogg").statements
        assert (statement.licence, statement.holder) == ("CC-BY-SA-3.0", "Ann Lee; Bo")
        assert statement.evidence_origin == name
        assert statement.asserted_by == "the Debian copyright file"
        assert statement.evidence.startswith("Files: *\nCopyright: 2001-2003, Ann Lee")
        (free,) = found.evidence_for("free/deep/c.ogg").statements
        assert (free.kind, free.licence) == (Kind.PUBLIC_DOMAIN, None)
        assert "Published in 1890." in free.evidence
        assert found.evidence_for("old1.ogg").statements[0].kind is Kind.PUBLIC_DOMAIN
        assert licences(found.evidence_for("both.ogg")) == ["GPL-2.0-or-later OR CC-BY-3.0"]
        (question,) = found.evidence_for("unclear.ogg").questions
        assert question.candidates[0] == "CC-BY-4.0"
        assert not found.evidence_for("unclear.ogg").statements


def test_a_copyright_file_in_prose_is_asked_about(tmp_path: Path) -> None:
    found = rules(tmp_path, "All songs: https://creativecommons.org/licenses/by/3.0/\n", "copyright")
    assert found.evidence_for("a.ogg").questions[0].candidates == ("CC-BY-3.0",)
    assert rules(tmp_path, "Thanks to: everyone\n", "copyright").evidence_for("a.ogg") == Evidence()


@pytest.mark.parametrize(
    "text", [DEBIAN.replace("License: CC-BY\n", ""), DEBIAN.replace("Ann\n", "Ann\nnonsense\n")]
)
def test_a_broken_debian_copyright(tmp_path: Path, text: str) -> None:
    with pytest.raises(PhonothequeError, match="breaks Debian's copyright format"):
        rules(tmp_path, text, "copyright")


def test_reuse_toml(tmp_path: Path) -> None:
    found = rules(
        tmp_path,
        """
        version = 1
        [[annotations]]
        path = "**"
        SPDX-FileCopyrightText = "2020 Ann"
        SPDX-License-Identifier = "CC-BY-4.0"
        [[annotations]]
        path = ["a/*.ogg", "odd\\\\*.ogg"]
        precedence = "override"
        SPDX-FileCopyrightText = ["Ann", "Bo"]
        SPDX-License-Identifier = ["CC0-1.0", "GPL-3.0-only OR MIT"]
        [[annotations]]
        path = "own.ogg"
        SPDX-License-Identifier = "LicenseRef-own"
        """,
        "REUSE.toml",
    )
    (statement,) = found.evidence_for("x/y.ogg").statements
    assert (statement.licence, statement.holder, statement.evidence_origin) == (
        "CC-BY-4.0",
        "Ann",
        "REUSE.toml",
    )
    assert licences(found.evidence_for("a/1.ogg")) == ["CC0-1.0 AND (GPL-3.0-only OR MIT)"]
    assert licences(found.evidence_for("a/b/1.ogg")) == ["CC-BY-4.0"]
    assert licences(found.evidence_for("odd*.ogg")) == ["CC0-1.0 AND (GPL-3.0-only OR MIT)"]
    assert found.evidence_for("own.ogg").questions


def test_errors_can_be_kept_whatever_the_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"\xff")
    folder.mkdir()
    for name in ("copyright", "REUSE.toml", "rights.toml"):
        with pytest.raises(PhonothequeError) as caught:
            rules(folder, "Format: x\n\nFiles:\n", name)
        caught.value.message.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("version = 2", "version: 2 is not 1"),
        ("", "version: None is not 1"),
        ("version = 1\n[[annotations]]\n", "table 1: path: it is missing"),
        ("version = 1\n[[annotations]]\npath = 1\n", "table 1: path: it is not a text"),
        ("version = 1\nannotations = 1\n", "not a list of tables"),
    ],
)
def test_a_broken_reuse_toml(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(PhonothequeError, match=re.escape(message)):
        rules(tmp_path, text, "REUSE.toml")


def test_all_rule_files_of_a_folder_are_heard(tmp_path: Path) -> None:
    rules(tmp_path, DEBIAN, "copyright")
    found = rules(tmp_path, '[[rights]]\nlicence = "CC-BY-4.0"\nevidence = "x"\n')
    assert licences(found.evidence_for("a.ogg")) == ["CC-BY-4.0", "CC-BY-SA-3.0"]


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.flac", ["a.flac", "x/y/a.flac", ".flac"], ["a.ogg", "a.flac/b"]),
        ("**", ["a", "a/b/c"], []),
        ("disc 1/**", ["disc 1/a", "disc 1/b/c"], ["disc 1", "x/disc 1/a", "disc 10/a"]),
        ("disc 1/", ["disc 1/a", "disc 1/b/c"], ["disc 1", "disc 2/a"]),
        ("disc ?/*.ogg", ["disc 1/a.ogg"], ["disc 10/a.ogg", "disc 1/b/a.ogg", "disc //a.ogg"]),
        ("a/**/b.ogg", ["a/b.ogg", "a/x/b.ogg", "a/x/y/b.ogg"], ["a/xb.ogg", "ab.ogg", "a/b.oggx"]),
        ("**/b.ogg", ["b.ogg", "a/b.ogg"], ["ab.ogg", "a/cb.ogg"]),
        ("a**z", ["az", "a/b/z", "x/a-z"], ["a"]),
        ("[live].ogg", ["[live].ogg"], ["l.ogg"]),
        ("./a/b", ["a/b"], ["x/a/b"]),
        ("cafe\u0301.ogg", ["caf\u00e9.ogg", "cafe\u0301.ogg"], ["cafe.ogg"]),
    ],
)
def test_patterns(pattern: str, yes: list[str], no: list[str]) -> None:
    glob = globs.ours(pattern)
    assert [path for path in yes if not glob.matches(path)] == []
    assert [path for path in no if glob.matches(path)] == []


def test_hostile_patterns_end_soon(tmp_path: Path) -> None:
    assert not globs.ours("*a" * 60 + "c").matches("a" * 4000 + "b")
    assert not globs.ours("**/" * 60 + "b").matches("a/" * 2000 + "a")
    for pattern in ("*a" * 65, "a" * 1_000_000):
        with pytest.raises(PhonothequeError, match=r"table 1: the pattern “.*” has more than"):
            rules(tmp_path, f'[[rights]]\nfiles = "{pattern}"\nkind = "mandate"\nevidence = "x"\n')


@given(st.text("ab/*?\\", max_size=12), st.text("ab/", max_size=12))
def test_debian_patterns_mean_what_a_regular_expression_says(pattern: str, path: str) -> None:
    pattern = pattern.removeprefix("./").replace("\\", "")
    meaning = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    assert globs.debian(pattern).matches(path) == bool(re.fullmatch(meaning, path, re.DOTALL))


@given(st.text(st.sampled_from("FilesCopyrightLnFormat: *\n.#-"), max_size=200))
def test_any_copyright_file_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    folder = tmp_path_factory.mktemp("folder")
    for content in (text, f"Format: x\n{text}", f"{DEBIAN}{text}"):
        with contextlib.suppress(PhonothequeError):
            rules(folder, content, "copyright").evidence_for("a.ogg")
