"""Terms of protection in the European Union: Directive 2006/116/EC, as amended by 2011/77/EU.

A shorter term in the country that a work comes from (art. 7) is never taken as given: of what was first
published elsewhere, or it is not known where, the day found is the latest. Longer terms that ran in 1995
(art. 10(1)) are those of French and Spanish compositions; see below.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from phonotheque.model.rights import NEVER, Dates
from phonotheque.model.territory import EU
from phonotheque.rights.dates import Span, span
from phonotheque.rights.reasons import because
from phonotheque.rights.term import Term, missing, new_year

EXTENDED = 1963  # released in or after: still protected on 1 November 2013, and so for 70 years (art. 10(5))


def recording(dates: Dates) -> Term:
    """Phonograms: the producer's term, which the performers' (art. 3(1)) never outlasts."""
    return _at_the_latest(phonogram(dates), dates)


def _at_the_latest(term: Term, dates: Dates) -> Term:
    """2006/116/EC art. 7: what comes from a third country may be free earlier, as it is there."""
    foreign = term.free_from is not None and dates.country not in EU
    return replace(term, latest=term.latest or foreign)


def phonogram(dates: Dates) -> Term:
    """2006/116/EC art. 3(2): from the lawful publication; failing one, communication; failing both, fixation.

    Publication and communication count within 50 years from the fixation only.
    """
    published, communicated, fixed = (span(d) for d in (dates.published, dates.communicated, dates.fixed))
    if published and _in_time(published, fixed):
        earlier = communicated is not None and communicated.year < published.year
        return replace(released("published", published.year), latest=earlier)
    if fixed is None:
        return missing("eu-phonogram", "published" if dates.published != NEVER else "fixed")
    if dates.published is None or not (communicated or dates.communicated == NEVER):
        return fixed_at_least(fixed.year)
    if communicated and _in_time(communicated, fixed):
        return released("communicated", communicated.year)
    return unreleased(fixed.year)


def released(how: str, year: int) -> Term:
    """2006/116/EC art. 3(2) and 10(5): 70 years from the release, 50 if those were over on 1 November 2013.

    Terms are reckoned from the next 1 January (art. 8), so what was released up to 1962 was free in 2013. It
    was not protected anew.
    """
    if year < EXTENDED:
        return Term(
            f"eu-phonogram-{how}-before-1963", new_year(year + 51), because(f"eu-50-{how}", year=year)
        )
    return Term(f"eu-phonogram-{how}", new_year(year + 71), because(f"eu-70-{how}", year=year))


def unreleased(fixed: int) -> Term:
    """2006/116/EC art. 3(2), first sentence: 50 years from the fixation, if not released within them."""
    return Term("eu-phonogram-unreleased", new_year(fixed + 51), because("eu-50-fixed", year=fixed))


def fixed_at_least(fixed: int) -> Term:
    """2006/116/EC art. 3(2): the longest term there can be, with a release in the 50th year from fixation."""
    longest = released("published", fixed + 50).free_from
    return Term("eu-phonogram-fixed", longest, because("eu-fixed", year=fixed), latest=True)


def _in_time(release: Span, fixed: Span | None) -> bool:
    return fixed is None or release.year <= fixed.year + 50


def composition(dates: Dates) -> Term:
    """Musical works: by their authors' lives, or by the first making available if they are anonymous."""
    return _at_the_latest(anonymous(dates) if dates.anonymous else lives(dates), dates)


def lives(dates: Dates) -> Term:
    """2006/116/EC art. 1(1), (2) and (7): 70 years after the last of the authors of music and words has died.

    Art. 1(7) joins music and words made for each other; where it does not apply, the longer term still
    bounds both. First published after that: art. 4, 25 years for who publishes it.
    """
    if not dates.all_deaths:
        return missing("eu-life", "all-deaths" if dates.deaths else "deaths")
    year = max(dates.deaths)
    published = span(dates.published)
    if published and published.year > year + 70:
        reason = because("eu-first-published", year=published.year)
        return Term("eu-first-published", new_year(published.year + 26), reason)
    key = {True: "eu-life-words", False: "eu-life-music", None: "eu-life"}[dates.with_words]
    return Term("eu-life", new_year(year + 71), because(key, year=year))


def anonymous(dates: Dates) -> Term:
    """2006/116/EC art. 1(3) and (6): 70 years from being lawfully made available, else from creation."""
    releases = (dates.published, dates.communicated)
    fixed = span(dates.fixed)
    year = min((when.year for release in releases if (when := span(release))), default=None)
    if year is not None and (fixed is None or year <= fixed.year + 70):
        return Term("eu-anonymous", new_year(year + 71), because("eu-anonymous", year=year))
    if fixed is None:
        return missing("eu-anonymous", "published-or-fixed")
    if not all(releases):  # what is not known may have been in time
        reason = because("eu-anonymous-fixed", year=fixed.year)
        return Term("eu-anonymous-fixed", new_year(fixed.year + 141), reason, latest=True)
    reason = because("eu-anonymous-unreleased", year=fixed.year)
    return Term("eu-anonymous-unreleased", new_year(fixed.year + 71), reason)


def french_composition(dates: Dates) -> Term:
    """Code de la propriété intellectuelle L123-8 to L123-10: years added for the wars and their dead.

    Music had 70 years in France since 1986, so the longer terms were running on 1 July 1995 (art. 10(1);
    loi 85-660; as the courts have it, other works had not). The added years are counted as
    they are in use: 8 years and 120 days (brought out before 1948) from 1 January to 1 May, with 6 years and
    152 days more (before 1921) to 1 October. What is not known to have come out, or to have been written,
    later, is treated so; and who died in the war years, as if for France (30 years).
    """
    term = composition(dates)
    if term.free_from is None or term.rule == "eu-first-published":
        return term
    out = _first_out(dates)
    years, month = (0, 1) if out >= 1948 else (8, 5) if out >= 1921 else (14, 10)
    fallen = any(1914 <= year <= 1919 or 1939 <= year <= 1945 for year in dates.deaths)
    if not (years or fallen):
        return term
    free = date(term.free_from.year + years + 30 * fallen, month, 1)
    reason = because("fr-wars-fallen" if fallen else "fr-wars", year=term.free_from.year - 71)
    return Term("fr-wars", free, reason, latest=True)


def _first_out(dates: Dates) -> int:
    """Return the earliest year in which a composition can have been brought out, 0 if nothing is known."""
    known = [when.year for d in (dates.published, dates.communicated) if (when := span(d))]
    if not span(dates.published) or dates.communicated is None:
        fixed = span(dates.fixed)
        known.append(fixed.year if fixed else 0)
    return min(known, default=0)


def spanish_composition(dates: Dates) -> Term:
    """Real Decreto Legislativo 1/1996, fourth transitional provision: 80 years, if dead by 6 December 1987.

    It is the term of the law of 1879, which ran on 1 July 1995 (2006/116/EC art. 10(1)). Who died in 1987 is
    treated as if before that day.
    """
    term = composition(dates)
    if term.free_from is None or term.rule != "eu-life":
        return term
    year = max(dates.deaths)
    if year > 1987:
        return term
    free = max(new_year(year + 81), term.free_from)
    reason = because("es-80-1987" if year == 1987 else "es-80", year=year)
    return replace(term, rule="es-80-years", free_from=free, reason=reason)
