"""The messages that DDEX publishes as samples of ERN 4.3."""

from __future__ import annotations

from pathlib import Path

import pytest

from phonotheque.sources.ddex import SOURCE
from tests.sources.reading import Read, read_all, said

SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "ddex-ern-4.3"

GOLDEN = {
    "1 Audio.xml": 21,
    "2 Video.xml": 0,
    "3 MixedMedia.xml": 14,
    "4 SimpleAudioSingle.xml": 1,
    "5 SimpleVideoSingle.xml": 0,
    "6 Ringtone.xml": 1,
    "7 LongformMusicalWorkVideo.xml": 0,
    "8 DjMix.xml": 1,
    "Variant Classical.xml": 12,
}


@pytest.fixture(scope="module")
def samples() -> dict[str, Read]:
    """What each published message gives, by the name of its file."""
    if not SAMPLES.is_dir():
        pytest.skip("DDEX' published samples are not here")
    made: dict[str, Read] = {}
    whole = read_all(SOURCE, SAMPLES)
    for path in SOURCE.files(SAMPLES):
        (raw,) = [row for row in whole.records if row["raw"].encode() == path.read_bytes()]
        mine = raw["record_id"]
        made[path.name] = Read(
            facts=[row for row in whole.facts if row["record_id"] == mine],
            rejects=[row for row in whole.rejects if row["record_id"] == mine],
        )
    return made


def test_the_published_samples(samples: dict[str, Read]) -> None:
    assert {name: len(read.facts) for name, read in samples.items()} == GOLDEN
    assert {name: read.reasons for name, read in samples.items() if read.rejects} == {
        "3 MixedMedia.xml": ["is no valid UPC, EAN or GTIN-14"],
        "8 DjMix.xml": ["is no valid UPC, EAN or GTIN-14"],
    }
    facts = [fact for read in samples.values() for fact in read.facts]
    assert len({fact["source_id"] for fact in facts}) == len(facts)
    assert all(fact["isrcs"] and fact["duration_ms"] and fact["label"] and fact["date"] for fact in facts)


def test_a_published_album(samples: dict[str, Read]) -> None:
    facts = samples["1 Audio.xml"].facts
    assert [fact["track_number"] for fact in facts] == list(range(1, 22))
    assert said(facts[0], "title", "artists", "album", "isrcs", "barcode", "label", "genres") == {
        "title": "Yume no Lullaby",
        "artists": ["Saeko Shu"],
        "album": "Yume no Hajmari",
        "isrcs": ["JPTO09404900"],
        "barcode": "00094631432057",
        "label": "EMI MUSIC JAPAN INC.",
        "genres": ["J-Pop"],
    }
    assert said(facts[0], "duration_ms", "date", "release_type") == {
        "duration_ms": 148_000,
        "date": "1994",
        "release_type": "album",
    }


def test_a_published_classical_album(samples: dict[str, Read]) -> None:
    facts = samples["Variant Classical.xml"].facts
    assert [fact["track_number"] for fact in facts] == list(range(1, 13))
    assert {fact["composers"][0] for fact in facts} == {"Antonio Vivaldi"}
    assert said(facts[9], "title", "artists", "isrcs", "duration_ms", "disc_number") == {
        "title": 'Vivaldi: Concerto For Violin And Strings In F Minor, Op.8, No.4, RV 297 "L\'inverno". '
        "1 Allegro non molto",
        "artists": ["The English Concert", "Simon Standage"],
        "isrcs": ["DE0000310101"],
        "duration_ms": 194_000,
        "disc_number": None,
    }


def test_a_published_bundle_and_a_mix(samples: dict[str, Read]) -> None:
    bundle = samples["3 MixedMedia.xml"].facts
    assert [(fact["disc_number"], fact["track_number"]) for fact in bundle] == [(1, n) for n in range(1, 15)]
    assert bundle[13]["title"] == "7 Wolken (Piano Version)"
    (mix,) = samples["8 DjMix.xml"].facts  # the pieces that it is mixed from are only named
    assert said(mix, "title", "release_type", "date", "duration_ms") == {
        "title": "MMix",
        "release_type": "dj-mix",
        "date": "2017-01-02",
        "duration_ms": 751_000,
    }
