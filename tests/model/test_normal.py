import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.normal import (
    RELEASE_TYPES,
    country_code,
    discogs_name,
    label_name,
    parse_date,
    parse_duration,
    release_type,
)


@pytest.mark.parametrize(
    ("text", "date"),
    [
        ("1999", "1999"),
        ("1999-03", "1999-03"),
        ("1999-03-21", "1999-03-21"),
        (" 1999-3-1 ", "1999-03-01"),
        ("1999-03-00", "1999-03"),
        ("1999-00-00", "1999"),
        ("1999-00-21", "1999"),
        ("1999-13-01", "1999"),
        ("1999-02-30", "1999-02"),
        ("1999-02-29", "1999-02"),
        ("2000-02-29", "2000-02-29"),
        ("1999/03/21", "1999-03-21"),
        ("1999.03.21", "1999-03-21"),
        ("1999-03/21", "1999"),
        ("19990321", "1999-03-21"),
        ("2012-01-01T00:00:00Z", "2012-01-01"),
        ("2012-01-01 10:00", "2012-01-01"),
        ("03/04/1999", "1999"),
        ("March 1999", "1999"),
        ("ca. 1999", "1999"),
        ("1860", "1860"),
        ("2100-12-31", "2100-12-31"),
        ("1859", None),
        ("2101", None),
        ("0000", None),
        ("20199", None),
        ("20199-01-01", None),
        ("1998 or 1999", None),
        ("1998-1999", None),
        ("199", None),
        ("197?", None),
        ("no. 12345 of 1999", None),
        ("-1999", "1999"),
        ("", None),
        ("unknown", None),
        ("１９９９", None),
        ("1999-" + "0" * 1000, None),
    ],
)
def test_a_date_is_as_precise_as_it_is_known(text: str, date: str | None) -> None:
    assert parse_date(text) == date


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("4:45", 285_000),
        ("04:45", 285_000),
        ("0:30", 30_000),
        ("1:02:03", 3_723_000),
        ("75:30", 4_530_000),
        ("04:45.5", 285_500),
        ("4:45.1239", 285_123),
        ("PT4M45S", 285_000),
        ("PT0H4M45S", 285_000),
        ("PT285.5S", 285_500),
        ("PT1H", 3_600_000),
        ("P0DT4M45S", 285_000),
        ("pt4m45s", 285_000),
        ("P1DT1S", 86_401_000),
        ("285", None),  # seconds or milliseconds: nobody knows
        ("0:00", None),
        ("PT0S", None),
        ("PT", None),
        ("P1DT", None),
        ("P1D", None),
        ("4:5", None),
        ("4:75", None),
        ("1:75:00", None),
        ("-4:45", None),
        ("4:45 ca.", None),
        ("", None),
        ("٤:٤٥", None),
        ("9" * 100 + ":00", None),
    ],
)
def test_a_duration_is_milliseconds(text: str, milliseconds: int | None) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("UK", "GB"),
        ("US", "US"),
        ("USA", "US"),
        ("Germany", "DE"),
        ("de", "DE"),
        ("Côte d'Ivoire", "CI"),
        ("Ivory Coast", "CI"),
        ("Bosnia & Herzegovina", "BA"),
        ("Bosnia and Herzegovina", "BA"),
        ("The Gambia", "GM"),
        ("Trinidad & Tobago", "TT"),
        ("Congo, Democratic Republic of the", "CD"),
        ("Congo, Republic of the", "CG"),
        ("Virgin Islands, U.S.", "VI"),
        ("Turkey", "TR"),
        ("Türkiye", "TR"),
        ("Czech Republic", "CZ"),
        ("Russia", "RU"),
        ("South Korea", "KR"),
        ("USSR", "SU"),
        ("German Democratic Republic (GDR)", "DD"),
        ("DD", "DD"),
        ("XG", "DD"),
        ("Yugoslavia", "YU"),
        ("Serbia and Montenegro", "CS"),
        ("Czechoslovakia", "XC"),
        ("Rhodesia", "RH"),
        ("Worldwide", "XW"),
        ("Europe", "XE"),
        ("xw", "XW"),
        ("UK & Europe", None),
        ("USA & Canada", None),
        ("Singapore, Malaysia & Hong Kong", None),
        ("Scandinavia", None),
        ("ZZ", None),
        ("EN", None),
        ("", None),
        ("Atlantis", None),
        ("U" * 1000, None),
    ],
)
def test_a_country_has_a_code_of_two_letters(text: str, code: str | None) -> None:
    assert country_code(text) == code


@pytest.mark.parametrize(
    ("primary", "secondaries", "kind"),
    [
        ("Album", (), "album"),
        ("Album", ("Live",), "live"),
        ("Album", ("Compilation", "Live"), "live"),
        ("Single", ["Remix"], "remix"),
        ("Album", ("DJ-mix", "Compilation"), "dj-mix"),
        ("Album", ("Mixtape/Street",), "mixtape"),
        ("EP", (), "ep"),
        ("Other", ("Audiobook",), "audiobook"),
        ("Broadcast", ("Spokenword",), "spokenword"),
        (None, ("LP", "Album", "Reissue"), "album"),
        (None, ('12"', "Maxi-Single"), "single"),
        (None, ("CD", "Album", "Compilation"), "compilation"),
        (None, ("Mixed", "Compilation"), "dj-mix"),
        ("ClassicalAlbum", (), "album"),
        ("DjMix", (), "dj-mix"),
        ("Bundle", (), None),
        (None, ('12"', "Reissue"), None),
        (None, (), None),
    ],
)
def test_the_most_telling_word_is_the_release_type(
    primary: str | None, secondaries: tuple[str, ...], kind: str | None
) -> None:
    assert release_type(primary, secondaries) == kind
    assert kind is None or kind in RELEASE_TYPES


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Nirvana (2)", "Nirvana"),
        ("Nirvana", "Nirvana"),
        ("Sunn O)))", "Sunn O)))"),
        ("Prince (The Artist)", "Prince (The Artist)"),
        ("Nirvana (2) (3)", "Nirvana (2)"),
        ("(2)", "(2)"),
        ("Nirvana(2)", "Nirvana(2)"),
    ],
)
def test_discogs_number_is_no_part_of_a_name(text: str, name: str) -> None:
    assert discogs_name(text) == name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Svek", "Svek"),
        ("Antidote (4)", "Antidote"),
        ("Not On Label", None),
        ("Not On Label (Someone Self-released)", None),
        ("[no label]", None),
        ("none", None),
        (" ", None),
    ],
)
def test_no_label_is_none(text: str, name: str | None) -> None:
    assert label_name(text) == name


@given(st.text())
def test_any_text_is_taken_and_normal_forms_stay(text: str) -> None:
    for normal in (parse_date, country_code):
        if (value := normal(text)) is not None:
            assert normal(value) == value
    label_name(text)
    parse_duration(text)
    discogs_name(text)
    release_type(text, (text,))
