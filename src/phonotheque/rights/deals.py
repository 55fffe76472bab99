"""What the deals of a DDEX message (ERN) let a free public archive do: pure rules over their values.

A deal is between a label and a service. It allows here only what the archive does in the way the deal names:
free of charge, without advertisements, subscriptions or accounts, to anybody in the deal's territory. The
tables follow DDEX' allowed value sets ``CommercialModelType`` and ``UseType``, with the values that earlier
versions of them had.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from phonotheque.model.rights import Act
from phonotheque.model.territory import NOWHERE, Territory

_MOST_PERIODS = 500  # of the deals of one release
_MOST_CUTS = 1_000_000  # deals times days on which something is taken down

_NONE: frozenset[Act] = frozenset()
_KEEP = frozenset({Act.PRESERVE})
_HEAR = frozenset({Act.PRESERVE, Act.STREAM})

# Who pays, and with what. No model lets strangers pass copies on, and none speaks of mining.
MODELS: dict[str, frozenset[Act]] = {
    "FreeOfChargeModel": _HEAR,  # nobody pays: what an archive is
    # The file may lie ready while the deal is in force; nothing is sold, rented or advertised here.
    "SubscriptionModel": _KEEP,
    "PayAsYouGoModel": _KEEP,
    "AdvertisementSupportedModel": _KEEP,
    "DeviceFeeModel": _KEEP,
    "PerformanceRoyaltiesModel": _KEEP,  # paid per performance, which an archive does not do
    "RightsClaimModel": _NONE,  # a claim to what others uploaded, no grant
    # What these mean stands in a contract that the message does not contain.
    "AsPerContract": _NONE,
    "UserDefined": _NONE,
    "Unknown": _NONE,
}

# What the public may do with it. A download is for the consumer to keep: that strangers may pass it on to
# others, as torrents do, is said by no use type.
USES: dict[str, frozenset[Act]] = {
    "OnDemandStream": _HEAR,
    "Stream": _HEAR,  # deprecated; stands for all streams, on demand among them
    # The listener may not choose the piece; on an archive's page every listener does.
    "NonInteractiveStream": _KEEP,
    "ContentInfluencedStream": _KEEP,
    "TimeInfluencedStream": _KEEP,
    "LiveStream": _KEEP,
    "Simulcast": _KEEP,
    "Webcast": _KEEP,
    "Podcast": _KEEP,
    "Broadcast": _KEEP,
    "Cable": _KEEP,
    "Narrowcast": _KEEP,
    "PermanentDownload": _KEEP,
    "ConditionalDownload": _KEEP,
    "TetheredDownload": _KEEP,
    "KioskDownload": _KEEP,
    "Download": _KEEP,
    "PrivateCopy": _KEEP,
    "Rent": _KEEP,
    "Playback": _KEEP,
    "Perform": _KEEP,
    "PerformInPublic": _KEEP,
    "PerformInLivePerformance": _KEEP,
    "PerformAsMusicOnHold": _KEEP,
    "PlayInPublic": _KEEP,
    "UseInPhoneListening": _KEEP,
    "UseInMobilePhoneMessaging": _KEEP,
    "UseAsAlertTone": _KEEP,
    "UseAsKaraoke": _KEEP,
    "UseAsRingbackTone": _KEEP,
    "UseAsRingbackTune": _KEEP,
    "UseAsRingtone": _KEEP,
    "UseAsRingtune": _KEEP,
    "UseAsVoiceMail": _KEEP,
    "UserMakeAvailableLabelProvided": _KEEP,  # on platforms where users publish, under their terms
    "UserMakeAvailableUserProvided": _NONE,  # of the users' own files: the label's is for comparing
    "UseForIdentification": _NONE,  # for comparing, too
    # No copy is handed to the archive to be kept as music, or it is put into another work.
    "PurchaseAsPhysicalProduct": _NONE,
    "Print": _NONE,
    "Display": _NONE,
    "UseAsScreensaver": _NONE,
    "UseAsWallpaper": _NONE,
    "UseAsDevice": _NONE,
    "Dub": _NONE,
    "DubForAdvertisement": _NONE,
    "DubForLivePerformance": _NONE,
    "DubForMovies": _NONE,
    "DubForMusicOnHold": _NONE,
    "DubForOnDemandStreaming": _NONE,
    "DubForPublicPerformance": _NONE,
    "DubForRadio": _NONE,
    "DubForTV": _NONE,
    "ExtractForInternet": _NONE,
    # Given to one recipient for itself; nobody says that the public may.
    "UseForDataMining": _NONE,
    "UseForTrainingGenerativeAI": _NONE,
    "UseForTrainingNonGenerativeAI": _NONE,
    "Use": _NONE,
    "AsPerContract": _NONE,
    "UserDefined": _NONE,
    "Unknown": _NONE,
}


@dataclass(frozen=True, slots=True)
class Deal:
    """One deal for one period. ``start`` and ``end`` are days (ISO 8601), both included; no end: open.

    ``limits`` are the names of further terms that bind it: to shops, devices, prices, numbers. ``takedown``:
    no deal, but the end of all others in its territory from its start. ``resources`` are the references of
    those it is for; empty for all of the release.
    """

    territory: Territory
    start: str
    end: str | None = None
    models: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    reference: str = ""
    preorder: bool = False
    takedown: bool = False
    resources: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Grant:
    """One act, where and when, and the terms it was read from."""

    act: Act
    territory: Territory
    start: str
    end: str | None
    terms: tuple[str, ...]


def acts_of(deal: Deal, *, alone: bool = True) -> frozenset[Act]:
    """Return what a deal allows. ``alone``: its release holds one recording.

    Nothing is public in a pre-order, nor under terms that the archive cannot keep. An album cannot be
    streamed, only its tracks can: DDEX advises to ignore deals that say otherwise.
    """
    if deal.takedown:
        return _NONE
    pairs = ((MODELS.get(model, _NONE), USES.get(use, _NONE)) for model in deal.models for use in deal.uses)
    acts = frozenset(act for by_model, by_use in pairs for act in by_model & by_use)
    return acts & _KEEP if deal.preorder or deal.limits or not alone else acts


def grants_of(deals: Sequence[Deal], *, alone: bool = True) -> tuple[Grant, ...]:
    """Return what the deals of one release allow together: as few grants as say it.

    Deals that say the same of many countries are one; what another grants everywhere and always is left out.
    """
    cut = list(_after_takedowns(deals))
    merged: dict[tuple[Act, str, str | None], tuple[Territory, dict[str, None]]] = {}
    for deal in cut:
        for act in sorted(acts_of(deal, alone=alone)):
            key = (act, deal.start, deal.end)
            where, terms = merged.get(key, (NOWHERE, {}))
            merged[key] = (where | deal.territory, terms | {said(deal): None})
    grants = [
        Grant(act, where, start, end, tuple(terms)) for (act, start, end), (where, terms) in merged.items()
    ]
    return tuple(_not_within(grants))


def too_many(deals: Sequence[Deal]) -> bool:
    """Tell whether there are more deals than one release may have: putting them together would take hours.

    A deal for each country of the world, with a few periods and prices each, is far from it.
    """
    downs = {deal.start for deal in deals if deal.takedown}
    periods = {(deal.start, deal.end) for deal in deals}
    return len(periods) > _MOST_PERIODS or len(deals) * len(downs) > _MOST_CUTS


def said(deal: Deal) -> str:
    """Return the terms of a deal in the words of the message, without its territory and dates."""
    parts = [f"{', '.join(deal.models) or 'no CommercialModelType'}: {', '.join(deal.uses) or 'no UseType'}"]
    if deal.preorder:
        parts.append("IsPreOrderDeal")
    parts += deal.limits
    if deal.reference:
        parts.append(f"DealReference “{deal.reference}”")
    return "; ".join(parts)


def _after_takedowns(deals: Sequence[Deal]) -> Iterable[Deal]:
    """Yield the deals as they are once releases were taken down: ended the day before, there."""
    standing = [deal for deal in deals if not deal.takedown]
    downs: dict[str, Territory] = {}
    for deal in deals:
        if deal.takedown:
            downs[deal.start] = downs.get(deal.start, NOWHERE) | deal.territory
    for start, territory in downs.items():
        last = _day_before(start)
        split = []
        for deal in standing:
            if elsewhere := deal.territory & ~territory:
                split.append(replace(deal, territory=elsewhere))
            there = deal.territory & territory
            if there and last and deal.start <= last:
                split.append(replace(deal, territory=there, end=min(deal.end or last, last)))
        standing = split
    return standing


def _day_before(day: str) -> str:
    """Return the day before; empty for the first day of the calendar, which has none."""
    first = date.fromisoformat(day)
    return "" if first == date.min else (first - timedelta(days=1)).isoformat()


def _not_within(grants: Sequence[Grant]) -> Iterable[Grant]:
    """Yield the grants that no other gives all of. Of equal ones there are none: keys differ."""
    by_act: dict[Act, list[Grant]] = {}
    for grant in grants:
        by_act.setdefault(grant.act, []).append(grant)
    left: set[int] = set()
    for some in by_act.values():
        kept: list[Grant] = []
        # The one that begins first and lasts longest comes first: only those before may give all of one.
        for one in sorted(some, key=lambda each: (each.start, each.end is not None, _backwards(each.end))):
            if not any(_outlasts(other, one) and one.territory <= other.territory for other in kept):
                kept.append(one)
        left.update(map(id, kept))
    yield from (one for one in grants if id(one) in left)


def _backwards(end: str | None) -> int:
    return -date.fromisoformat(end).toordinal() if end else 0


def _outlasts(one: Grant, other: Grant) -> bool:
    return one.end is None or (other.end is not None and other.end <= one.end)
