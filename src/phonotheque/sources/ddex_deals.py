"""What a DDEX message (ERN 3.8 and 4.x) says of rights: its ``DealList`` as values, by release reference.

What cannot be read with certainty is a problem, named by its element, and gives no deal. Dates hold for whole
days (both included); times are brought to UTC, and of a day that is in force in part nothing is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from phonotheque.model.territory import COUNTRIES, NOWHERE, WORLD, Territory
from phonotheque.rights.deals import Deal, too_many
from phonotheque.sources.ddex_elements import content_of, elements, text_of
from phonotheque.sources.small_files import local_name

# Terms that are read, or that bind nobody: what is shown when. Any other is a limit of the deal.
_READ = {
    *("CommercialModelType", "UseType", "Usage", "TerritoryCode", "ExcludedTerritoryCode", "ValidityPeriod"),
    *("IsPreOrderDeal", "TakeDown", "AllDealsCancelled", "DealReference", "IsExclusive"),
}
# Beside the terms, these bind a deal to files, shops or other papers.
_LIMITING = (
    "DealTechnicalResourceDetailsReferenceList",
    "DistributionChannelPage",
    "IsCommunicatedOutOfBand",
)
_SHOWN = re.compile(
    r"(ReleaseDisplay|TrackListingPreview|CoverArtPreview|ClipPreview|PreOrderPreview)(Start)?Date(Time)?"
)
_ALL_DOWN = Deal(WORLD, date.min.isoformat(), takedown=True)  # whatever was meant: the safe answer
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?")


@dataclass(frozen=True, slots=True)
class Problem:
    """What in a deal makes no sense: the element, what it holds, and why nothing is taken from it."""

    field: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class Deals:
    """The deals of a message by the reference of a release (``R0``), and what could not be read."""

    of: dict[str, tuple[Deal, ...]]
    problems: tuple[Problem, ...]


class _BadDealError(ValueError):
    """A deal that is not taken, and why."""

    def __init__(self, field: str, value: str, reason: str) -> None:
        super().__init__(reason)
        self.problem = Problem(field, value, reason)


def deals_of(root: Any, *, sent: date | None) -> Deals:
    """Return the deals of a message. ``sent`` is the day it was made: what it takes down without a date."""
    found: dict[str, list[Deal]] = {}
    problems: list[Problem] = []
    for release_deal in elements(root, "DealList", "ReleaseDeal"):
        references = [content_of(each) for each in elements(release_deal, "DealReleaseReference")]
        deals: list[Deal | None] = []
        effective, known = None, True
        try:
            effective = _day(text_of(release_deal, "EffectiveDate"), "EffectiveDate", first=True)
        except _BadDealError as bad:
            problems.append(bad.problem)
            known = False  # from when on is not known: none of its deals is taken, but what it takes down
        for deal in elements(release_deal, "Deal"):
            reference = text_of(deal, "DealReference")
            limited = [local_name(each) for each in deal if local_name(each) in _LIMITING]
            for terms in elements(deal, "DealTerms"):
                try:
                    more = list(_deals(deal, terms, reference, limited, sent, problems.append))
                except _BadDealError as bad:
                    problems.append(bad.problem)
                    if not _takes_down(terms):
                        continue
                    more = [_ALL_DOWN]
                if not known:
                    more = [_ALL_DOWN] if _takes_down(terms) else []
                deals += [_not_before(each, effective) for each in more]
        for reference in dict.fromkeys(references):
            found.setdefault(reference, []).extend(deal for deal in deals if deal is not None)
    for reference, every in found.items():
        if too_many(every):
            reason = "its release has more deals of different periods than can be read: none of them is taken"
            problems.append(Problem("DealReleaseReference", reference[:100], reason))
            found[reference] = [_ALL_DOWN] if any(deal.takedown for deal in every) else []
    return Deals({name: tuple(deals) for name, deals in found.items()}, tuple(dict.fromkeys(problems)))


def _deals(
    deal: Any,
    terms: Any,
    reference: str,
    limited: list[str],
    sent: date | None,
    complain: Callable[[Problem], None],
) -> Iterator[Deal]:
    """Yield a deal for each period of these terms, and of each usage that is for some resources only."""
    takedown = _takes_down(terms)
    where = _territory(terms, complain, every=takedown)
    models = tuple(dict.fromkeys(_value(each) for each in elements(terms, "CommercialModelType")))
    usages = [*_usages(terms), *(each for part in elements(deal, "ResourceUsage") for each in _usages(part))]
    limits = [*limited, *(name for each in terms if (name := local_name(each)) and not _binds_nobody(name))]
    for start, end in _periods(terms, sent if takedown else None):
        for uses, narrowed, resources in usages or [((), (), frozenset())]:
            yield Deal(
                territory=where,
                start=start,
                end=end,
                models=models,
                uses=uses,
                limits=tuple(dict.fromkeys((*limits, *narrowed))),
                reference=reference or text_of(terms, "DealReference"),
                preorder=_flag(terms, "IsPreOrderDeal"),
                takedown=takedown,
                resources=frozenset() if takedown else resources,
            )


def _binds_nobody(name: str) -> bool:
    return name in _READ or _SHOWN.fullmatch(name) is not None


def _usages(element: Any) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], frozenset[str]]]:
    """Yield use types with what else limits them, and the resources that they are for; none: all.

    ERN 4 has use types in the terms, ERN 3 in ``Usage``, with devices, channels and numbers beside them.
    """
    resources = frozenset(content_of(each) for each in elements(element, "DealResourceReference"))
    if direct := tuple(dict.fromkeys(_value(each) for each in elements(element, "UseType"))):
        yield direct, (), resources
    for usage in elements(element, "Usage"):
        uses = tuple(dict.fromkeys(_value(each) for each in elements(usage, "UseType")))
        narrowed = [name for each in usage if (name := local_name(each)) and name != "UseType"]
        yield uses, tuple(dict.fromkeys(narrowed)), resources


def _value(element: Any) -> str:
    """Return an allowed value; of a value that a sender defined only that it did."""
    text = content_of(element)
    return "UserDefined" if element.get("UserDefinedValue") else text


def _takes_down(terms: Any) -> bool:
    return any(_flag(terms, name) for name in ("TakeDown", "AllDealsCancelled"))


def _flag(terms: Any, name: str) -> bool:
    return text_of(terms, name).lower() in ("true", "1")


def _territory(terms: Any, complain: Callable[[Problem], None], *, every: bool) -> Territory:
    """Return where terms hold. A country that is not known is left out, unless ``every`` one is needed.

    One that is excluded must be known.
    """
    named = [content_of(each) for each in elements(terms, "TerritoryCode")]
    excluded = [content_of(each) for each in elements(terms, "ExcludedTerritoryCode")]
    if bool(named) is bool(excluded):
        reason = "names no territory" if not named else "names territories both as included and as excluded"
        raise _BadDealError(
            "TerritoryCode", " ".join([*named, *excluded])[:200], f"a deal {reason}: it is not taken"
        )
    where = NOWHERE
    for code in named:
        if code == "Worldwide":
            where = WORLD
        elif code in COUNTRIES:
            where |= Territory(frozenset({code}))
        elif every:
            raise _BadDealError("TerritoryCode", code, "is no country of ISO 3166-1: taken down everywhere")
        else:
            complain(
                Problem("TerritoryCode", code, "is no country of ISO 3166-1: the deal holds elsewhere only")
            )
    if named and not where:
        raise _BadDealError("TerritoryCode", " ".join(named)[:200], "a deal names no country that is known")
    left_out = frozenset(code.partition("-")[0] for code in excluded)  # a part of a country: all of it
    if unknown := sorted(left_out - COUNTRIES):
        reason = "is no country of ISO 3166-1, so where the deal does not hold is not known: it is not taken"
        raise _BadDealError("ExcludedTerritoryCode", unknown[0], reason)
    return where if named else Territory(left_out, all_but=True)


def _periods(terms: Any, otherwise: date | None) -> Iterator[tuple[str, str | None]]:
    """Yield first and last days. Without a start nothing holds, except a takedown: from ``otherwise``."""
    periods = list(elements(terms, "ValidityPeriod"))
    for period in periods or [None]:
        start = _either(period, "Start", first=True)
        end = _either(period, "End", first=False)
        if start is None:
            if otherwise is None:
                reason = "has no start: when the deal begins is known to its parties only, so it is not taken"
                raise _BadDealError("ValidityPeriod", "", reason)
            start = otherwise
        if end is not None and end < start:
            shown = f"{start} to {end}"
            raise _BadDealError(
                "ValidityPeriod", shown, "a deal ends before its first whole day: it is not taken"
            )
        yield start.isoformat(), None if end is None else end.isoformat()


def _either(period: Any, which: str, *, first: bool) -> date | None:
    if period is None:
        return None
    for name in (f"{which}DateTime", f"{which}Date"):
        if text := text_of(period, name):
            return _day(text, name, first=first)
    return None


def _day(text: str, field: str, *, first: bool) -> date | None:
    """Return the first (or last) day that a date or time leaves whole; None for no text."""
    if not text:
        return None
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
        if match := _TIME.fullmatch(text):
            return _whole_day(match, first=first)
    except (ValueError, OverflowError):
        pass  # 31 February, 25 o'clock, after the year 9999
    raise _BadDealError(field, text[:100], "is no date or time of ISO 8601: the deal is not taken")


def _whole_day(match: re.Match[str], *, first: bool) -> date:
    day, hour, minute, second, zone = match.groups()
    midnight = datetime.fromisoformat(f"{day}T00:00:00{(zone or 'Z').replace('Z', '+00:00')}")
    # “24:00:00” is the end of a day (ISO 8601-1 §5.3.1.1).
    if int(hour) > 24 or int(minute) > 59 or int(second or 0) > 60 or (hour == "24" and int(minute)):
        raise ValueError(match[0])
    moment = midnight + timedelta(hours=int(hour), minutes=int(minute), seconds=int(second or 0))
    moment = moment.astimezone(UTC)
    begins = moment.time() == moment.min.time()
    if first:
        return moment.date() if begins else moment.date() + timedelta(days=1)
    last_minute = (moment + timedelta(minutes=1)).date() != moment.date()  # 23:59, as most write it
    return moment.date() if last_minute and not begins else moment.date() - timedelta(days=1)


def _not_before(deal: Deal, effective: date | None) -> Deal | None:
    """Return a deal from the day on which its message takes effect (ERN 3.8); None if it has ended then."""
    if effective is None or deal.start >= effective.isoformat() or deal.takedown:
        return deal
    if deal.end is not None and deal.end < effective.isoformat():
        return None
    return replace(deal, start=effective.isoformat())
