"""What deals of labels let a free public archive do: every allowed value, and how deals are put together."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.rights import Act
from phonotheque.model.territory import COUNTRIES, Territory, parse_territory
from phonotheque.rights.deals import MODELS, USES, Deal, acts_of, grants_of, too_many

P, S = Act.PRESERVE, Act.STREAM
# The allowed values of DDEX' data dictionary, as published: CommercialModelType and UseType.
PUBLISHED_MODELS = """
AdvertisementSupportedModel AsPerContract DeviceFeeModel FreeOfChargeModel PayAsYouGoModel
PerformanceRoyaltiesModel RightsClaimModel SubscriptionModel Unknown UserDefined
"""
PUBLISHED_USES = """
AsPerContract Broadcast Cable ConditionalDownload ContentInfluencedStream Display Download Dub
DubForAdvertisement DubForLivePerformance DubForMovies DubForMusicOnHold DubForOnDemandStreaming
DubForPublicPerformance DubForRadio DubForTV ExtractForInternet KioskDownload LiveStream Narrowcast
NonInteractiveStream OnDemandStream Perform PerformAsMusicOnHold PerformInLivePerformance PerformInPublic
PermanentDownload PlayInPublic Playback Podcast Print PrivateCopy PurchaseAsPhysicalProduct Rent
Simulcast Stream TetheredDownload TimeInfluencedStream Unknown Use UseAsAlertTone UseAsDevice
UseAsKaraoke UseAsRingbackTone UseAsRingbackTune UseAsRingtone UseAsRingtune UseAsScreensaver
UseAsVoiceMail UseAsWallpaper UseForDataMining UseForIdentification UseForTrainingGenerativeAI
UseForTrainingNonGenerativeAI UseInMobilePhoneMessaging UseInPhoneListening UserDefined
UserMakeAvailableLabelProvided UserMakeAvailableUserProvided Webcast
"""


def deal(models: str = "FreeOfChargeModel", uses: str = "OnDemandStream", **more: Any) -> Deal:
    where = parse_territory(more.pop("where", "WORLD"))
    start = more.pop("start", "2026-01-01")
    return Deal(where, start, models=tuple(models.split()), uses=tuple(uses.split()), **more)


def granted(*deals: Deal, **options: bool) -> list[tuple[str, str, str, str | None]]:
    return [(g.act.value, str(g.territory), g.start, g.end) for g in grants_of(deals, **options)]


@pytest.mark.parametrize("model", PUBLISHED_MODELS.split())
@pytest.mark.parametrize("use", PUBLISHED_USES.split())
def test_every_allowed_value_is_decided(model: str, use: str) -> None:
    acts = acts_of(deal(model, use))
    assert model in MODELS
    assert use in USES
    assert acts <= {P, S}, "no deal lets strangers pass copies on, or mine"
    assert (S in acts) == (model == "FreeOfChargeModel" and use in ("OnDemandStream", "Stream"))
    assert S not in acts or P in acts


@pytest.mark.parametrize(
    ("models", "uses", "acts"),
    [
        ("FreeOfChargeModel", "OnDemandStream", {P, S}),
        ("FreeOfChargeModel", "Stream", {P, S}),
        ("FreeOfChargeModel", "NonInteractiveStream", {P}),  # nobody may choose the piece
        ("FreeOfChargeModel", "PermanentDownload", {P}),  # for the consumer, not for strangers to pass on
        ("FreeOfChargeModel", "PermanentDownload OnDemandStream", {P, S}),
        ("SubscriptionModel FreeOfChargeModel", "OnDemandStream", {P, S}),
        ("SubscriptionModel", "OnDemandStream", {P}),
        ("AdvertisementSupportedModel", "OnDemandStream", {P}),
        ("PayAsYouGoModel", "PermanentDownload", {P}),
        ("RightsClaimModel", "UserMakeAvailableLabelProvided", set()),
        ("AsPerContract", "OnDemandStream", set()),
        ("SubscriptionModel", "UseForIdentification", set()),
        ("FreeOfChargeModel", "UseForDataMining", set()),
        ("FreeOfChargeModel", "UseForTrainingGenerativeAI", set()),
        ("FreeOfChargeModel", "", set()),
        ("", "OnDemandStream", set()),
        ("SomethingNew", "OnDemandStream", set()),
        ("FreeOfChargeModel", "SomethingNew", set()),
    ],
)
def test_what_a_deal_allows(models: str, uses: str, acts: set[Act]) -> None:
    assert acts_of(deal(models, uses)) == acts


def test_nothing_is_public_under_terms_that_an_archive_cannot_keep() -> None:
    assert acts_of(deal(limits=("DistributionChannel",))) == {P}
    assert acts_of(deal(preorder=True)) == {P}
    assert acts_of(deal(), alone=False) == {P}, "albums cannot be streamed, only their tracks"
    assert acts_of(deal(takedown=True)) == set()


def test_the_same_deal_for_each_country_is_one_for_the_world() -> None:
    deals = [deal("SubscriptionModel", where=code) for code in sorted(COUNTRIES)]
    assert granted(*deals) == [("preserve", "WORLD", "2026-01-01", None)]
    ((_, where, _, _),) = granted(*deals[1:])
    assert parse_territory(where).codes == COUNTRIES - {min(COUNTRIES)}


def test_deals_that_overlap_give_what_any_of_them_gives() -> None:
    subscription = deal("SubscriptionModel", where="DE FR")
    free = deal(where="FR", start="2026-06-01", end="2026-06-30")
    assert granted(subscription, free) == [
        ("preserve", "DE FR", "2026-01-01", None),
        ("stream", "FR", "2026-06-01", "2026-06-30"),
    ]


def test_deals_that_follow_each_other_both_stand() -> None:
    assert granted(deal("PayAsYouGoModel", "PermanentDownload", end="2026-03-31"),
                   deal("PayAsYouGoModel", "PermanentDownload", start="2026-04-01")) == [
        ("preserve", "WORLD", "2026-01-01", "2026-03-31"),
        ("preserve", "WORLD", "2026-04-01", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("down", "left"),
    [
        (deal(takedown=True, start="2026-05-01"), [("WORLD", "2026-04-30")]),
        (deal(takedown=True, start="2025-05-01"), []),
        (deal(takedown=True, start="2026-01-01"), []),
        (deal(takedown=True, start="0001-01-01"), []),
        (deal(takedown=True, start="2026-05-01", where="DE"), [("DE", "2026-04-30"), ("WORLD -DE", None)]),
    ],
)
def test_a_takedown_ends_deals_the_day_before(down: Deal, left: list[tuple[str, str | None]]) -> None:
    found = granted(deal("PayAsYouGoModel", "PermanentDownload"), down)
    assert sorted((where, end) for _, where, _, end in found) == left
    assert granted(down, deal("PayAsYouGoModel", "PermanentDownload")) == found, "in whatever order"


def test_takedowns_and_periods_without_number_are_too_many() -> None:
    world = [
        deal("SubscriptionModel", where=code, end=f"203{n}-01-01") for code in COUNTRIES for n in range(5)
    ]
    assert not too_many([*world, deal(takedown=True)])
    days = [(date(2020, 1, 1) + timedelta(days=n)).isoformat() for n in range(600)]
    assert too_many([deal(start=day) for day in days])
    assert too_many([*(world * 10), *(deal(takedown=True, start=day) for day in days[:200])])


def test_of_hundreds_of_periods_one_within_another_the_longest_is_left() -> None:
    days = [date(2026, 1, 1) + timedelta(days=n) for n in range(400)]
    nested = [deal(start=day.isoformat(), end=f"{3000 - n}-01-01") for n, day in enumerate(days)]
    assert granted(*reversed(nested)) == granted(nested[0])


_days = st.dates(date(2020, 1, 1), date(2030, 1, 1))
_territories = st.builds(Territory, st.frozensets(st.sampled_from(["DE", "FR", "US", "JP"])), st.booleans())


@st.composite
def some_deal(draw: st.DrawFn) -> Deal:
    start = draw(_days)
    end = draw(st.none() | st.dates(start, date(2031, 1, 1)))
    values = st.lists(st.sampled_from([*MODELS, *USES, "SomethingNew"]), max_size=3).map(tuple)
    return Deal(
        draw(_territories),
        start.isoformat(),
        end.isoformat() if end else None,
        models=draw(values),
        uses=draw(values),
        takedown=draw(st.booleans()),
        preorder=draw(st.booleans()),
        limits=draw(st.sampled_from([(), ("PriceInformation",)])),
    )


@given(st.lists(some_deal(), max_size=5), _days, st.sampled_from(["DE", "FR", "US", "JP", "CH"]))
def test_together_they_grant_what_one_does_that_is_not_taken_down(
    deals: list[Deal], day: date, country: str
) -> None:
    on = day.isoformat()
    by_grants = {g.act for g in grants_of(deals) if country in g.territory and g.start <= on <= (g.end or on)}
    down = any(d.takedown and country in d.territory and d.start <= on for d in deals)
    by_deals = {
        act for d in deals if country in d.territory and d.start <= on <= (d.end or on) for act in acts_of(d)
    }
    assert by_grants == (set() if down else by_deals)
