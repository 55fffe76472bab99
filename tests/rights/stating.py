"""Statements drawn at random, with few values each so that they meet."""

from __future__ import annotations

from hypothesis import strategies as st

from phonotheque.model.rights import Act, Covers, Dates, Kind, Statement

DAYS = ("2026-01-01", "2026-06-30", "2027-01-01", "2047-12-31")
PLACES = ("WORLD", "US", "DE FR", "WORLD -US", "EU")
LICENCES = ("CC-BY-4.0", "CC-BY-NC-SA-3.0", "CC0-1.0", "GPL-3.0-or-later", "MIT", "not a licence")
_YEARS = st.sampled_from(["1912", "1927", "1949-03", "1962", "1963-05-04", "1975", "never", None])


def _acts(kind: Kind) -> st.SearchStrategy[tuple[Act, ...]]:
    if kind in (Kind.DEPOSIT, Kind.DELIVERY, Kind.OWN_WORK, Kind.WITHDRAWAL):
        return st.lists(st.sampled_from(Act), unique=True).map(tuple)
    return st.just((Act.MINE,) if kind is Kind.RESERVATION else ())


def _dates() -> st.SearchStrategy[Dates]:
    return st.builds(
        Dates,
        published=_YEARS,
        fixed=st.sampled_from(["1911", "1927", "1961", None]),
        country=st.sampled_from(["US", "FR", "JP", None]),
        deaths=st.sampled_from([(), (1950,), (1912, 1976)]),
        all_deaths=st.booleans(),
        for_hire=st.sampled_from([None, False, True]),
    )


@st.composite
def statements_of_all_kinds(draw: st.DrawFn) -> Statement:
    kind = draw(st.sampled_from(Kind))
    licensed = kind in (Kind.LICENCE, Kind.PUBLIC_DOMAIN, Kind.DEPOSIT)
    days = sorted(draw(st.lists(st.sampled_from(DAYS), min_size=2, max_size=2)))
    return Statement(
        kind,
        draw(st.sampled_from([*LICENCES, None])) if licensed else None,
        draw(st.sampled_from(["a letter", "a page"])),
        "grant",
        draw(st.sampled_from(["Ann", "Bo"])),
        draw(st.sampled_from(["Cy", None])),
        draw(st.sampled_from(Covers)),
        draw(st.sampled_from(PLACES)),
        acts=draw(_acts(kind)),
        valid_from=draw(st.sampled_from([None, days[0]])),
        valid_until=draw(st.sampled_from([None, days[1]])),
        dates=draw(_dates()) if kind is Kind.DATES else None,
    )
