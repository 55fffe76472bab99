"""Deals in DDEX messages: the forms that ERN 3.8 and 4 have for them, and what makes no sense."""

from __future__ import annotations

from datetime import date

import pytest

from phonotheque.model.rights import Covers, Kind, Statement
from phonotheque.sources.ddex_deals import deals_of
from phonotheque.sources.ddex_rights import Spoken, names_of, problems_in, spoken
from phonotheque.sources.small_files import parse_xml
from tests.sources.ern_messages import deal_list, ern_3_deal, ern_4_deal, header, message_38, message_43

US = names_of(["PADPIDA-OURS", "Our Archive"])


def read(message: str) -> Spoken:
    content = message.encode()
    found = spoken(parse_xml(content)[0], content, US)
    assert found
    return found


def granted(message: str) -> dict[str, list[str]]:
    """What a message grants, by release and recording: acts, territory, days."""
    found: dict[str, list[str]] = {}
    for release in read(message).releases:
        for what, evidence in release.said.items():
            lines = [
                f"{s.acts[0]} {s.territory} {s.valid_from}–{s.valid_until or ''}" for s in evidence.statements
            ]
            found.setdefault(f"{release.key.partition('|')[2]} {what}", []).extend(lines)
    return found


def terms(content: str) -> list[str]:
    """What terms grant to a single, and what is wrong in them."""
    message = message_43(deal_list("R1", ern_4_deal(content)))
    grants = [line for lines in granted(message).values() for line in lines]
    return [
        *grants,
        *(f"{problem.field}: {problem.value}" for problem in problems_in(parse_xml(message.encode())[0])),
    ]


FREE = "<CommercialModelType>FreeOfChargeModel</CommercialModelType><UseType>OnDemandStream</UseType>"
HERE = "<TerritoryCode>Worldwide</TerritoryCode>"
NOW = "<ValidityPeriod><StartDate>2026-01-01</StartDate></ValidityPeriod>"


def test_a_free_stream_of_a_track_in_ern_4() -> None:
    message = message_43(deal_list("R1", ern_4_deal(HERE + NOW + FREE)))
    spoke = read(message)
    assert granted(message) == {
        "A10302B0003989564F GBAYE6800011": [],
        "isrc:GBAYE6800011 GBAYE6800011": ["preserve WORLD 2026-01-01–", "stream WORLD 2026-01-01–"],
    }
    (statements,) = [e.statements for r in spoke.releases for e in r.said.values() if e.statements]
    keep, hear = statements
    assert hear == Statement(
        kind=Kind.DELIVERY,
        licence=None,
        evidence="DDEX message M-43 of 2026-01-02T09:00:00Z: FreeOfChargeModel: OnDemandStream; in WORLD; "
        "from 2026-01-01 on",
        evidence_origin="ddex",
        asserted_by="Mill Tapes",
        holder="Mill Tapes",
        covers=Covers.RECORDING,
        territory="WORLD",
        acts=hear.acts,
        valid_from="2026-01-01",
        stated_at="2026-01-02T09:00:00Z",
        evidence_sha256=spoke.sha256,
    )
    assert keep.covers is Covers.BOTH


def test_deals_in_the_form_of_ern_3_8() -> None:
    but_germany = "<ExcludedTerritoryCode>DE</ExcludedTerritoryCode>"
    track = ern_3_deal("FreeOfChargeModel", "OnDemandStream", but_germany,
                       "<StartDate>2026-01-01</StartDate><EndDate>2026-12-31</EndDate>")  # fmt: skip
    album = ern_3_deal("PayAsYouGoModel", "PermanentDownload", "<TerritoryCode>FR</TerritoryCode>",
                       "<StartDateTime>2026-02-01T00:00:00</StartDateTime>")  # fmt: skip
    assert granted(message_38(deal_list("R0", album), deal_list("R2", track))) == {
        "icpn:74646938720 GBAYE6800011": ["preserve FR 2026-02-01–"],
        "icpn:74646938720 GBAYE6800012": ["preserve FR 2026-02-01–"],
        "isrc:GBAYE6800012 GBAYE6800012": [
            "preserve WORLD -DE 2026-01-01–2026-12-31",
            "stream WORLD -DE 2026-01-01–2026-12-31",
        ],
    }


def test_a_stream_of_an_album_is_none() -> None:
    deal = ern_3_deal("FreeOfChargeModel", "OnDemandStream", HERE, "<StartDate>2026-01-01</StartDate>")
    found = granted(message_38(deal_list("R0", deal)))
    assert found["icpn:74646938720 GBAYE6800011"] == ["preserve WORLD 2026-01-01–"]


def test_a_usage_of_some_resources_is_of_these_only() -> None:
    model = "<CommercialModelType>FreeOfChargeModel</CommercialModelType>"
    deal = f"""<Deal><DealTerms>{model}{HERE}{NOW}</DealTerms>
     <ResourceUsage><DealResourceReference>A2</DealResourceReference>
      <Usage><UseType>PermanentDownload</UseType></Usage></ResourceUsage></Deal>"""
    found = granted(message_38(deal_list("R0", deal)))
    assert found["icpn:74646938720 GBAYE6800012"] == ["preserve WORLD 2026-01-01–"]
    assert found["icpn:74646938720 GBAYE6800011"] == []


@pytest.mark.parametrize("flag", ["TakeDown", "AllDealsCancelled"])
def test_taking_a_release_down_takes_its_tracks_with_it(flag: str) -> None:
    deal = ern_3_deal("FreeOfChargeModel", "OnDemandStream", HERE, "<StartDate>2026-01-01</StartDate>")
    down = f"<Deal><DealTerms><{flag}>true</{flag}><TerritoryCode>FR</TerritoryCode>{NOW}</DealTerms></Deal>"
    found = granted(message_38(deal_list("R2", deal), deal_list("R0", down.replace("2026-01", "2026-03"))))
    assert sorted(found["isrc:GBAYE6800012 GBAYE6800012"]) == [
        "preserve FR 2026-01-01–2026-02-28",
        "preserve WORLD -FR 2026-01-01–",
        "stream FR 2026-01-01–2026-02-28",
        "stream WORLD -FR 2026-01-01–",
    ]


def test_a_takedown_that_cannot_be_read_takes_everything_down() -> None:
    deal = ern_4_deal(HERE + NOW + FREE)
    for odd in ("<TerritoryCode>US-CA</TerritoryCode>", "", HERE + NOW.replace("01-01", "02-31")):
        down = f"<Deal><DealTerms><TakeDown>true</TakeDown>{odd}</DealTerms></Deal>"
        message = message_43(deal_list("R1", deal + down))
        assert not any(granted(message).values())
        assert problems_in(parse_xml(message.encode())[0])


def test_a_takedown_stands_whatever_day_its_message_takes_effect() -> None:
    deal = ern_3_deal("FreeOfChargeModel", "OnDemandStream", HERE, "<StartDate>2026-01-01</StartDate>")
    down = f"<Deal><DealTerms><TakeDown>true</TakeDown>{HERE}{NOW}</DealTerms></Deal>"
    bad = "<EffectiveDate>31 February</EffectiveDate>"
    taken = message_38(deal_list("R2", deal), deal_list("R2", deal + down + bad))
    assert not any(granted(taken).values())
    assert [each.field for each in problems_in(parse_xml(taken.encode())[0])] == ["EffectiveDate"]
    undated = message_38(deal_list("R2", deal + bad))
    assert not any(granted(undated).values())


def test_a_takedown_from_the_first_day_of_the_calendar() -> None:
    down = f"<Deal><DealTerms><TakeDown>true</TakeDown>{HERE}{NOW}</DealTerms></Deal>"
    first = down.replace("2026-01-01", "0001-01-01")
    assert not any(granted(message_43(deal_list("R1", ern_4_deal(HERE + NOW + FREE) + first))).values())


def test_a_release_with_too_many_deals_gets_none_of_them() -> None:
    deals = "".join(
        ern_4_deal(HERE + NOW.replace("2026-01-01", f"{year}-01-{day:02}") + FREE)
        for year in range(2000, 2030)
        for day in range(1, 31)
    )
    message = message_43(deal_list("R1", deals))
    assert not any(granted(message).values())
    problems = problems_in(parse_xml(message.encode())[0])
    assert [problem.field for problem in problems] == ["DealReleaseReference"]


def test_a_message_made_a_thousand_years_ago() -> None:
    made = header("M-43", "0999-01-01T00:00:00Z")
    spoke = read(message_43(deal_list("R1", ern_4_deal(HERE + NOW + FREE)), header=made))
    assert spoke.created == "0999-01-01T00:00:00Z"


def test_a_takedown_without_a_day_is_of_the_day_of_the_message() -> None:
    down = f"<Deal><DealTerms><TakeDown>true</TakeDown>{HERE}</DealTerms></Deal>"
    found = granted(message_43(deal_list("R1", ern_4_deal(HERE + NOW + FREE) + down)))
    assert found["isrc:GBAYE6800011 GBAYE6800011"] == [
        "preserve WORLD 2026-01-01–2026-01-01",
        "stream WORLD 2026-01-01–2026-01-01",
    ]


@pytest.mark.parametrize(
    ("period", "days"),
    [
        ("<StartDate>2026-01-01</StartDate><EndDate>2026-01-31</EndDate>", "2026-01-01–2026-01-31"),
        ("<StartDate>2026-01-01</StartDate><EndDate>2026-01-01</EndDate>", "2026-01-01–2026-01-01"),
        ("<StartDateTime>2026-01-01T00:00:00</StartDateTime>", "2026-01-01–"),
        ("<StartDateTime>2026-01-01T09:00:00Z</StartDateTime>", "2026-01-02–"),
        ("<StartDateTime>2026-01-01T00:00:00-08:00</StartDateTime>", "2026-01-02–"),
        ("<StartDateTime>2026-01-01T00:00:00+09:00</StartDateTime>", "2026-01-01–"),
        (
            "<StartDateTime>2026-01-01T00:00Z</StartDateTime><EndDateTime>2026-02-01T24:00Z</EndDateTime>",
            "2026-01-01–2026-02-01",
        ),
        (
            "<StartDateTime>2026-01-01T00:00:00</StartDateTime><EndDateTime>2026-02-01T23:59:59</EndDateTime>",
            "2026-01-01–2026-02-01",
        ),
        (
            "<StartDateTime>2026-01-01T00:00:00</StartDateTime><EndDateTime>2026-02-01T12:00:00</EndDateTime>",
            "2026-01-01–2026-01-31",
        ),
    ],
)
def test_days_that_are_in_force_as_a_whole(period: str, days: str) -> None:
    found = terms(f"{HERE}<ValidityPeriod>{period}</ValidityPeriod>{FREE}")
    assert found == [f"preserve WORLD {days}", f"stream WORLD {days}"]


def test_several_periods_are_all_of_them() -> None:
    more = "<ValidityPeriod><StartDate>2027-01-01</StartDate></ValidityPeriod>"
    once = NOW.replace("</StartDate>", "</StartDate><EndDate>2026-01-05</EndDate>")
    assert [line for line in terms(HERE + once + more + FREE) if "stream" in line] == [
        "stream WORLD 2026-01-01–2026-01-05",
        "stream WORLD 2027-01-01–",
    ]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (HERE + FREE, "ValidityPeriod: "),
        (HERE + "<ValidityPeriod><EndDate>2030-01-01</EndDate></ValidityPeriod>" + FREE, "ValidityPeriod: "),
        (HERE + NOW.replace("01-01", "02-31") + FREE, "StartDate: 2026-02-31"),
        (HERE + NOW.replace("2026-01-01", "1 January 2026") + FREE, "StartDate: 1 January 2026"),
        (HERE + NOW.replace("2026-01-01", "2026") + FREE, "StartDate: 2026"),
        (
            HERE + NOW.replace("</StartDate>", "</StartDate><EndDate>2025-01-01</EndDate>") + FREE,
            "ValidityPeriod: 2026-01-01 to 2025-01-01",
        ),
        (
            HERE + NOW.replace("StartDate", "StartDateTime").replace("01-01", "01-01T25:00:00") + FREE,
            "StartDateTime: 2026-01-01T25:00:00",
        ),
        (NOW + FREE, "TerritoryCode: "),
        (
            HERE + "<ExcludedTerritoryCode>DE</ExcludedTerritoryCode>" + NOW + FREE,
            "TerritoryCode: Worldwide DE",
        ),
        ("<ExcludedTerritoryCode>2136</ExcludedTerritoryCode>" + NOW + FREE, "ExcludedTerritoryCode: 2136"),
    ],
)
def test_a_deal_that_makes_no_sense_is_named_and_grants_nothing(content: str, problem: str) -> None:
    assert terms(content) == [problem]


def test_a_country_that_is_not_known_is_left_out_and_a_part_takes_all_of_it_out() -> None:
    assert terms("<TerritoryCode>DE</TerritoryCode><TerritoryCode>2100</TerritoryCode>" + NOW + FREE) == [
        "preserve DE 2026-01-01–",
        "stream DE 2026-01-01–",
        "TerritoryCode: 2100",
    ]
    assert terms("<TerritoryCode>2100</TerritoryCode>" + NOW + FREE) == ["TerritoryCode: 2100"] * 2
    excluded = "<ExcludedTerritoryCode>US-CA</ExcludedTerritoryCode>"
    assert terms(excluded + NOW + FREE)[1] == "stream WORLD -US 2026-01-01–"


@pytest.mark.parametrize(
    "limit",
    [
        "<IsPreOrderDeal>true</IsPreOrderDeal>",
        "<DistributionChannel><TradingName>Shop</TradingName></DistributionChannel>",
        "<ExcludedDistributionChannel><TradingName>Shop</TradingName></ExcludedDistributionChannel>",
        "<PriceInformation><PriceCode>A</PriceCode></PriceInformation>",
        "<InstantGratificationResourceList/>",
        "<SomethingNew/>",
    ],
)
def test_what_an_archive_cannot_keep_to_leaves_the_copy_only(limit: str) -> None:
    assert terms(HERE + NOW + FREE + limit) == ["preserve WORLD 2026-01-01–"]


@pytest.mark.parametrize(
    "shown",
    [
        "<IsPreOrderDeal>false</IsPreOrderDeal>",
        "<ReleaseDisplayStartDate>2026-01-01</ReleaseDisplayStartDate>",
    ],
)
def test_what_binds_nobody_takes_nothing_away(shown: str) -> None:
    assert len(terms(HERE + NOW + FREE + shown)) == 2


def test_devices_and_numbers_beside_a_use_of_ern_3_limit_it() -> None:
    deal = ern_3_deal("FreeOfChargeModel", "OnDemandStream", HERE, "<StartDate>2026-01-01</StartDate>")
    for limit in ("UserInterfaceType", "NumberOfUsages", "DistributionChannelType"):
        narrowed = deal.replace("</UseType>", f"</UseType><{limit}>1</{limit}>")
        found = granted(message_38(deal_list("R2", narrowed)))
        assert found["isrc:GBAYE6800012 GBAYE6800012"] == ["preserve WORLD 2026-01-01–"]


def test_values_that_a_sender_defines_are_no_others() -> None:
    odd = FREE.replace("<CommercialModelType>", '<CommercialModelType UserDefinedValue="X" Namespace="Y">')
    assert terms(HERE + NOW + odd) == []


def test_nothing_is_in_force_before_the_message_takes_effect() -> None:
    deal = ern_3_deal("FreeOfChargeModel", "OnDemandStream", HERE, "<StartDate>2026-01-01</StartDate>")
    later = deal_list("R2", f"{deal}<EffectiveDate>2026-04-01</EffectiveDate>")
    assert granted(message_38(later))["isrc:GBAYE6800012 GBAYE6800012"][1] == "stream WORLD 2026-04-01–"


def test_deals_with_somebody_else_are_asked_about() -> None:
    deals = deal_list("R1", ern_4_deal(HERE + NOW + FREE))
    for to in ("<PartyId>PADPIDASHOP</PartyId>", ""):
        message = message_43(deals, header=header("M-43", "2026-01-02T10:00:00+01:00", to=to))
        spoke = read(message)
        assert not any(granted(message).values())
        asked = [q for r in spoke.releases for e in r.said.values() for q in e.questions]
        assert asked
        assert "addressed to somebody else" in asked[0].text
        assert "FreeOfChargeModel: OnDemandStream" in asked[0].evidence


@pytest.mark.parametrize("created", ["", "yesterday", "2026-13-01T00:00:00"])
def test_a_message_that_does_not_say_when_it_was_made_grants_nothing(created: str) -> None:
    message = message_43(deal_list("R1", ern_4_deal(HERE + NOW + FREE)), header=header("M-43", created))
    assert not any(granted(message).values())
    assert [problem.field for problem in problems_in(parse_xml(message.encode())[0])] == [
        "MessageCreatedDateTime"
    ]


def test_a_message_without_deals_grants_nothing() -> None:
    assert not any(granted(message_43("")).values())


def test_no_deal_is_without_a_reference_to_a_release_that_is_there() -> None:
    root, _ = parse_xml(message_43(deal_list("R9", ern_4_deal(HERE + NOW + FREE))).encode())
    assert list(deals_of(root, sent=date(2026, 1, 1)).of) == ["R9"]
    assert not any(granted(message_43(deal_list("R9", ern_4_deal(HERE + NOW + FREE)))).values())
