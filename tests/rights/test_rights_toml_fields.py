"""rights.toml states what ``phono rights grant`` does: acts, validity, dates; an error for each field."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from phonotheque.model.errors import PhonothequeError
from phonotheque.model.rights import Act, Dates, Kind, Statement
from phonotheque.rights.decide import decide
from phonotheque.rights.rights_toml import read_rights_toml


def stated(folder: Path, *tables: str) -> tuple[Statement, ...]:
    path = folder / "rights.toml"
    text = "\n".join(f'[[rights]]\nevidence = "a letter"\n{table}\n' for table in tables)
    path.write_text(text, encoding="utf-8")
    return read_rights_toml(path).evidence_for("01.flac").statements


def test_an_agreement_with_its_acts_and_days(tmp_path: Path) -> None:
    (said,) = stated(
        tmp_path,
        'kind = "deposit"\nacts = ["stream", "preserve"]\nconditions = ["attribution"]\n'
        'valid_from = 2026-01-01\nvalid_until = "2027-12-31"\n'
        'stated_at = 2025-12-24\nterritory = "WORLD -US"',
    )
    assert (said.kind, said.acts, said.conditions) == (
        Kind.DEPOSIT,
        (Act.PRESERVE, Act.STREAM),
        ("attribution",),
    )
    assert (said.valid_from, said.valid_until, said.stated_at) == ("2026-01-01", "2027-12-31", "2025-12-24")
    assert said.territory == "WORLD -US"


def test_dates_with_and_without_quotes(tmp_path: Path) -> None:
    (said,) = stated(
        tmp_path,
        'kind = "dates"\npublished = 1932\nfixed = 1931-05-03\ncommunicated = "never"\ncountry = "FR"\n'
        "deaths = [1944, 1937]\nall_deaths = true\nwith_words = false\nfor_hire = true",
    )
    assert said.dates == Dates("1932", "1931-05-03", "never", "FR", (1937, 1944), True, False, True)


def test_kinds_that_stand_beside_each_other_and_those_that_replace(tmp_path: Path) -> None:
    first, second = 'valid_until = "2026-12-31"', 'valid_from = "2027-01-01"'
    deposit = 'kind = "deposit"\nacts = ["stream"]'
    found = stated(
        tmp_path,
        'licence = "CC-BY-4.0"',
        'kind = "dates"\npublished = "1932"',
        'kind = "reservation"',
        'kind = "mandate"',
        'licence = "CC0-1.0"',
        'kind = "dates"\npublished = "1933"',
        f"{deposit}\n{first}",
        f"{deposit}\n{second}",
    )
    kinds = sorted((said.kind.value, said.valid_from or "") for said in found)
    assert kinds == [
        ("dates", ""),
        ("deposit", ""),
        ("deposit", "2027-01-01"),
        ("mandate", ""),
        ("reservation", ""),
    ]
    assert [said.dates.published for said in found if said.dates] == ["1933"]


@pytest.mark.parametrize(
    "narrower",
    [
        'kind = "deposit"\nacts = ["preserve"]\nvalid_until = "2027-12-31"',
        'kind = "deposit"\nacts = ["preserve"]\nvalid_from = "2026-01-01"',
        'kind = "on-site"',
        'kind = "unknown"',
    ],
)
def test_a_later_table_that_allows_less_narrows(tmp_path: Path, narrower: str) -> None:
    path = tmp_path / "rights.toml"
    free, less = 'licence = "CC-BY-4.0"', f'files = ["unreleased/*"]\n{narrower}'
    path.write_text("\n".join(f'[[rights]]\nevidence = "a letter"\n{table}\n' for table in (free, less)))
    rules = read_rights_toml(path)
    for day in (date(2026, 11, 26), date(2028, 1, 1)):  # what has ended does not bring back what it replaced
        for name, answer in (("released/01.flac", "yes"), ("unreleased/01.flac", "unknown")):
            said = rules.evidence_for(name).statements
            assert decide(said, Act.DISTRIBUTE, on=day).answer == answer


def test_tables_for_one_time_after_another_hold_together(tmp_path: Path) -> None:
    embargo = 'kind = "deposit"\nacts = ["preserve"]\nvalid_until = "2026-12-31"'
    said = stated(
        tmp_path, 'licence = "CC0-1.0"', embargo, 'licence = "CC-BY-4.0"\nvalid_from = "2027-01-01"'
    )
    days = (date(2026, 12, 31), date(2027, 1, 1))
    assert [decide(said, Act.DISTRIBUTE, on=day).answer for day in days] == ["unknown", "yes"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ('kind = "withdrawal"', "kind: “withdrawal” is not one of its values"),
        ('kind = "delivery"', "kind: “delivery” is not one of its values"),
        ('kind = "deposit"\nacts = ["sing"]', "acts: “sing” is not one of its values"),
        ('kind = "deposit"\nacts = [1]', "acts: it is not a list of texts"),
        ('kind = "deposit"\nvalid_until = "soon"', "valid_until: “soon” is not a day"),
        ('kind = "deposit"\nvalid_until = 2026', "valid_until: it is not a text"),
        ('kind = "dates"\ndeaths = ["1937"]', "deaths: it is not a list of years"),
        ('kind = "dates"\ndeaths = [true]', "deaths: it is not a list of years"),
        ('kind = "dates"\nanonymous = false\ndeaths = [0x' + "f" * 5000 + "]", "deaths: “…” is no date"),
        ('kind = "dates"\npublished = 0x' + "f" * 5000, "published: it is not a year"),
        ('kind = "dates"\npublished = 0', "published: it is not a year"),
        ('kind = "dates"\nfor_hire = "yes"', "for_hire: it is neither true nor false"),
        ('kind = "dates"\npublished = "1932-13"', "published: "),
        ('kind = "dates"', "dates: no fact is given"),
        ('licence = "CC0-1.0"\npublished = 1932', "dates: a “licence” has no facts of terms"),
        ('kind = "deposit"\ndocument = "agreement.pdf"', "there is no field “document”"),
    ],
)
def test_a_mistake_names_the_table_and_the_field(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(PhonothequeError) as caught:
        stated(tmp_path, 'licence = "CC0-1.0"', table)
    assert f"[[rights]] table 2: {message}" in caught.value.message
    assert caught.value.advice
