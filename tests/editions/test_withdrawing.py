"""What a withdrawal covers, what it does at once, who decides, and what stays known."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest
from sqlalchemy import select, update

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.views import RecordingView
from phonotheque.editions.covering import Covered, covered_by
from phonotheque.editions.edition import Edition, read_edition
from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.editions.upholding import uphold
from phonotheque.editions.withdrawing import Asked, accept, check_asked, hold, refuse, request, reverse
from phonotheque.ledger.schema import events, files
from phonotheque.ledger.withdrawal_tables import withdrawals
from phonotheque.ledger.withdrawals import State, Step, Withdrawal, taken_back, withdrawal
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.repair import RepairReport, repair
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.model.rights import Act
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive, open_archive, timestamp
from phonotheque.web.serve import locate
from tests.mirrors.mirror_publisher import LOCAL
from tests.sources.test_sidecars import LYRICS, png, put
from tests.tones import flac

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
LATER = datetime(2026, 12, 1, tzinfo=UTC)
AT = timestamp(LATER)
ALL_FREE = '[[rights]]\nfiles = ["*"]\nlicence = "CC0-1.0"\nevidence = "a letter"\n'
ISRCS = ("FRZ039800212", "FRZ039800213", "FRZ039800213")  # the last two bear one code


@pytest.fixture
def stocked(archive: Archive, tmp_path: Path) -> Archive:
    """A published album of three tracks with a cover, and lyrics of the second."""
    create_keys(archive.keys)
    album = tmp_path / "music" / "Album"
    for number, isrc in enumerate(ISRCS, start=1):
        tags = {"TITLE": f"Tone {number}", "ARTIST": "The Testers", "ALBUM": "Tones", "ISRC": isrc}
        flac(album / f"{number:02}.flac", number, tags | {"TRACKNUMBER": str(number)}, seconds=number * 8)
    png(album / "folder.png", 1)
    put(album / "02.lrc", LYRICS)
    put(tmp_path / "music" / "rights.toml", ALL_FREE)
    add_folder(archive, tmp_path / "music")
    rebuild_catalogue(archive, at=NOW)
    publish(archive, at=NOW)
    return archive


def asked(archive: Archive, *words: str, **more: object) -> Withdrawal:
    one = Asked("An Artist", "It is mine.", words, **more)  # type: ignore[arg-type]
    return request(archive, one, covered_by(archive, words), at=AT)


def decided(archive: Archive, one: Withdrawal) -> Withdrawal:
    return accept(archive, one.id, by="A. Archivist", note=None, at=AT).withdrawal


def edition(archive: Archive) -> Edition:
    return read_edition((archive.public / "targets" / "edition.json").read_bytes())


def shown(archive: Archive) -> set[str]:
    """The names of the payload files that the public tree shows."""
    found = set()
    for here, _, names in os.walk(archive.public / "bags", followlinks=True):
        if "data" in Path(here).parts and "-catalogue" not in here:
            found |= set(names)
    return found


def names(covered: Covered) -> set[str]:
    return {file.name.rpartition("/")[2] for file in covered.files}


ALL = {"01 Tone 1.flac", "02 Tone 2.flac", "03 Tone 3.flac", "cover.png", "02 Tone 2.lrc"}


def test_a_recording_is_covered_with_what_is_called_like_its_track(stocked: Archive) -> None:
    covered = covered_by(stocked, ["Album/02.flac"])
    assert names(covered) == {"02.flac", "02.lrc"}
    (recording,) = covered.recordings
    assert names(covered_by(stocked, [recording.id])) == {"02.flac", "02.lrc"}
    with stocked.ledger.connect() as ledger:
        sha256 = ledger.execute(select(files.c.sha256).where(files.c.name == "Album/02.flac")).scalar_one()
    assert covered_by(stocked, [sha256[:10]]) == covered


def test_a_release_is_covered_with_all_that_lies_beside_it(stocked: Archive) -> None:
    with Catalogue.open(stocked.catalogue) as catalogue:
        view = catalogue.show(covered_by(stocked, ["Album/01.flac"]).recordings[0].id)
        assert isinstance(view, RecordingView)
        (release,) = view.releases
    covered = covered_by(stocked, [release.id])
    assert names(covered) == {"01.flac", "02.flac", "03.flac", "02.lrc", "folder.png"}
    decided(stocked, asked(stocked, release.id))
    assert shown(stocked) == set()
    publish(stocked, at=LATER)
    assert {bag.wave for bag in edition(stocked).bags} == {0}
    hashes = {sha256 for stone in edition(stocked).tombstones for sha256 in stone.sha256}
    assert hashes == {file.sha256 for file in covered.files}


def test_a_code_covers_all_that_bear_it(stocked: Archive) -> None:
    assert names(covered_by(stocked, [ISRCS[2]])) == {"02.flac", "03.flac", "02.lrc"}


@pytest.mark.parametrize(
    ("word", "error"),
    [
        ("no such file.flac", NotFoundError),
        ("FRZ039800299", NotFoundError),
        ("5f0c1f5e-6d0a-4c57-9d5e-0c8f6a1b2c3d", NotFoundError),
        ("abcdef0123456789", NotFoundError),
        ("", NotFoundError),
    ],
)
def test_what_names_nothing_is_refused(stocked: Archive, word: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        covered_by(stocked, [word])


def test_an_artist_is_not_taken_back_by_name(stocked: Archive) -> None:
    with Catalogue.open(stocked.catalogue) as catalogue:
        view = catalogue.show(covered_by(stocked, ["Album/01.flac"]).recordings[0].id)
        assert isinstance(view, RecordingView)
        artist = view.artists[0].id
    with pytest.raises(UsageError, match="is an artist"):
        covered_by(stocked, [artist])


def test_on_hold_it_is_hidden_and_when_refused_shown_again(stocked: Archive) -> None:
    assert shown(stocked) == ALL
    one = asked(stocked, "Album/02.flac")
    assert shown(stocked) == ALL
    done = hold(stocked, one.id, by="A. Archivist", note="Looking into it.", at=AT)
    assert done.withdrawal.state is State.HELD
    assert shown(stocked) == ALL - {"02 Tone 2.flac", "02 Tone 2.lrc"}
    refused = refuse(stocked, one.id, by="A. Archivist", note="No rights in it.", at=AT).withdrawal
    assert shown(stocked) == ALL
    assert all(path.is_symlink() for path in (stocked.public / "bags").iterdir())
    assert [step.step for step in refused.steps] == [Step.REQUESTED, Step.HELD, Step.REFUSED]
    assert not publish(stocked, at=LATER).new, "nothing has changed"


def test_what_is_served_by_http_is_what_is_shown(stocked: Archive) -> None:
    (bag,) = [bag.id for bag in edition(stocked).bags if bag.wave == 1]
    path = f"bags/{bag}/data/The Testers/Tones/02 Tone 2.flac"
    assert locate(stocked.public, stocked.bags, path) is not None
    decided(stocked, asked(stocked, "Album/02.flac"))
    assert locate(stocked.public, stocked.bags, path) is None
    assert locate(stocked.public, stocked.bags, path.replace("02 Tone 2", "01 Tone 1")) is not None
    assert locate(stocked.public, stocked.bags, f"bags/{bag}/manifest-sha256.txt") is not None


def test_evidence_of_what_was_taken_back_stays(stocked: Archive, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("It is mine.")
    one = decided(stocked, asked(stocked, "Album/02.flac", document=letter, erase=True))
    publish(stocked, at=LATER)
    with stocked.ledger.connect() as ledger:
        taken = taken_back(ledger, one.id)
        again = withdrawal(ledger, one.id[:8])
        held = dict(ledger.execute(select(files.c.name, files.c.held)).all())
        deleted = ledger.execute(select(events.c.subject).where(events.c.type == "deletion")).scalars().all()
    assert {file.name for file in taken} == {"Album/02.flac", "Album/02.lrc"}
    assert all(file.statements and file.bagged and file.recording for file in taken if "flac" in file.name)
    assert again.document_sha256 is not None
    assert not held["Album/02.flac"]
    assert held["Album/01.flac"]
    assert set(deleted) == {"Album/02.flac", "Album/02.lrc"}
    assert Step.ERASED in [step.step for step in again.steps]


@pytest.mark.parametrize("first", ["requested", "accepted"])
def test_the_same_twice_is_told_so(stocked: Archive, first: str) -> None:
    one = asked(stocked, "Album/02.flac")
    if first == "accepted":
        decided(stocked, one)
    with pytest.raises(UsageError, match=f"{one.id} .* is {first}"):
        asked(stocked, "Album/02.flac")
    asked(stocked, "Album/02.flac", erase=True)  # more than the first


def test_what_was_decided_is_not_decided_again(stocked: Archive) -> None:
    one = decided(stocked, asked(stocked, "Album/02.flac"))
    for step in (accept, hold):
        with pytest.raises(UsageError, match="is accepted since 2026-12-01"):
            step(stocked, one.id, by="x", note=None, at=AT)
    with pytest.raises(UsageError, match="cannot be refused"):
        refuse(stocked, one.id, by="x", note="why", at=AT)
    reverse(stocked, one.id, by="x", note="why", at=AT)
    with pytest.raises(UsageError, match="is reversed since"):
        reverse(stocked, one.id, by="x", note="why", at=AT)
    with pytest.raises(NotFoundError):
        accept(stocked, "00000000", by="x", note=None, at=AT)


def test_in_one_country_it_leaves_what_is_for_all(stocked: Archive) -> None:
    settings = stocked.folder / "phonotheque.toml"
    settings.write_text(settings.read_text() + '[publish]\naudiences = ["WORLD -DE"]\n')
    archive = open_archive(stocked.folder)
    decided(archive, asked(archive, "Album/01.flac", territory="DE"))
    assert shown(archive) == ALL - {"01 Tone 1.flac"}
    publish(archive, at=LATER)
    audiences = {bag.audience for bag in edition(archive).bags}
    assert audiences == {"WORLD", "WORLD -DE"}
    (stone,) = edition(archive).tombstones
    assert stone.territory == "DE"
    archive.close()


def test_what_another_withdrawal_still_takes_back_is_not_called_reinstated(stocked: Archive) -> None:
    first = decided(stocked, asked(stocked, "Album/01.flac", territory="DE"))
    publish(stocked, at=LATER)
    second = decided(stocked, asked(stocked, "Album/01.flac"))
    reverse(stocked, first.id, by="x", note="why", at=AT)
    publish(stocked, at=datetime(2026, 12, 2, tzinfo=UTC))
    assert [stone.reinstated for stone in edition(stocked).tombstones] == [None]
    assert shown(stocked) == ALL - {"01 Tone 1.flac"}
    reverse(stocked, second.id, by="x", note="why", at=AT)
    publish(stocked, at=datetime(2026, 12, 3, tzinfo=UTC))
    assert [stone.reinstated for stone in edition(stocked).tombstones] == [AT]
    assert shown(stocked) == ALL


def test_what_was_interrupted_is_completed(stocked: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    one = decided(stocked, asked(stocked, "Album/02.flac"))
    (bag,) = [bag.id for bag in edition(stocked).bags if bag.wave == 1]
    # As if killed when the bag's link was removed and the folder in its place not there yet.
    folder = stocked.public / "bags" / bag
    folder.rename(folder.with_name(f".partial-{bag}"))
    uphold(stocked, at=AT)
    publish(stocked, at=LATER)
    assert shown(stocked) == ALL - {"02 Tone 2.flac", "02 Tone 2.lrc"}
    assert one.state is State.ACCEPTED


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"by": " "}, "--by"),
        ({"reason": ""}, "--reason"),
        ({"public_reason": "two\nlines"}, "--public-reason"),
        ({"territory": "Atlantis"}, "--territory"),
        ({"territory": ""}, "--territory"),
        ({"erase": True, "territory": "DE"}, "--territory"),
        ({"acts": (Act.PRESERVE,)}, "--erase"),
        ({"contact": "a\0b"}, "--contact"),
    ],
)
def test_a_request_without_sense_names_its_field(more: dict[str, object], field: str) -> None:
    values: dict[str, object] = {"by": "An Artist", "reason": "It is mine.", "words": ("x",)}
    with pytest.raises(UsageError) as error:
        check_asked(Asked(**{**values, **more}))  # type: ignore[arg-type]
    assert field in str(error.value)


def test_a_bag_that_is_being_replaced_hides_what_is_taken_back_meanwhile(
    stocked: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    decided(stocked, asked(stocked, "Album/01.flac"))
    with monkeypatch.context() as patched:
        patched.setattr("phonotheque.editions.publish.issue", killed)
        with pytest.raises(KeyboardInterrupt):
            publish(stocked, at=LATER)
    decided(stocked, asked(stocked, "Album/02.flac"))
    assert shown(stocked) == {"03 Tone 3.flac", "cover.png"}
    publish(stocked, at=LATER)
    assert shown(stocked) == {"03 Tone 3.flac", "cover.png"}


def sent(archive: Archive, place: Path, *, moved: bool) -> Archive:
    """The archive with its public tree elsewhere, too, and its bags only there if they have moved."""
    settings = archive.folder / "phonotheque.toml"
    bags = f'bags = "{place}/bags"\n' if moved else ""
    settings.write_text(settings.read_text() + f'[storage]\npublic = "{place}"\n{bags}')
    place.mkdir()
    archive.close()
    opened = open_archive(archive.folder)
    publish(opened, at=NOW)
    return opened


def songs(place: Path) -> set[str]:
    return {path.name for path in (place / "bags").glob("*/data/**/*.flac")}


SONGS = {"01 Tone 1.flac", "02 Tone 2.flac", "03 Tone 3.flac"}


def mend(archive: Archive, origin: Path) -> RepairReport:
    return repair(archive, open_origin(str(origin)), swarm=LOCAL)


def test_a_repair_brings_nothing_back_that_was_taken_back(stocked: Archive, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    archive = sent(stocked, place, moved=False)
    shutil.copytree(archive.folder, tmp_path / "copy", symlinks=True)
    decided(archive, asked(archive, "Album/01.flac"))
    assert songs(place) == SONGS - {"01 Tone 1.flac"}
    song = next(archive.bags.rglob("02 Tone 2.flac"))
    song.chmod(0o644)
    song.write_bytes(b"rotten")
    (archive.public / "bags" / ".link").symlink_to("../../vault/bags")
    report = mend(archive, tmp_path / "copy")
    assert (report.whole, len(report.repaired)) == (True, 1), report.failed
    assert songs(place) == SONGS - {"01 Tone 1.flac"}
    uphold(archive, at=AT)
    assert shown(archive) == ALL - {"01 Tone 1.flac"}
    assert not os.path.lexists(archive.public / "bags" / ".link")
    archive.close()


def test_pages_that_are_here_no_more_go_elsewhere_too(stocked: Archive, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    (stocked.public / "en" / "bag" / "a-1").mkdir(parents=True)
    (stocked.public / "en" / "bag" / "a-1" / "index.html").write_text("a song")
    (stocked.public / "en" / "index.html").write_text("the front page")
    archive = sent(stocked, place, moved=False)
    assert (place / "en" / "bag" / "a-1" / "index.html").read_text() == "a song"
    shutil.rmtree(archive.public / "en" / "bag")
    publish(archive, at=LATER)
    assert not (place / "en" / "bag" / "a-1" / "index.html").exists()
    assert (place / "en" / "index.html").exists()
    archive.close()


def test_what_is_damaged_elsewhere_is_set_aside_and_stops_nothing(stocked: Archive, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    archive = sent(stocked, place, moved=True)
    song = next((place / "bags").rglob("01 Tone 1.flac"))
    song.chmod(0o644)
    song.write_bytes(b"rotten")
    one = decided(archive, asked(archive, "Album/01.flac"))
    assert songs(place) == SONGS - {"01 Tone 1.flac"}
    assert [path.read_bytes() for path in (archive.folder / "vault/quarantine").iterdir()] == [b"rotten"]
    decided(archive, asked(archive, "Album/03.flac", erase=True))
    assert songs(place) == {"02 Tone 2.flac"}
    reverse(archive, one.id, by="x", note="why", at=AT)
    archive.close()


def test_it_is_gone_also_where_the_settings_no_longer_send_it(stocked: Archive, tmp_path: Path) -> None:
    place = tmp_path / "elsewhere"
    archive = sent(stocked, place, moved=False)
    settings = archive.folder / "phonotheque.toml"
    settings.write_text(settings.read_text().partition("[storage]")[0])
    archive.close()
    archive = open_archive(archive.folder)
    decided(archive, asked(archive, "Album/01.flac"))
    assert songs(place) == SONGS - {"01 Tone 1.flac"}
    archive.close()


def test_a_long_reason_and_name_are_told_as_far_as_an_edition_takes_them(stocked: Archive) -> None:
    long = {"public_reason": "r" * 300, "public_name": True}
    with pytest.raises(UsageError, match="--public-reason and --by together"):
        check_asked(Asked("n" * 300, "It is mine.", ("x",), **long))  # type: ignore[arg-type]
    one = asked(stocked, "Album/01.flac", **long)
    with stocked.ledger.begin() as ledger:  # as it was recorded before that was refused
        changed = update(withdrawals).where(withdrawals.c.id == one.id)
        ledger.execute(changed.values(asked_by="n" * 298 + "\ufffe\uffff"))
    decided(stocked, one)
    publish(stocked, at=LATER)
    (stone,) = edition(stocked).tombstones
    assert (len(stone.reason), stone.reason[-1]) == (500, "…")
    ElementTree.parse(stocked.public / "feed.atom")


@pytest.mark.parametrize("character", ["\ufffe", "\uffff", "\n", "\u2028"])
def test_what_no_feed_can_show_is_refused(character: str) -> None:
    for text in (
        {"by": f"A{character}B", "public_name": True},
        {"by": "A", "public_reason": f"A{character}B"},
    ):
        with pytest.raises(UsageError, match="cannot be shown to everybody"):
            check_asked(Asked(reason="It is mine.", words=("x",), **text))
