"""phono add ARCHIVE ddex:FOLDER: deals are what a file's rights rest on, and change with later messages."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from phonotheque.vault.archive import open_archive
from phonotheque.vault.evidence import read_evidence
from phonotheque.vault.settings_file import set_in_file
from tests.cli.conftest import Phono
from tests.sources.conftest import here as here
from tests.sources.conftest import in_process as in_process
from tests.sources.ern_messages import deal_list, ern_4_deal, file, header, message_43, recording
from tests.tones import flac

pytestmark = pytest.mark.usefixtures("own_settings", "in_process", "here")

WORLD = "<TerritoryCode>Worldwide</TerritoryCode>"
FREE = "<CommercialModelType>FreeOfChargeModel</CommercialModelType><UseType>OnDemandStream</UseType>"
SALE = "<CommercialModelType>PayAsYouGoModel</CommercialModelType><UseType>PermanentDownload</UseType>"
FIRST, SECOND, THIRD = (f"2026-0{month}-02T10:00:00Z" for month in (1, 2, 3))


def since(day: str, until: str = "") -> str:
    end = f"<EndDate>{until}</EndDate>" if until else ""
    return f"<ValidityPeriod><StartDate>{day}</StartDate>{end}</ValidityPeriod>"


def delivery(*deals: str, made: str = FIRST, message_id: str = "M-1", **more: Any) -> str:
    sums = more.pop("sums", {})
    made_of = tuple(
        recording(f"A{n}", isrc=f"GBAYE680001{n}", files=file(f"0{n}.flac", *sums.get(n, ()))) for n in (1, 2)
    )
    about = header(message_id, made, **more)
    return message_43(*deals, header=about, recordings=made_of, tracks=("A1", "A2"))


def put(folder: Path, message: str, *, sound: bool = True, name: str = "message.xml") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(message)
    for number in (1, 2) if sound else ():
        flac(folder / f"0{number}.flac", number)
    return folder


@pytest.fixture
def place(phono: Phono, tmp_path: Path) -> Path:
    """The folder of an archive that labels know."""
    assert phono("init", tmp_path / "archive", "--name", "Our Archive").code == 0
    return tmp_path / "archive"


def rights(phono: Phono, place: Path) -> dict[str, dict[str, str]]:
    found = phono("rights", "list", place, "--all", "--json").data["files"]
    return {
        each["file"].rpartition("/")[2]: {act: said["answer"] for act, said in each["decisions"].items()}
        | {"held": each["held"]}
        for each in found
    }


def ours(answers: dict[str, dict[str, str]]) -> dict[str, list[object]]:
    return {name: [said["preserve"], said["stream"], said["held"]] for name, said in answers.items()}


def test_a_delivered_file_is_kept_while_a_deal_is_in_force(phono: Phono, place: Path, tmp_path: Path) -> None:
    deals = (
        deal_list("R1", ern_4_deal(WORLD + since("2026-01-01") + FREE)),
        deal_list("R2", ern_4_deal(WORLD + since("2020-01-01", "2020-12-31") + FREE)),
    )
    folder = put(tmp_path / "in", delivery(*deals))
    added = phono("add", place, f"ddex:{folder}", "--json")
    assert added.code == 0, added.err
    assert [each["held"] for each in added.data["audio"]] == [1]
    # The label speaks of its recording: whether it may be heard depends on the music in it, too.
    assert ours(rights(phono, place)) == {
        "01.flac": ["yes", "unknown", True],
        "02.flac": ["unknown", "unknown", False],
    }
    granted = phono("rights", "grant", place, "01.flac", "--kind", "public-domain", "--covers", "composition",
                    "--evidence", "J. S. Bach died in 1750")  # fmt: skip
    assert granted.code == 0, granted.err
    answers = rights(phono, place)["01.flac"]
    assert (answers["stream"], answers["distribute"], answers["mine"]) == ("yes", "unknown", "unknown")


def test_the_message_is_kept_as_evidence(phono: Phono, place: Path, tmp_path: Path) -> None:
    folder = put(tmp_path / "in", delivery(deal_list("R1", ern_4_deal(WORLD + since("2026-01-01") + FREE))))
    assert phono("add", place, f"ddex:{folder}").code == 0
    content = (folder / "message.xml").read_bytes()
    archive = open_archive(place)
    assert read_evidence(archive, hashlib.sha256(content).hexdigest()) == content
    archive.close()


def test_a_second_time_changes_nothing(phono: Phono, place: Path, tmp_path: Path) -> None:
    folder = put(tmp_path / "in", delivery(deal_list("R0", ern_4_deal(WORLD + since("2026-01-01") + SALE))))
    assert phono("add", place, f"ddex:{folder}").code == 0
    before = rights(phono, place)
    assert ours(before) == {"01.flac": ["yes", "unknown", True], "02.flac": ["yes", "unknown", True]}
    again = phono("add", place, f"ddex:{folder}", "--json").data["audio"]
    assert [(each["unchanged"], each["held"]) for each in again] == [(3, 0)]  # with the message
    assert phono("add", place, folder, "--reread").code == 0  # as a folder, for its files' own sake
    assert rights(phono, place) == before


def test_a_later_message_replaces_an_earlier_one(phono: Phono, place: Path, tmp_path: Path) -> None:
    sold = deal_list("R0", ern_4_deal(WORLD + since("2026-01-01") + SALE))
    put(tmp_path / "one", delivery(sold))
    assert phono("add", place, f"ddex:{tmp_path / 'one'}").code == 0
    put(tmp_path / "two", delivery(made=SECOND, message_id="M-2"), sound=False)  # no deal is no deal
    assert phono("add", place, f"ddex:{tmp_path / 'two'}").code == 0
    assert ours(rights(phono, place))["01.flac"] == ["unknown", "unknown", True]
    # An earlier one that comes in late, or again, changes nothing.
    for folder in ("one", "two"):
        assert phono("add", place, f"ddex:{tmp_path / folder}", "--reread").code == 0
        assert ours(rights(phono, place))["01.flac"] == ["unknown", "unknown", True]
    put(tmp_path / "three", delivery(sold, made=THIRD, message_id="M-3"), sound=False)
    assert phono("add", place, f"ddex:{tmp_path / 'three'}").code == 0
    assert ours(rights(phono, place))["01.flac"] == ["yes", "unknown", True]


def test_in_one_folder_the_message_made_last_holds(phono: Phono, place: Path, tmp_path: Path) -> None:
    sold = deal_list("R0", ern_4_deal(WORLD + since("2026-01-01") + SALE))
    folder = put(tmp_path / "in", delivery(made=SECOND, message_id="M-2"), name="a.xml")
    put(folder, delivery(sold), name="z.xml")
    assert phono("add", place, f"ddex:{folder}").code == 0
    assert ours(rights(phono, place))["01.flac"] == ["unknown", "unknown", False]


def test_a_track_that_the_album_leaves_out_later_has_no_deal(
    phono: Phono, place: Path, tmp_path: Path
) -> None:
    singles = [deal_list(f"R{n}", ern_4_deal(WORLD + since("2026-01-01") + SALE)) for n in (1, 2)]
    put(tmp_path / "one", delivery(*singles))
    assert phono("add", place, f"ddex:{tmp_path / 'one'}").code == 0
    shorter = message_43(
        singles[0],
        header=header("M-2", SECOND),
        recordings=(recording("A1", isrc="GBAYE6800011"),),
        tracks=("A1",),
    )
    put(tmp_path / "two", shorter, sound=False)
    assert phono("add", place, f"ddex:{tmp_path / 'two'}").code == 0
    assert ours(rights(phono, place)) == {
        "01.flac": ["yes", "unknown", True],
        "02.flac": ["unknown", "unknown", True],
    }


def test_a_purge_ends_all(phono: Phono, place: Path, tmp_path: Path) -> None:
    put(tmp_path / "one", delivery(deal_list("R1", ern_4_deal(WORLD + since("2026-01-01") + SALE))))
    assert phono("add", place, f"ddex:{tmp_path / 'one'}").code == 0
    purge = f"""<p:PurgeReleaseMessage xmlns:p="http://ddex.net/xml/ern/43">{header("P-1", SECOND)}
      <PurgedRelease><ReleaseId><GRid>A10302B0003989564F</GRid></ReleaseId></PurgedRelease></p:PurgeReleaseMessage>"""
    put(tmp_path / "two", purge, sound=False)
    assert phono("add", place, f"ddex:{tmp_path / 'two'}").code == 0
    assert ours(rights(phono, place))["01.flac"] == ["unknown", "unknown", True]


SOLD = deal_list("R0", ern_4_deal(WORLD + since("2026-01-01") + SALE))
DOWN = deal_list("R0", f"<Deal><DealTerms><TakeDown>true</TakeDown>{WORLD}</DealTerms></Deal>")
KEPT, ENDED = ["yes", "unknown", True], ["unknown", "unknown", True]


def purge(release_id: str, made: str = SECOND, sender: str = "PADPIDAMILL") -> str:
    about = header("P-1", made).replace("PADPIDAMILL", sender)
    return f"""<p:PurgeReleaseMessage xmlns:p="http://ddex.net/xml/ern/43">{about}
      <PurgedRelease><ReleaseId>{release_id}</ReleaseId></PurgedRelease></p:PurgeReleaseMessage>"""


@pytest.mark.parametrize(
    ("release_id", "sender"),
    [
        ("<GRid>A1-0302B-000398956-4F</GRid>", "pa-dpida-mill"),
        ("<ICPN>0074646938720</ICPN>", "PADPIDAMILL"),
        ('<ProprietaryId Namespace="DPID:MILL">7</ProprietaryId>', "PADPIDAMILL"),
        ('<ICPN>1</ICPN><ProprietaryId Namespace="dpid:mill">7</ProprietaryId>', "PADPIDAMILL"),
    ],
)
def test_a_purge_names_its_release_by_any_of_its_ids(
    phono: Phono, place: Path, tmp_path: Path, release_id: str, sender: str
) -> None:
    ids = """<ICPN>74646938720</ICPN><GRid>A10302B0003989564F</GRid>
      <ProprietaryId Namespace="DPID:MILL">7</ProprietaryId>"""
    sold = delivery(SOLD).replace("<GRid>A10302B0003989564F</GRid>", ids)
    put(tmp_path / "one", sold)
    assert phono("add", place, f"ddex:{tmp_path / 'one'}").code == 0
    assert ours(rights(phono, place))["01.flac"] == KEPT
    put(tmp_path / "two", purge(release_id, sender=sender), sound=False)
    added = phono("add", place, f"ddex:{tmp_path / 'two'}")
    assert (added.code, "takes down" in added.err) == (0, False)
    assert ours(rights(phono, place)) == {"01.flac": ENDED, "02.flac": ENDED}
    put(tmp_path / "three", sold.replace(FIRST, THIRD).replace("M-1", "M-3"), sound=False)
    assert phono("add", place, f"ddex:{tmp_path / 'three'}").code == 0
    assert ours(rights(phono, place))["01.flac"] == KEPT


def test_a_purge_of_what_was_never_delivered_is_told(phono: Phono, place: Path, tmp_path: Path) -> None:
    put(tmp_path / "one", delivery(SOLD))
    assert phono("add", place, f"ddex:{tmp_path / 'one'}").code == 0
    put(tmp_path / "two", purge("<ICPN>4006381333931</ICPN>"), sound=False)
    added = phono("add", place, f"ddex:{tmp_path / 'two'}")
    assert added.code == 0
    told = " ".join(added.err.split())
    assert "Message P-1 of padpidamill takes down icpn:4006381333931, of which no other message is" in told
    assert ours(rights(phono, place))["01.flac"] == KEPT


@pytest.mark.parametrize("to", ["", "<PartyId>PADPIDASHOP</PartyId>"])
def test_a_takedown_need_not_name_this_archive(phono: Phono, place: Path, tmp_path: Path, to: str) -> None:
    put(tmp_path / "one", delivery(SOLD))
    assert phono("add", place, f"ddex:{tmp_path / 'one'}").code == 0
    put(tmp_path / "two", delivery(SOLD, DOWN, made=SECOND, message_id="M-2", to=to), sound=False)
    assert phono("add", place, f"ddex:{tmp_path / 'two'}").code == 0
    assert ours(rights(phono, place))["01.flac"] == ENDED
    asked = phono("rights", "list", place, "--json").data["questions"]
    assert {each["question"] for each in asked} == {
        "A label takes this down in a message to somebody else than this archive: its deals ended here, too."
    }
    put(tmp_path / "three", delivery(SOLD, made=THIRD, message_id="M-3"), sound=False)
    assert phono("add", place, f"ddex:{tmp_path / 'three'}").code == 0
    assert ours(rights(phono, place))["01.flac"] == KEPT
    assert phono("rights", "list", place, "--json").data["questions"] == []


def test_a_message_of_the_future_does_not_hold_against_those_to_come(
    phono: Phono, place: Path, tmp_path: Path
) -> None:
    put(tmp_path / "one", delivery(SOLD, made="2999-01-01T00:00:00Z"))
    assert phono("add", place, f"ddex:{tmp_path / 'one'}").code == 0
    assert ours(rights(phono, place))["01.flac"] == ["unknown", "unknown", False]
    told = phono("rejects", place, "--json").out
    assert "has not come yet" in told
    put(tmp_path / "two", delivery(SOLD, made=SECOND, message_id="M-2"))
    assert phono("add", place, f"ddex:{tmp_path / 'two'}").code == 0
    assert ours(rights(phono, place))["01.flac"] == KEPT


def test_a_purge_of_no_known_time_holds_from_when_it_came_in(
    phono: Phono, place: Path, tmp_path: Path
) -> None:
    put(tmp_path / "one", delivery(SOLD))
    assert phono("add", place, f"ddex:{tmp_path / 'one'}").code == 0
    put(tmp_path / "two", purge("<GRid>A10302B0003989564F</GRid>", made="2999-01-01T00:00:00Z"), sound=False)
    assert phono("add", place, f"ddex:{tmp_path / 'two'}").code == 0
    assert ours(rights(phono, place))["01.flac"] == ENDED


def test_messages_of_the_same_moment_that_differ_are_asked_about(
    phono: Phono, place: Path, tmp_path: Path
) -> None:
    folder = put(tmp_path / "in", delivery(deal_list("R1", ern_4_deal(WORLD + since("2026-01-01") + SALE))))
    other = delivery(
        deal_list("R1", ern_4_deal("<TerritoryCode>FR</TerritoryCode>" + since("2026-01-01") + SALE))
    )
    put(folder, other, name="other.xml")
    assert phono("add", place, f"ddex:{folder}").code == 0
    assert ours(rights(phono, place))["01.flac"] == ["unknown", "unknown", False]
    (asked,) = phono("rights", "list", place, "--json").data["questions"]
    assert "at the same moment" in asked["question"]


def test_deals_with_somebody_else_grant_nothing_until_that_is_this_archive(
    phono: Phono, place: Path, tmp_path: Path
) -> None:
    deals = deal_list("R0", ern_4_deal(WORLD + since("2026-01-01") + SALE))
    folder = put(tmp_path / "in", delivery(deals, to="<PartyId>PADPIDA-2026</PartyId>"))
    assert phono("add", place, f"ddex:{folder}").code == 0
    assert ours(rights(phono, place))["01.flac"] == ["unknown", "unknown", False]
    assert len(phono("rights", "list", place, "--json").data["questions"]) == 2
    with (place / "phonotheque.toml").open("a") as settings:
        settings.write('\n[ddex]\nrecipient = ["padpida2026"]\n')
    assert phono("add", place, f"ddex:{folder}").code == 0
    assert ours(rights(phono, place))["01.flac"] == ["yes", "unknown", True]
    assert phono("rights", "list", place, "--json").data["questions"] == []


def test_a_file_that_is_not_the_one_delivered_has_no_deal(phono: Phono, place: Path, tmp_path: Path) -> None:
    deals = deal_list("R0", ern_4_deal(WORLD + since("2026-01-01") + SALE))
    right = hashlib.md5(flac(tmp_path / "x.flac", 2).read_bytes()).hexdigest()
    folder = put(tmp_path / "in", delivery(deals, sums={1: ("MD5", "0" * 32), 2: ("MD5", right.upper())}))
    assert phono("add", place, f"ddex:{folder}").code == 0
    assert ours(rights(phono, place)) == {
        "01.flac": ["unknown", "unknown", False],
        "02.flac": ["yes", "unknown", True],
    }


def test_a_checksum_that_cannot_be_computed_shows_nothing(phono: Phono, place: Path, tmp_path: Path) -> None:
    deals = deal_list("R0", ern_4_deal(WORLD + since("2026-01-01") + SALE))
    folder = put(tmp_path / "in", delivery(deals, sums={1: ("SHA3-256", "0" * 64)}))
    assert phono("add", place, f"ddex:{folder}").code == 0
    assert ours(rights(phono, place)) == {
        "01.flac": ["unknown", "unknown", False],
        "02.flac": ["yes", "unknown", True],
    }
    assert "checksums by SHA3-256 are not known here" in phono("rejects", place, "--json").out


def test_a_deal_for_the_archives_own_country_is_enough_to_keep(
    phono: Phono, place: Path, tmp_path: Path
) -> None:
    deals = deal_list("R0", ern_4_deal("<TerritoryCode>JP</TerritoryCode>" + since("2026-01-01") + SALE))
    folder = put(tmp_path / "in", delivery(deals))
    assert phono("add", place, f"ddex:{folder}").code == 0
    assert ours(rights(phono, place))["01.flac"] == ["unknown", "unknown", False]
    set_in_file(place / "phonotheque.toml", "archive", "country", "JP")
    assert phono("add", place, f"ddex:{folder}").code == 0
    assert ours(rights(phono, place))["01.flac"][2] is True


def test_many_messages_are_read_a_few_at_a_time(
    phono: Phono, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from phonotheque.sources import ddex_deliveries

    for name in ("_AT_ONCE", "_IN_MEMORY", "IN_A_STATEMENT"):
        monkeypatch.setattr(ddex_deliveries, name, 1)
    folder = tmp_path / "in"
    put(folder, delivery(SOLD, made=SECOND, message_id="M-2"), name="a.xml")
    put(folder, delivery(made=FIRST), name="z.xml")
    put(folder, purge("<ICPN>4006381333931</ICPN>"), sound=False, name="p.xml")
    assert phono("add", place, f"ddex:{folder}").code == 0
    assert ours(rights(phono, place)) == {"01.flac": KEPT, "02.flac": KEPT}


def test_one_message_in_two_places_is_about_the_files_of_both(
    phono: Phono, place: Path, tmp_path: Path
) -> None:
    put(tmp_path / "in" / "a", delivery(SOLD))
    put(tmp_path / "in" / "b", delivery(SOLD), sound=False)
    for number in (1, 2):
        flac(tmp_path / "in" / "b" / f"0{number}.flac", number + 2)
    assert phono("add", place, f"ddex:{tmp_path / 'in'}").code == 1  # the second copy is no new record
    found = phono("rights", "list", place, "--all", "--json").data["files"]
    assert [each["held"] for each in found] == [True] * 4


def test_interrupted_it_goes_on(
    phono: Phono, place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from phonotheque.sources import intake

    folder = put(tmp_path / "in", delivery(deal_list("R0", ern_4_deal(WORLD + since("2026-01-01") + SALE))))

    def interrupt(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(intake, "record_bases", interrupt)
        assert phono("add", place, f"ddex:{folder}").code == 130
    assert rights(phono, place) == {}
    assert phono("add", place, f"ddex:{folder}").code == 0
    assert ours(rights(phono, place))["01.flac"] == ["yes", "unknown", True]


def test_the_published_samples_go_in(phono: Phono, place: Path, tmp_path: Path) -> None:
    samples = Path(__file__).parents[3] / "shared" / "samples" / "ddex-ern-4.3"
    if not samples.is_dir():
        pytest.skip("DDEX' published samples are not here")
    with (place / "phonotheque.toml").open("a") as settings:
        settings.write('\n[ddex]\nrecipient = ["PADPIDA2009101501Y"]\n')
    folder = tmp_path / "in"
    shutil.copytree(samples, folder)
    for number in range(1, 22):
        flac(folder / f"0094631432057_01_{number:03}.wav", number)
    set_in_file(place / "phonotheque.toml", "archive", "country", "JP")
    assert phono("add", place, f"ddex:{folder}").code == 0
    assert {tuple(each) for each in ours(rights(phono, place)).values()} == {("unknown", "unknown", True)}
