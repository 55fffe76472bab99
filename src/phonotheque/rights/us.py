"""Terms of protection in the United States: 17 USC chapters 3 and 14.

Where formalities could have ended a term early (renewal until 1963, notice until 1989), they are taken to
have been kept: the day found is then the latest.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from phonotheque.model.rights import NEVER, Dates
from phonotheque.rights.dates import span
from phonotheque.rights.reasons import because
from phonotheque.rights.term import Term, later, missing, new_year

FEDERAL = date(1972, 2, 15)  # sound recordings fixed from this day on have federal copyright: 17 USC 301(c)
AUTOMATIC = date(1978, 1, 1)  # the Act of 1976: copyright from creation on
END_OF_1401 = date(2067, 2, 16)  # the day after the last


def recording(dates: Dates) -> Term:
    """Sound recordings: by 17 USC 1401 if fixed before 15 February 1972, by 302 to 304 if later.

    Where it is not known which, the longer term holds. So it does for what was fixed before and first
    published after that day abroad: its copyright may have been restored as well (17 USC 104A).
    """
    published, fixed = span(dates.published), span(dates.fixed)
    if published is None and fixed is None:
        return missing("us-recording", "published-or-fixed")
    if published and published.last < FEDERAL:
        return recording_before_1972(dates)
    if fixed and fixed.first >= FEDERAL:
        return recording_since_1972(dates)
    if fixed and fixed.last < FEDERAL:
        if dates.published == NEVER or dates.country == "US":
            return recording_before_1972(dates)
        if published is None:
            return missing("us-recording", "published")
    return later(recording_before_1972(dates), recording_since_1972(dates))


def recording_before_1972(dates: Dates) -> Term:
    """17 USC 1401(a)(2): 95 years from publication and a further 3, 5 or 15, by the year of publication.

    (A)(i) and (B)(i): published before 1923, until the end of 2021. (B)(ii): 1923 to 1946, 5 years more.
    (B)(iii): 1947 to 1956, 15 years more. (B)(iv): all others, until 15 February 2067.
    """
    published = span(dates.published)
    year = published.year if published else None
    if year is not None and year < 1923:
        return Term("us-recording-before-1923", new_year(2022), because("us-1401-i", year=year))
    if year is not None and year <= 1946:
        return Term("us-recording-1923-1946", new_year(year + 101), because("us-1401-ii", year=year))
    if year is not None and year <= 1956:
        return Term("us-recording-1947-1956", new_year(year + 111), because("us-1401-iii", year=year))
    certain = published is not None or dates.published == NEVER
    return Term("us-recording-before-1972", END_OF_1401, because("us-1401-iv"), latest=not certain)


def recording_since_1972(dates: Dates) -> Term:
    """17 USC 304 if published before 1978 (its copyright is of Pub. L. 92-140), else 302 and 303."""
    published = span(dates.published)
    if published and published.last < AUTOMATIC:
        return published_before_1978(dates)
    return since_1978(dates)


def composition(dates: Dates) -> Term:
    """Musical works: by 17 USC 304 if published before 1978, by 302 and 303 if not.

    Records sold before 1978 did not publish the music on them (17 USC 303(b)); sheet music did.
    """
    published, fixed = span(dates.published), span(dates.fixed)
    if published and published.last < AUTOMATIC:
        return published_before_1978(dates)
    if dates.published != NEVER and published is None and not (fixed and fixed.first >= AUTOMATIC):
        return missing("us-composition", "published-copies")
    return since_1978(dates)


def published_before_1978(dates: Dates) -> Term:
    """17 USC 304(a) and (b): 95 years from publication, to the end of the year (305).

    What was published before 1923 had ended before Pub. L. 105-298 made 95 of 75 years. What was published
    until 1963 had to be renewed, and everything had to bear a notice; both are taken to have been done.
    """
    published = span(dates.published)
    if published is None or published.year >= 1978:
        raise ValueError("published_before_1978 is asked of what was not")
    year = published.year
    if year < 1923:
        reason = because("us-75-years", year=year)
        return Term("us-published-before-1923", new_year(year + 76), reason, latest=True)
    reason = because("us-95-years", year=year)
    return Term("us-published-before-1978", new_year(year + 96), reason, latest=True)


def since_1978(dates: Dates) -> Term:
    """17 USC 302 by authors, with the least terms of 303(a) for what was created before 1978.

    Unless it is stated whether it was made for hire, the longer of both terms holds.
    """
    if dates.for_hire or dates.anonymous:
        return not_before_303(made_for_hire(dates), dates)
    if not dates.all_deaths:
        return missing("us-life", "all-deaths" if dates.deaths else "authors")
    life = life_and_70(dates)
    if dates.for_hire is None:
        hire = made_for_hire(dates)
        life = missing("us-life", "for-hire") if hire.free_from is None else later(life, hire)
    return not_before_303(life, dates)


def life_and_70(dates: Dates) -> Term:
    """17 USC 302(a) and (b): 70 years after the last author's death."""
    year = max(dates.deaths)
    return Term("us-life", new_year(year + 71), because("us-life", year=year))


def made_for_hire(dates: Dates) -> Term:
    """17 USC 302(c), also for anonymous works: 95 years from publication or 120 from creation.

    What ends first counts; if one of the two is not known, the other is the latest.
    """
    published, fixed = span(dates.published), span(dates.fixed)
    by_publication = new_year(published.year + 96) if published else None
    by_creation = new_year(fixed.year + 121) if fixed else None
    ends = [day for day in (by_publication, by_creation) if day]
    if not ends:
        return missing("us-for-hire", "published-or-fixed")
    first = min(ends)
    known = by_creation is not None and (by_publication is not None or dates.published == NEVER)
    if published and first == by_publication:
        reason = because("us-hire-95", year=published.year)
    else:
        reason = because("us-hire-120", year=first.year - 121)
    return Term("us-for-hire", first, reason, latest=not known)


def not_before_303(term: Term, dates: Dates) -> Term:
    """17 USC 303(a): what was created before 1978 and neither published nor registered then.

    Protected until the end of 2002 at least; until the end of 2047 if it was published by then. What is not
    known to have been created later, or not published by then, is treated so.
    """
    published, fixed = span(dates.published), span(dates.fixed)
    if term.free_from is None or (fixed and fixed.first >= AUTOMATIC):
        return term
    after_2002 = dates.published == NEVER or (published is not None and published.year > 2002)
    least = new_year(2003) if after_2002 else new_year(2048)
    if term.free_from >= least:
        return term
    certain = fixed is not None and (published is not None or dates.published == NEVER)
    reason = because("us-303-unpublished" if after_2002 else "us-303-published")
    return replace(term, rule="us-303", free_from=least, reason=reason, latest=not certain)
