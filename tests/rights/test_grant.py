from __future__ import annotations

import pytest

from phonotheque.model.errors import UsageError
from phonotheque.model.rights import Covers, Kind, Statement
from phonotheque.rights.explain import attribution_line, describe
from phonotheque.rights.grant import make_grant


def grant(licence: str | None = "CC-BY-4.0", kind: Kind = Kind.LICENCE, **more: str) -> Statement:
    fields = {"evidence": "a letter", "asserted_by": "Ann", "territory": "WORLD", **more}
    return make_grant(
        licence=licence,
        kind=kind,
        holder=fields.get("holder"),
        evidence=fields["evidence"],
        asserted_by=fields["asserted_by"],
        covers=Covers(fields.get("covers", "both")),
        territory=fields["territory"],
    )


def test_a_grant_keeps_the_licence_in_spdx_form() -> None:
    statement = grant("http://creativecommons.org/licenses/by/3.0/", holder=" Bo ", evidence=" a letter\n")
    assert statement == Statement(Kind.LICENCE, "CC-BY-3.0", "a letter", "grant", "Ann", "Bo")
    assert grant("GPL-2+ or CC0").licence == "GPL-2.0-or-later OR CC0-1.0"
    assert grant(None, Kind.MANDATE).licence is None
    assert grant("CC0", Kind.PUBLIC_DOMAIN).licence == "CC0-1.0"


@pytest.mark.parametrize("blank", ["", "  \n"])
def test_evidence_and_author_are_required(blank: str) -> None:
    with pytest.raises(UsageError, match="evidence: it is empty"):
        grant(evidence=blank)
    with pytest.raises(UsageError, match="asserted_by: it is empty"):
        grant(asserted_by=blank)


@pytest.mark.parametrize(
    ("licence", "near"),
    [
        ("CC-BY", "CC-BY-4.0, CC-BY-3.0"),
        ("CC-BY-4.O", "CC-BY-4.0"),
        ("cc by nc 9.0", "CC-BY-NC-4.0"),
        ("GPL", "GPL-3.0-only"),
        ("GLP-3.0-only", "GPL-3.0-only"),
        ("my own", "Give an SPDX id"),
        ("x" * 100_000, "Give an SPDX id"),
    ],
)
def test_an_unreadable_licence_is_refused_with_suggestions(licence: str, near: str) -> None:
    with pytest.raises(UsageError, match="names no licence exactly") as caught:
        grant(licence)
    assert near in caught.value.advice
    assert len(caught.value.message) < 400


@pytest.mark.parametrize("territory", ["", "world", "Germany", "DE,FR", "DE  FR"])
def test_territories_are_checked(territory: str) -> None:
    with pytest.raises(UsageError, match="territory"):
        grant(territory=territory)


def test_very_long_texts_are_refused() -> None:
    with pytest.raises(UsageError, match="holder: it has 20000 characters"):
        grant(holder="x" * 20_000)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        (
            Statement(
                Kind.LICENCE, "CC-BY-3.0-AT", "https://x.example/", "tag:LICENSE", "the file's own tag", "Ann"
            ),
            (
                "Licensed under Creative Commons Attribution 3.0 Austria, held by Ann; stated by the file's"
                " own tag (tag:LICENSE: “https://x.example/”)."
            ),
        ),
        (
            Statement(
                Kind.PUBLIC_DOMAIN, None, "a\nb", "grant", "Bo", covers=Covers.COMPOSITION, territory="DE FR"
            ),
            "Public domain, for the composition only, in DE, FR only; stated by Bo (grant: “a b”).",
        ),
        (
            Statement(
                Kind.LICENCE,
                "CC0-1.0 OR GPL-2.0-or-later",
                "x" * 200,
                "REUSE.toml",
                "REUSE.toml",
            ),
            (
                "Licensed under CC0 1.0 Universal or GNU GPL 2.0 or later; stated by REUSE.toml"
                f" (REUSE.toml: “{'x' * 117}…”)."
            ),
        ),
        (
            Statement(Kind.MANDATE, None, "law", "grant", "Bo"),
            "Kept by mandate; stated by Bo (grant: “law”).",
        ),
        (Statement(Kind.DEPOSIT, None, "7", "grant", "Bo"), "Deposited; stated by Bo (grant: “7”)."),
    ],
)
def test_descriptions(statement: Statement, expected: str) -> None:
    assert describe(statement) == expected


@pytest.mark.parametrize(
    ("licence", "holder", "expected"),
    [
        (
            "CC-BY-4.0",
            "Ann",
            (
                "“Song” by Ann is licensed under Creative Commons Attribution 4.0"
                " (https://creativecommons.org/licenses/by/4.0/)."
            ),
        ),
        (
            "CC0-1.0",
            None,
            (
                "“Song” is dedicated to the public domain under CC0 1.0 Universal"
                " (https://creativecommons.org/publicdomain/zero/1.0/)."
            ),
        ),
        (
            "CC-PDM-1.0",
            "Ann",
            (
                "“Song” by Ann is marked as free of known copyright: Public Domain Mark 1.0"
                " (https://creativecommons.org/publicdomain/mark/1.0/)."
            ),
        ),
        (
            "LAL-1.3 OR MIT",
            "Ann",
            (
                "“Song” by Ann is licensed under Free Art License 1.3 (https://artlibre.org/licence/lal/en/)"
                " or MIT (https://spdx.org/licenses/MIT.html)."
            ),
        ),
        (None, None, "“Song” is in the public domain."),
    ],
)
def test_attribution_lines(licence: str | None, holder: str | None, expected: str) -> None:
    assert attribution_line(licence, holder, "Song") == expected
