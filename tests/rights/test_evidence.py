"""Evidence in notes and tags: read with certainty, asked about, or not about rights at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.audio import Tags
from phonotheque.model.rights import Evidence, Kind
from phonotheque.rights.prose import from_prose
from phonotheque.rights.sidecars import MAX_NOTE_BYTES, read_sidecar, sidecar_names
from phonotheque.rights.tags import from_tags

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "music"
BY = "https://creativecommons.org/licenses/by/3.0/"

CERTAIN = {
    "147793__setuniman__sweet-waltz-0i-22mi.txt": ("CC-BY-NC-3.0", None),
    "198-209-0000.txt": ("CC-BY-4.0", None),
    "3436-172162-0000.txt": ("CC-BY-4.0", None),
    "442789__lena-orsa__happy-music-pistachio-ice-cream-ragtime.txt": ("CC-BY-NC-3.0", None),
    "456440__inspectorj__bird-whistling-robin-single-13.txt": ("CC-BY-3.0", None),
    "5703-47212-0000.txt": ("CC-BY-4.0", None),
    "Hungarian_Dance_number_5_-_Allegro_in_F_sharp_minor_(string_orchestra).txt": ("CC-PDM-1.0", None),
    "Karissa_Hobbs_-_Lets_Go_Fishin.txt": ("CC-BY-3.0", "Karissa Hobbs"),
    "Kevin_MacLeod_-_P_I_Tchaikovsky_Dance_of_the_Sugar_Plum_Fairy.txt": ("CC-BY-3.0", "Kevin MacLeod"),
    "Kevin_MacLeod_-_Vibe_Ace.txt": ("CC-BY-3.0", "Kevin MacLeod"),
    "pibble.txt": ("CC-BY-NC-3.0", None),
    "sorohanro_-_solo-trumpet-06.txt": ("CC-BY-3.0", None),
}
ASKED = {
    "admiralbob77_-_Choice_-_Drum-bass.txt": ("CC-BY-NC-4.0", "CC-BY-NC-3.0"),
    "glacier-bay-humpback.txt": ("CC-PDM-1.0",),
}


def licences(evidence: Evidence) -> list[str | None]:
    assert not evidence.questions
    return [statement.licence for statement in evidence.statements]


def candidates(evidence: Evidence) -> list[tuple[str, ...]]:
    assert not evidence.statements
    return [question.candidates for question in evidence.questions]


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample music is not here")
def test_real_notes() -> None:
    notes = {path.name: read_sidecar(path) for path in SAMPLES.glob("*.txt")}
    assert notes.keys() == CERTAIN.keys() | ASKED.keys()
    for name, (licence, holder) in CERTAIN.items():
        (statement,) = notes[name].statements
        assert not notes[name].questions
        assert (statement.licence, statement.holder) == (licence, holder)
        assert statement.evidence_origin == f"sidecar:{name}"
        assert statement.asserted_by == "the note beside the file"
        text = (SAMPLES / name).read_text(encoding="utf-8")
        assert statement.evidence == text.strip()
        assert statement.kind is (Kind.PUBLIC_DOMAIN if licence == "CC-PDM-1.0" else Kind.LICENCE)
    for name, expected in ASKED.items():
        assert candidates(notes[name]) == [expected]


@pytest.mark.parametrize(
    ("text", "licence"),
    [
        (f"Song by Ann is licensed under a Creative Commons Attribution License. {BY}", "CC-BY-3.0"),
        (f"CC BY: {BY}", "CC-BY-3.0"),
        (f"{BY}deed.de and again {BY}", "CC-BY-3.0"),
        (f'<a rel="license" href="{BY}">Attribution 3.0 Unported</a>', "CC-BY-3.0"),
        (f"Some rights reserved. LICENSE={BY}", "CC-BY-3.0"),
        ("https://creativecommons.org/licenses/by/3.0/us/ (CC BY 3.0)", "CC-BY-3.0-US"),
        ("In the public domain, https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://www.gnu.org/licenses/gpl-3.0.html (GPL version 3)", "GPL-3.0-only"),
        ("CC BY 4.0\n", "CC-BY-4.0"),  # nothing but the name
        ("SPDX-FileCopyrightText: 2020 Ann\n\nSPDX-License-Identifier: CC-BY-SA-4.0", "CC-BY-SA-4.0"),
        ("# SPDX-License-Identifier: CC0-1.0 OR GPL-2.0-or-later", "CC0-1.0 OR GPL-2.0-or-later"),
        ("/* SPDX-License-Identifier: CC-BY-4.0 */", "CC-BY-4.0"),
        ("SPDX-License-Identifier: CC-BY-4.0\nSPDX-License-Identifier: CC0-1.0", "CC-BY-4.0 AND CC0-1.0"),
        ("SPDX-License-Identifier: CC-BY-3.0\n" + BY, "CC-BY-3.0"),
    ],
)
def test_certain_notes(text: str, licence: str) -> None:
    assert licences(from_prose(text, "sidecar:a.txt")) == [licence]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Attribution Noncommercial (3.0) {BY}", ("CC-BY-3.0", "CC-BY-NC-3.0")),
        (f"CC BY 4.0 {BY}", ("CC-BY-3.0", "CC-BY-4.0")),
        (f"CC BY 3.0 Austria {BY}", ("CC-BY-3.0", "CC-BY-3.0-AT")),
        (f"{BY} or {BY.replace('3', '4')}", ("CC-BY-3.0", "CC-BY-4.0")),
        (f"Public domain. {BY}", ("CC-BY-3.0", "CC-PDM-1.0")),
        (f"For non-commercial use only. {BY}", ("CC-BY-3.0",)),
        (f"Do not remix. {BY}", ("CC-BY-3.0",)),
        (f"All rights reserved. {BY}", ("CC-BY-3.0",)),
        (f"This is not licensed under {BY}", ("CC-BY-3.0",)),
        (f"GPL, {BY}", ("CC-BY-3.0", "GPL-3.0-only", "GPL-2.0-only", "GPL-1.0-only")),
        (f"{BY} and https://creativecommons.org/licenses/by/3.9/", ("CC-BY-3.0",)),
        ("Licensed CC BY-NC 3.0. Enjoy.", ("CC-BY-NC-3.0",)),
        ("Under a Creative Commons licence", ()),
        ("Public domain", ("CC-PDM-1.0",)),
        ("Domaine public.", ("CC-PDM-1.0",)),
        ("REUSE-IgnoreStart\nSPDX-License-Identifier: CC0-1.0\nREUSE-IgnoreEnd", ("CC0-1.0",)),
        ("SPDX-License-Identifier: LicenseRef-mine", ()),
        (f"SPDX-License-Identifier: CC0-1.0\n{BY}", ("CC0-1.0", "CC-BY-3.0")),
        ("https://example.org/?to=" + BY + " CC BY 3.0 is meant", ("CC-BY-3.0",)),
    ],
)
def test_notes_that_must_be_asked_about(text: str, expected: tuple[str, ...]) -> None:
    (question,) = from_prose(text, "sidecar:a.txt").questions
    assert question.candidates == expected
    assert question.evidence == text
    assert "\n" not in question.text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Recorded in the kitchen, 2003.",
        "© 2003 X Records. All rights reserved.",
        "Thanks for the attribution. By popular demand.",
        "https://example.org/creative-commons/by/3.0 gplus",
    ],
)
def test_notes_about_something_else_are_empty(text: str) -> None:
    assert from_prose(text, "sidecar:a.txt") == Evidence()


@pytest.mark.parametrize(
    ("text", "holder"),
    [
        (f"Day by Day by Ann Lee is licensed under {BY}", "Ann Lee"),
        (f"By the river {BY}", None),
        (
            "SPDX-FileCopyrightText: © 2001-2003, Ann Lee <ann@a.org>\nSPDX-License-Identifier: CC0-1.0",
            "Ann Lee",
        ),
        (
            "SPDX-FileCopyrightText: Ann\nSPDX-FileCopyrightText: Bo\nSPDX-License-Identifier: CC0-1.0",
            "Ann; Bo",
        ),
        ("SPDX-FileCopyrightText: 2020\nSPDX-License-Identifier: CC0-1.0", None),
    ],
)
def test_the_holder_is_read_when_stated_plainly(text: str, holder: str | None) -> None:
    (statement,) = from_prose(text, "sidecar:a.txt").statements
    assert statement.holder == holder


def test_a_long_note_is_quoted_where_it_speaks_of_rights() -> None:
    song = "la la la\n" * 1000
    text = f"{song}Licence: {BY}\n{song}"
    (statement,) = from_prose(text, "sidecar:a.txt").statements
    assert statement.evidence == f"Licence: {BY}"


@given(
    st.text(max_size=500), st.sampled_from(["", BY, "CC BY", "public domain", "SPDX-License-Identifier: "])
)
def test_a_note_is_never_both_certain_and_asked_about(text: str, more: str) -> None:
    evidence = from_prose(f"{text}{more}", "sidecar:a.txt")
    assert len(evidence.statements) + len(evidence.questions) <= 1


# --- tags -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "licence"),
    [
        (BY, "CC-BY-3.0"),
        ("CC BY-SA 3.0", "CC-BY-SA-3.0"),
        ("CC-BY-4.0 OR GPL-2.0-only", "CC-BY-4.0 OR GPL-2.0-only"),
        (f"2008 Ann. Licensed to the public under {BY} verify at http://example.org/cc", "CC-BY-3.0"),
    ],
)
def test_licence_fields(value: str, licence: str) -> None:
    for tags in (Tags(licences=(value,), raw={"license": (value,)}), Tags(copyright=value)):
        evidence = from_tags(tags)
        assert licences(evidence) == [licence]
        assert evidence.statements[0].evidence == value
        assert evidence.statements[0].asserted_by == "the file's own tag"
    assert (
        from_tags(Tags(licences=(value,), raw={"WCOP": (value,)})).statements[0].evidence_origin == "tag:WCOP"
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("http://www.example.org/terms", ()),
        ("CC BY", ("CC-BY-4.0", "CC-BY-3.0", "CC-BY-2.5", "CC-BY-2.0", "CC-BY-1.0")),
        ("Public Domain", ("CC-PDM-1.0",)),
        ("x" * 100_000, ()),
    ],
)
def test_a_licence_field_that_cannot_be_read_is_a_question(value: str, expected: tuple[str, ...]) -> None:
    evidence = from_tags(Tags(licences=(value,)))
    assert candidates(evidence) == [expected]
    assert len(evidence.questions[0].evidence) <= 2000


def test_a_copyright_notice_grants_nothing_and_asks_nothing() -> None:
    for notice in ("℗ 2003 X Records. All rights reserved", "2003", "(c) Ann", "http://www.example.org"):
        assert from_tags(Tags(copyright=notice)) == Evidence()
    assert from_tags(Tags(licences=("All rights reserved.", " "))) == Evidence()
    assert from_tags(Tags(copyright="Public domain")).questions


def test_equal_fields_corroborate_and_many_fields_are_bounded() -> None:
    assert licences(from_tags(Tags(licences=(BY,), copyright="CC BY 3.0"))) == ["CC-BY-3.0", "CC-BY-3.0"]
    many = from_tags(Tags(licences=tuple(f"http://example.org/{n}" for n in range(10_000))))
    assert len(many.questions) == 51


# --- files ------------------------------------------------------------------------------------------------


def test_names_of_notes_most_particular_first() -> None:
    assert list(sidecar_names("a.hq.ogg")) == [
        "a.hq.ogg.license",
        "a.hq.ogg.txt",
        "a.hq.license",
        "a.hq.txt",
        "a.license",
        "a.txt",
    ]
    assert list(sidecar_names("Mr. Smith.ogg"))[-1] == "Mr. Smith.txt"
    assert list(sidecar_names(".ogg")) == [".ogg.license", ".ogg.txt"]
    assert list(sidecar_names("a")) == ["a.license", "a.txt"]


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (f"Café {BY}".encode(), ""),
        (b"\xef\xbb\xbf" + BY.encode(), ""),
        (f"Café {BY}".encode("latin-1"), " (latin-1)"),
        (f"Café {BY}".encode("utf-16"), " (utf-16)"),
    ],
)
def test_encodings(tmp_path: Path, content: bytes, note: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    (statement,) = read_sidecar(path).statements
    assert statement.licence == "CC-BY-3.0"
    assert statement.evidence_origin == f"sidecar:a.txt{note}"


def test_a_huge_note_is_asked_about(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(BY.encode() + b" " * MAX_NOTE_BYTES)
    assert "larger" in read_sidecar(path).questions[0].text


def test_what_cannot_be_read_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_sidecar(tmp_path / "gone.txt")
    (tmp_path / "folder.txt").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    for name in ("folder.txt", "pipe.txt"):
        with pytest.raises(OSError, match=r"directory|regular file"):
            read_sidecar(tmp_path / name)


def test_binary_notes_and_odd_names_are_no_trouble(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"\xff.txt")
    path.write_bytes(bytes(range(256)) + b" " + BY.encode())
    (statement,) = read_sidecar(path).statements
    statement.evidence_origin.encode("utf-8")
    assert "\0" not in statement.evidence
