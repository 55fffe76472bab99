from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from license_expression import get_spdx_licensing

from phonotheque.rights.expressions import AllOf, AnyOf, parse_terms, terms_id
from phonotheque.rights.licences import KNOWN_IDS, find_licence_uris, parse_licence, readings
from phonotheque.rights.spellings import find_mentions

CC = "https://creativecommons.org/licenses"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{CC}/by-nc/3.0/", "CC-BY-NC-3.0"),
        ("http://creativecommons.org/licenses/by/3.0", "CC-BY-3.0"),
        ("http://www.creativecommons.org/licenses/by/3.0/at/deed.de", "CC-BY-3.0-AT"),
        ("creativecommons.org/licenses/by-sa/4.0/", "CC-BY-SA-4.0"),
        (f"<{CC}/by/4.0/>", "CC-BY-4.0"),
        (f"{CC}/by/4.0/legalcode", "CC-BY-4.0"),
        (f"{CC}/by/4.0/legalcode.fr", "CC-BY-4.0"),
        (f"{CC}/by/4.0/deed.en_US", "CC-BY-4.0"),
        (f"{CC}/by/3.0/deed", "CC-BY-3.0"),
        (f"{CC}/by/3.0/rdf", "CC-BY-3.0"),
        (f"{CC}/by/3.0/us/rdf", "CC-BY-3.0-US"),
        (f"{CC}/by-nc/4.0/?ref=chooser-v1", "CC-BY-NC-4.0"),
        (f"{CC}/by-nd-nc/1.0/", "CC-BY-NC-ND-1.0"),
        (f"{CC}/BY-SA/3.0/", "CC-BY-SA-3.0"),
        (f"{CC}/publicdomain/", "CC-PDDC"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/legalcode", "CC0-1.0"),
        ("https://creativecommons.org/publicdomain/mark/1.0/deed.fr", "CC-PDM-1.0"),
        ("https://www.gnu.org/licenses/old-licenses/gpl-2.0.html", "GPL-2.0-only"),
        ("http://www.gnu.org/licenses/gpl-3.0.en.html", "GPL-3.0-only"),
        ("https://www.gnu.org/licenses/agpl-3.0.txt", "AGPL-3.0-only"),
        ("https://spdx.org/licenses/CC-BY-SA-3.0.html", "CC-BY-SA-3.0"),
        ("https://spdx.org/licenses/Zlib.html", "Zlib"),
        ("https://opensource.org/licenses/MIT", "MIT"),
        ("http://opensource.org/license/bsd-3-clause/", "BSD-3-Clause"),
        ("https://www.apache.org/licenses/LICENSE-2.0.txt", "Apache-2.0"),
        ("https://opensource.org/licenses/", None),
        ("https://opensource.org/licenses/alphabetical", None),
        ("http://www.eff.org/IP/Open_licenses/eff_oal.html", "LicenseRef-EFF-OAL-1.0"),
        ("http://www.eff.org/IP/", None),
        ("https://www.gnu.org/licenses/dsl.html", "LicenseRef-DSL"),
        ("Expat", "MIT"),
        ("WTFPL-2", "WTFPL"),
        ("zlib/libpng", "Zlib"),
        ("GFDL-1.2+", "GFDL-1.2-or-later"),
        ("GFDL-NIV-1.3", "GFDL-1.3-no-invariants-only"),
        ("licenseref-rs-nkc-1.0", "LicenseRef-RS-NKC-1.0"),
        ("LicenseRef-something-else", None),
        (f"{CC}/sampling/1.0/", "LicenseRef-CC-Sampling-1.0"),
        (f"{CC}/sampling+/1.0/deed.de", "LicenseRef-CC-Sampling-Plus-1.0"),
        (f"{CC}/nc-sampling%2B/1.0/tw/", "LicenseRef-CC-NC-Sampling-Plus-1.0"),
        (f"{CC}/devnations/2.0/", "LicenseRef-CC-DevNations-2.0"),
        (f"{CC}/devnations/1.0/", None),
        (f"{CC}/sampling+/2.0/", None),
        (f"{CC}/GPL/2.0/", "GPL-2.0-only"),
        (f"{CC}/LGPL/2.1/", "LGPL-2.1-only"),
        ("http://rightsstatements.org/vocab/InC/1.0/", "LicenseRef-RS-InC-1.0"),
        ("https://rightsstatements.org/page/NoC-US/1.0/?language=fr", "LicenseRef-RS-NoC-US-1.0"),
        ("https://www.rightsstatements.org/data/UND/1.0", "LicenseRef-RS-UND-1.0"),
        ("http://rightsstatements.org/vocab/InC-OW-EU/1.0/", "LicenseRef-RS-InC-OW-EU-1.0"),
        ("http://rightsstatements.org/vocab/InC/2.0/", None),
        ("http://rightsstatements.org/vocab/InC/", None),
        ("http://rightsstatements.org/vocab/ATLANTIS/1.0/", None),
        (
            "LICENSE=https://creativecommons.org/licenses/by/4.0/",
            None,
        ),  # a label is not part of a licence's name
        (f"{CC}/by/", None),
        (f"{CC}/by/4.0/at/", None),  # 4.0 has no ports
        (f"{CC}/by/3.0/atlantis/", None),
        (f"{CC}/by/3.1/", None),
        (f"{CC}/sa/3.0/", None),
        (f"{CC}/by-nd-sa/3.0/", None),
        ("https://www.gnu.org/licenses/gpl.html", None),
        ("https://example.org/creativecommons.org/licenses/by/3.0/", None),
        (f"https://example.org/?to={CC}/by/3.0/", None),
        ("https://creativecommons.org.example.com/licenses/by/3.0/", None),
        ("https://notcreativecommons.org/licenses/by/3.0/", None),
        (f"{CC}/by/3.0/ {CC}/by/4.0/", None),
    ],
)
def test_licence_uris(text: str, expected: str | None) -> None:
    licence = parse_licence(text)
    assert (licence.id if licence else None) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CC BY-SA 3.0", "CC-BY-SA-3.0"),
        ("CC-BY 4.0", "CC-BY-4.0"),
        ("cc-by-3.0-at", "CC-BY-3.0-AT"),
        ("CC BY 3.0 DE", "CC-BY-3.0-DE"),
        ("CC-BY-SA-3", "CC-BY-SA-3.0"),
        ("CC BY_NC_SA 2.5", "CC-BY-NC-SA-2.5"),
        ("CCBYSA 3.0", "CC-BY-SA-3.0"),
        ("BY-NC-SA 3.0", "CC-BY-NC-SA-3.0"),
        ("Attribution-ShareAlike 3.0 Unported", "CC-BY-SA-3.0"),
        ("Attribution 3.0", "CC-BY-3.0"),
        ("Creative Commons Attribution Noncommercial  (3.0) license", "CC-BY-NC-3.0"),
        ("Creative Commons Attribution-NonCommercial-NoDerivs 3.0 United States", "CC-BY-NC-ND-3.0-US"),
        ("Attribution-NonCommercial-NoDerivatives 4.0 International (CC BY-NC-ND 4.0)", "CC-BY-NC-ND-4.0"),
        ("CC BY-NC-SA 2.0 England and Wales", "CC-BY-NC-SA-2.0-UK"),
        ("Licensed under the Creative Commons Attribution License, version 3.0", "CC-BY-3.0"),
        ("CC-BY-SA-2.1-JP", "CC-BY-SA-2.1-JP"),
        ("CC0", "CC0-1.0"),
        ("CC0 1.0 Universal (CC0 1.0) Public Domain Dedication", "CC0-1.0"),
        ("Public Domain Mark 1.0", "CC-PDM-1.0"),
        ("GPL-2+", "GPL-2.0-or-later"),
        ("GPL-2", "GPL-2.0-only"),
        ("GPLv3", "GPL-3.0-only"),
        ("GNU General Public License version 2 or any later version", "GPL-2.0-or-later"),
        ("GNU Lesser General Public License v2.1 only", "LGPL-2.1-only"),
        ("LGPL-2.1+", "LGPL-2.1-or-later"),
        ("Free Art License 1.3", "LAL-1.3"),
        ("mit", "MIT"),
        ("CC-BY", None),
        ("CC BY 5.0", None),
        ("CC BY 4.0 US", None),
        ("CC BY 2.1", None),
        ("CC BY 3.0, CC BY-SA 3.0", None),
        ("Attribution 3.0 Austria (CC BY 3.0 DE)", None),
        ("Attribution", None),
        ("Creative Commons", None),
        ("public domain", None),
        ("GPL", None),
        ("GPL-4", None),
        ("not CC BY 3.0", None),
        ("CC BY 3.0 except the cover", None),
        ("LicenseRef-mine", None),
        ("© 2003 X Records. All rights reserved", None),
        ("", None),
        ("CC BY 3.0" + " " * 300 + "x" * 500, None),
    ],
)
def test_spellings(text: str, expected: str | None) -> None:
    licence = parse_licence(text)
    assert (licence.id if licence else None) == expected


def test_every_creative_commons_licence_of_the_spdx_list_keeps_its_id_and_is_found_by_its_address() -> None:
    symbols = get_spdx_licensing().known_symbols
    ids = [name for name in symbols if name.startswith(("CC-", "CC0-")) and name != "CC-PDDC"]
    assert len(ids) > 50
    for name in ids:
        licence = parse_licence(name)
        assert licence is not None
        assert (licence.id, licence.family == "other") == (name, False)
        assert parse_licence(licence.uri) == licence


@pytest.mark.parametrize("name", KNOWN_IDS)
def test_known_ids_are_spdx_ids_that_read_back(name: str) -> None:
    licence = parse_licence(name)
    assert licence is not None
    assert licence.id == name
    listed = name in get_spdx_licensing().known_symbols
    assert listed or licence.version == "1.0" or name.startswith("LicenseRef-")


def test_a_licence_says_what_it_is_made_of() -> None:
    licence = parse_licence("http://creativecommons.org/licenses/by-nc-sa/3.0/at/")
    assert licence is not None
    assert licence.family == "cc"
    assert licence.elements == {"by", "nc", "sa"}
    assert (licence.version, licence.jurisdiction) == ("3.0", "AT")
    assert licence.uri == "https://creativecommons.org/licenses/by-nc-sa/3.0/at/"


def test_uris_are_found_where_they_stand() -> None:
    text = f"See ({CC}/by/3.0/), and {CC}/by-nc/."
    first, second = find_licence_uris(text)
    assert text[first.start : first.end] == first.uri == f"{CC}/by/3.0/"
    assert second.licence is None
    assert second.candidates == (
        "CC-BY-NC-4.0",
        "CC-BY-NC-3.0",
        "CC-BY-NC-2.5",
        "CC-BY-NC-2.0",
        "CC-BY-NC-1.0",
    )


def test_an_incomplete_name_has_readings() -> None:
    assert readings("CC BY") == ("CC-BY-4.0", "CC-BY-3.0", "CC-BY-2.5", "CC-BY-2.0", "CC-BY-1.0")
    assert readings("GPL") == ("GPL-3.0-only", "GPL-2.0-only", "GPL-1.0-only")
    assert readings("something else") == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CC-BY-4.0 OR GPL-2.0-or-later", "CC-BY-4.0 OR GPL-2.0-or-later"),
        ("CC-BY-3.0 or GPL-2+", "CC-BY-3.0 OR GPL-2.0-or-later"),
        ("cc0-1.0 and (CC-BY-4.0 or mit)", "CC0-1.0 AND (CC-BY-4.0 OR MIT)"),
        ("GPL-2+, and CC-BY-3.0", "GPL-2.0-or-later AND CC-BY-3.0"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("(CC-BY-4.0)", "CC-BY-4.0"),
        ("CC-BY-4.0 OR CC-BY", None),
        ("CC-BY-4.0 OR", None),
        ("(CC-BY-4.0 OR CC0-1.0", None),
        ("A, or B and C", None),
        ("(" * 200 + "CC-BY-4.0 OR CC0-1.0" + ")" * 200, None),
    ],
)
def test_expressions(text: str, expected: str | None) -> None:
    terms = parse_terms(text)
    assert (terms_id(terms) if terms else None) == expected


_IDS = st.sampled_from(KNOWN_IDS)
_EXPRESSIONS = st.recursive(
    _IDS,
    lambda inner: st.builds(
        lambda op, parts: op.join(f"({p})" for p in parts),
        st.sampled_from([" OR ", " AND "]),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=6,
)


@given(_EXPRESSIONS)
def test_the_form_that_is_kept_reads_back_as_itself(text: str) -> None:
    terms = parse_terms(text)
    assert isinstance(terms, AnyOf | AllOf) or terms is not None
    assert parse_terms(terms_id(terms)) == terms


@given(st.text(max_size=300))
def test_any_text_can_be_looked_at(text: str) -> None:
    parse_terms(text)
    for mention in find_mentions(text):
        assert 0 <= mention.start < mention.end <= len(text)
