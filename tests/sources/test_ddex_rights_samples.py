"""The acts that a person reads in the messages that DDEX publishes as samples of ERN 4.3.

Read by hand, one after the other. No model in them is free of charge: subscriptions, advertisements, prices.
So none lets an archive play anything to the public; each lets it keep what was handed over, where and from
when the deals say.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from phonotheque.model.rights import Act
from phonotheque.model.territory import parse_territory
from phonotheque.sources.ddex_deals import Deals, deals_of
from phonotheque.sources.ddex_rights import Spoken, names_of, problems_in, spoken
from phonotheque.sources.small_files import parse_xml

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "ddex-ern-4.3"

GAS = "AT CH DE"
RINGTONE = (
    "AD AF AM AT BG BJ BW BY CG CH CI CM CY CZ DE ES FI FR GB GH GN GR GW HR IL IT KZ LR MC NG NL PL PT RO "
    "RU RW SI SK SM SZ UA UG VA YE ZA ZM"
)

# Per sample: per release the recordings with something granted, where, and from when. No deal has an end that
# another does not outlast.
READ: dict[str, dict[str, tuple[int, str, str]]] = {
    # The album may be sold, its tracks be sold, rented and streamed by subscription or with advertisements.
    "1 Audio.xml": {"R0": (21, "JP", "2004-04-01")}
    | {f"R{n}": (1, "JP", "2004-04-01") for n in range(1, 22)},
    "2 Video.xml": {},  # two videos: no recording of sound
    # R7 and R14 have no deal of their own: not sold singly, only in the bundle. R15 to R17 are videos.
    "3 MixedMedia.xml": {"R0": (14, GAS, "2010-12-10")}
    | {f"R{n}": (1, GAS, "2010-12-10") for n in (1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13)},
    "4 SimpleAudioSingle.xml": {"R0": (1, "WORLD", "2017-04-25")},  # 249 countries, three deals each
    "5 SimpleVideoSingle.xml": {},
    "6 Ringtone.xml": {"R0": (1, RINGTONE, "2017-01-09")},
    "7 LongformMusicalWorkVideo.xml": {},
    "8 DjMix.xml": {"R0": (1, "AU CA DE DO FR GB KR PE SG SI US VN", "2017-01-02")},
    "Variant Classical.xml": {"R0": (12, "AD", "2017-04-25")},  # sold as an album only
}


@pytest.fixture(scope="module")
def texts() -> dict[str, bytes]:
    if not SAMPLES.is_dir():
        pytest.skip("DDEX' published samples are not here")
    return {path.name: path.read_bytes() for path in sorted(SAMPLES.glob("*.xml"))}


def read(content: bytes) -> tuple[Spoken, Deals]:
    root, _ = parse_xml(content)
    recipient = next(each.text for each in root.iterfind("MessageHeader/MessageRecipient/PartyId"))
    found = spoken(root, content, names_of([recipient]))
    assert found
    return found, deals_of(root, sent=None)


def test_the_acts_that_a_person_reads(texts: dict[str, bytes]) -> None:
    assert list(texts) == list(READ)
    for name, content in texts.items():
        spoke, _ = read(content)
        assert not problems_in(parse_xml(content)[0]), name
        found: dict[str, tuple[int, str, str]] = {}
        for reference, release in zip(references(content), spoke.releases, strict=True):
            statements = [evidence.statements for evidence in release.said.values() if evidence.statements]
            if statements:
                ((one,),) = set(statements)
                assert (one.acts, one.valid_until) == ((Act.PRESERVE,), None), name
                assert one.valid_from
                found[reference] = (len(statements), one.territory, one.valid_from)
        assert found == READ[name], name


def references(content: bytes) -> list[str]:
    root, _ = parse_xml(content)
    return [each.text for each in root.iterfind("ReleaseList/*/ReleaseReference")]


def test_what_they_say_besides(texts: dict[str, bytes]) -> None:
    """Terms that the acts do not show: they are quoted in the evidence."""
    _, audio = read(texts["1 Audio.xml"])
    assert [(deal.models, deal.uses) for deal in audio.of["R1"]] == [
        (("SubscriptionModel", "AdvertisementSupportedModel"), ("ConditionalDownload", "Stream")),
        (("PayAsYouGoModel",), ("PermanentDownload", "ConditionalDownload")),
    ]
    assert [deal.models for deal in audio.of["R0"]] == [("PayAsYouGoModel",)]
    _, bundle = read(texts["3 MixedMedia.xml"])
    assert [(str(d.territory), d.start, d.end) for d in bundle.of["R11"]] == [
        ("AT CH", "2010-12-10", "2013-07-09"),
        ("DE", "2010-12-10", "2013-08-22"),
        ("AT CH", "2013-07-10", None),
        (GAS, "2010-12-10", None),
        ("DE", "2013-08-23", None),
    ]
    assert {"R7", "R14"}.isdisjoint(bundle.of)
    assert "DistributionChannel" in bundle.of["R0"][0].limits
    _, single = read(texts["4 SimpleAudioSingle.xml"])
    assert len(single.of["R0"]) == 3 * 249
    _, ringtone = read(texts["6 Ringtone.xml"])
    assert {d.uses for d in ringtone.of["R0"] if "RO" in d.territory} == {
        ("NonInteractiveStream",),
        ("PermanentDownload",),
    }
    _, concert = read(texts["7 LongformMusicalWorkVideo.xml"])
    assert not any(deal.preorder for deal in concert.of["R0"])
    _, mix = read(texts["8 DjMix.xml"])
    assert mix.of["R0"][0].models == ("SubscriptionModel", "UserDefined")


def test_the_evidence_quotes_the_terms(texts: dict[str, bytes]) -> None:
    spoke, _ = read(texts["1 Audio.xml"])
    (statement,) = next(iter(spoke.releases[1].said.values())).statements
    assert statement.evidence == (
        "DDEX message Test1.1 of 2014-09-24T13:57:25Z: SubscriptionModel, AdvertisementSupportedModel: "
        "ConditionalDownload, Stream; or PayAsYouGoModel: PermanentDownload, ConditionalDownload; "
        "PriceInformation; in JP; from 2004-04-01 on"
    )
    assert (statement.asserted_by, statement.evidence_sha256) == ("UniversalMusicGroup", spoke.sha256)


def test_addressed_to_somebody_else_they_grant_nothing(texts: dict[str, bytes]) -> None:
    for content in texts.values():
        found = spoken(parse_xml(content)[0], content, names_of(["Another Archive"]))
        assert found
        assert not any(e.statements for release in found.releases for e in release.said.values())
    assert parse_territory(RINGTONE).codes >= {"ZA", "YE"}
