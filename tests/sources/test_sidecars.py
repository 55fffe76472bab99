"""What lies beside music: kept once, related to its track or release, and only on a basis of its own."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
from sqlalchemy import select

from phonotheque.ledger.files import each_file, start_accession
from phonotheque.ledger.schema import decisions, files, sidecars
from phonotheque.ledger.sidecars import SidecarRow, record_sidecar, sidecar_totals, sidecars_of
from phonotheque.model.sidecars import Beside, SidecarFacts, SidecarKind, kind_of, release_place, track_places
from phonotheque.sources import beside, intake, take_in
from phonotheque.sources.intake import AddOptions, AddResult, add_folder
from phonotheque.sources.take_in import How
from phonotheque.vault import place
from phonotheque.vault.archive import Archive
from tests.conftest import MakeArchive
from tests.sources.looking import assert_sound, master, names, notes, reasons, state
from tests.tones import flac, wav

pytestmark = pytest.mark.usefixtures("in_process")

CC_ZERO = "https://creativecommons.org/publicdomain/zero/1.0/"
LYRICS = "[00:01.00]La la la\n[00:02.50]Lo lo lo\n"


def png(path: Path, number: int = 1, *, width: int = 600, height: int = 500) -> Path:
    """Write what has a picture's header, and other bytes for each number."""
    path.parent.mkdir(parents=True, exist_ok=True)
    size = width.to_bytes(4, "big") + height.to_bytes(4, "big")
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + size + b"\x08\2\0\0\0" + number.to_bytes(8, "big"))
    return path


def put(path: Path, text: str = "text\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def beside_of(archive: Archive, name: str) -> list[SidecarRow]:
    """What lies beside the master called ``name``."""
    with archive.ledger.connect() as ledger:
        (row,) = [row for row in each_file(ledger) if row.name == name]
        return sidecars_of(ledger, [row.id])[row.id]


def called(archive: Archive, name: str) -> list[tuple[str, str]]:
    return [(row.name, row.role) for row in beside_of(archive, name)]


def kept(archive: Archive) -> dict[str, bool]:
    """Every sidecar by its first name, and whether it is held."""
    with archive.ledger.connect() as ledger:
        return {row.name: bool(row.held) for row in each_file(ledger, kind="sidecar")}


def answers(archive: Archive, name: str) -> dict[str, str]:
    query = select(decisions.c.act, decisions.c.answer).join(files).where(files.c.name == name)
    with archive.ledger.connect() as ledger:
        return {row.act: row.answer for row in ledger.execute(query)}


def counts(result: AddResult) -> tuple[int, int, int, int]:
    return result.held, result.sidecars, result.sidecars_again, result.sidecars_known


@pytest.mark.parametrize(("name", "kind", "role"), [
    (b"cover.jpg", "picture", "front"), (b"Folder.PNG", "picture", "front"), (b"x.tiff", "picture", "other"),
    (b"Back cover.jpeg", "picture", "back"), (b"front-back.gif", "picture", "front"),
    (b"booklet 03.webp", "picture", "leaflet"), (b"cd1.bmp", "picture", "medium"),
    (b"CD cover.jpg", "picture", "front"), (b"the band.jpg", "picture", "artist"),
    (b"caf\xe9.jpg", "picture", "other"), (b"Booklet.pdf", "document", "booklet"),
    (b"a.lrc", "lyrics", "lyrics"),
    (b"a.cue", "document", "cue-sheet"), (b"a.log", "document", "rip-log"),
    (b"info.txt", "document", "notes"),
    (b"a.ffp", "document", "checksums"), (b"all.m3u8", "document", "playlist"),
])  # fmt: skip
def test_names_say_what_they_are(name: bytes, kind: str, role: str) -> None:
    assert kind_of(name) == (SidecarKind(kind), role)


@pytest.mark.parametrize(
    "name", [b"a.ogg", b"x.svg", b"x.html", b"x.exe", b"LICENSE", b".jpg", b"jpg", b"x.jpg.zip"]
)
def test_other_names_say_nothing(name: bytes) -> None:
    assert kind_of(name) is None


@pytest.mark.parametrize(("folder", "release"), [
    (b"/m/Album", b"/m/Album/"), (b"/m/Album/CD1", b"/m/Album/"), (b"/m/Album/Disc 2 - Live", b"/m/Album/"),
    (b"/m/Album/side A", b"/m/Album/"), (b"/m/Discs", b"/m/Discs/"), (b"/m/CD-R", b"/m/CD-R/"), (b"/", b"/"),
])  # fmt: skip
def test_discs_belong_to_one_release(folder: bytes, release: bytes) -> None:
    assert release_place(folder) == release


def test_a_track_has_places_of_its_own_and_its_releases() -> None:
    places = (b"/m/a.hq.ogg", b"/m/a.hq", b"/m/a", b"/m/")
    assert track_places(b"/m/a.hq.ogg") == places
    assert track_places(b"/m/Mr. Smith.ogg") == (b"/m/Mr. Smith.ogg", b"/m/Mr. Smith", b"/m/")


def test_what_lies_beside_music_is_kept_and_related(archive: Archive, music: Path) -> None:
    flac(music / "Album" / "01 One.flac", 1)
    flac(music / "Album" / "02 Two.flac", 2)
    cover = png(music / "Album" / "cover.png")
    put(music / "Album" / "01 One.lrc", LYRICS)
    put(music / "Album" / "02 Two.txt", "Words of a song\n")
    put(music / "Album" / "Album.cue", "FILE x WAVE\n")
    png(music / "Album" / "Scans" / "back.png", 2)
    result = add_folder(archive, music)
    assert counts(result) == (2, 5, 0, 0)
    assert not result.refused
    shared = [("Album.cue", "cue-sheet"), ("back.png", "back"), ("cover.png", "front")]
    assert sorted(called(archive, "Album/01 One.flac")) == sorted([("01 One.lrc", "lyrics"), *shared])
    assert sorted(called(archive, "Album/02 Two.flac")) == sorted([("02 Two.txt", "lyrics"), *shared])
    assert called(archive, "Album/01 One.flac")[0] == ("01 One.lrc", "lyrics")  # the track's own come first
    (picture,) = [row for row in beside_of(archive, "Album/01 One.flac") if row.role == "front"]
    assert (picture.mime, picture.width, picture.height, picture.held) == ("image/png", 600, 500, True)
    assert master(archive, cover).read_bytes() == cover.read_bytes()
    assert master(archive, cover).stat().st_mode & 0o777 == 0o444
    assert_sound(archive)


def test_discs_share_what_lies_above_them(archive: Archive, music: Path) -> None:
    flac(music / "Album" / "CD1" / "a.flac", 1)
    flac(music / "Album" / "CD2" / "b.flac", 2)
    flac(music / "Other" / "c.flac", 3)
    png(music / "Album" / "cover.png")
    png(music / "Album" / "Artwork" / "CD1" / "x.png", 2)
    add_folder(archive, music)
    for name in ("Album/CD1/a.flac", "Album/CD2/b.flac"):
        assert sorted(called(archive, name)) == [("cover.png", "front"), ("x.png", "other")]
    assert called(archive, "Other/c.flac") == []


def test_pictures_that_lie_beside_no_music_are_nobodys(archive: Archive, music: Path) -> None:
    flac(music / "Music" / "a.flac", 1)
    png(music / "Holidays" / "beach.png")
    png(music / "scans" / "letter.png")
    put(music / "diary.txt")
    result = add_folder(archive, music)
    assert counts(result) == (1, 0, 0, 0)
    assert result.refused == {"not-audio": 3}


def test_a_picture_is_looked_at_again_once_music_lies_beside_it(archive: Archive, music: Path) -> None:
    png(music / "cover.png")
    words = put(music / "a.txt", "Words of a song\n")
    assert add_folder(archive, music).refused == {"not-audio": 2}
    flac(music / "a.flac", 1)
    assert counts(add_folder(archive, music)) == (1, 2, 0, 0)
    flac(music / "b.flac", 2)
    words.rename(music / "b.txt")
    add_folder(archive, music)
    assert called(archive, "b.flac") == [("b.txt", "lyrics"), ("cover.png", "front")]
    assert add_folder(archive, music).unchanged == 4


def test_the_same_picture_in_fifty_folders_is_kept_once(archive: Archive, music: Path) -> None:
    for number in range(50):
        flac(music / f"{number:02}" / "a.flac", number)
        cover = png(music / f"{number:02}" / "cover.png")
    assert counts(add_folder(archive, music)) == (50, 1, 49, 0)
    for number in (0, 49):
        assert called(archive, f"{number:02}/a.flac") == [("cover.png", "front")]
    with archive.ledger.connect() as ledger:
        assert sidecar_totals(ledger) == {
            "held": 1, "bytes": cover.stat().st_size, "known": 0, "pictures": 1, "lyrics": 0, "documents": 0
        }  # fmt: skip
    assert_sound(archive)


def test_a_changed_cover_is_kept_beside_the_old_one_and_shown(archive: Archive, music: Path) -> None:
    flac(music / "a.flac", 1)
    old = png(music / "cover.png", 1).read_bytes()
    add_folder(archive, music)
    new = png(music / "cover.png", 2)
    os.utime(new, ns=(1, 1))
    assert counts(add_folder(archive, music)) == (0, 1, 0, 0)
    (shown,) = beside_of(archive, "a.flac")
    assert master(archive, new).exists()
    assert shown.sha256 == master(archive, new).name
    assert sorted(kept(archive).values()) == [True]  # by name; by bytes there are two
    with archive.ledger.connect() as ledger:
        assert sidecar_totals(ledger)["held"] == 2
        (before,) = ledger.execute(select(sidecars).where(sidecars.c.superseded_at.is_not(None))).all()
    new.write_bytes(old)
    add_folder(archive, music)
    (again,) = beside_of(archive, "a.flac")
    assert again.file_id == before.file_id
    assert_sound(archive)


def test_a_second_time_reads_nothing(archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flac(music / "a.flac", 1)
    png(music / "cover.png")
    put(music / "a.txt", f"Licence: {CC_ZERO}")
    put(music / "a.lrc", LYRICS)
    (music / "broken.jpg").write_bytes(b"no picture")
    add_folder(archive, music)
    before = state(archive)

    def refuse(_batch: object) -> None:
        raise AssertionError("something was read")

    monkeypatch.setattr(take_in, "_take_in", refuse)
    again = add_folder(archive, music)
    assert (counts(again), again.unchanged, sum(again.refused.values())) == ((0, 0, 0, 0), 4, 0)
    assert state(archive) == before


def test_new_artwork_alone_leaves_the_catalogue_as_it_is(archive: Archive, music: Path) -> None:
    flac(music / "a.flac", 1)
    add_folder(archive, music)
    (archive.catalogue / "BEHIND").unlink()
    png(music / "cover.png")
    result = add_folder(archive, music)
    assert (result.sidecars, result.changed) == (1, False)
    assert not (archive.catalogue / "BEHIND").exists()


# --- rights ---


def test_the_licence_of_the_music_is_not_that_of_the_cover(make_archive: MakeArchive, music: Path) -> None:
    archive = make_archive()  # without a mandate
    flac(music / "a.flac", 1, {"LICENSE": CC_ZERO})
    put(music / "a.txt", f"Licence: {CC_ZERO}")
    png(music / "a.png", 2)
    put(music / "a.lrc", LYRICS)
    png(music / "cover.png")
    assert counts(add_folder(archive, music)) == (1, 0, 0, 3)
    assert kept(archive) == {"a.png": False, "a.lrc": False, "cover.png": False}
    assert sorted(path.name for path in archive.incoming.rglob("*") if path.is_file()) == names_of_bytes(
        archive
    )
    for name in kept(archive):
        assert set(answers(archive, name).values()) == {"unknown"}


def names_of_bytes(archive: Archive) -> list[str]:
    with archive.ledger.connect() as ledger:
        return sorted(row.sha256 for row in each_file(ledger, held=True))


@pytest.mark.parametrize("rules", [
    {"rights.toml": '[[rights]]\nfiles = ["*"]\nlicence = "CC-BY-4.0"\nevidence = "a letter"\n'},
    {"REUSE.toml": 'version = 1\n[[annotations]]\npath = "**"\nSPDX-FileCopyrightText = "A"\n'
                   'SPDX-License-Identifier = "CC-BY-4.0"\n'},
    {"copyright": "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
                  "Files: *\nCopyright: A\nLicense: CC-BY-4.0\n"},
    {"cover.png.license": "SPDX-FileCopyrightText: A\nSPDX-License-Identifier: CC-BY-4.0\n"},
    {"cover.png.txt": "Licence: https://creativecommons.org/licenses/by/4.0/\n"},
])  # fmt: skip
def test_what_names_the_cover_grants_it(
    make_archive: MakeArchive, music: Path, rules: dict[str, str]
) -> None:
    archive = make_archive()
    flac(music / "a.flac", 1, {"LICENSE": "https://creativecommons.org/licenses/by/4.0/"})
    png(music / "cover.png")
    for name, text in rules.items():
        put(music / name, text)
    assert counts(add_folder(archive, music)) == (1, 1, 0, 0)
    assert answers(archive, "cover.png") == dict.fromkeys(["preserve", "stream", "distribute", "mine"], "yes")


@pytest.mark.parametrize("rule", [
    'licence = "CC-BY-4.0"\n',
    'files = ["*.flac"]\nlicence = "CC-BY-4.0"\n',
    'files = ["*"]\nlicence = "CC-BY-4.0"\ncovers = "recording"\n',
])  # fmt: skip
def test_what_speaks_of_the_music_only_grants_no_cover(
    make_archive: MakeArchive, music: Path, rule: str
) -> None:
    archive = make_archive()
    flac(music / "a.flac", 1)
    png(music / "cover.png")
    put(music / "rights.toml", f'[[rights]]\n{rule}evidence = "a letter"\n')
    add_folder(archive, music)
    assert kept(archive) == {"cover.png": False}


def test_a_mandate_keeps_a_cover_and_publishes_nothing(archive: Archive, music: Path) -> None:
    flac(music / "a.flac", 1)
    png(music / "cover.png")
    add_folder(archive, music)
    assert kept(archive) == {"cover.png": True}
    found = answers(archive, "cover.png")
    assert (found["preserve"], found["distribute"], found["stream"]) == ("yes", "unknown", "unknown")


def test_rules_written_later_let_the_cover_in(make_archive: MakeArchive, music: Path) -> None:
    archive = make_archive()
    flac(music / "a.flac", 1, {"LICENSE": CC_ZERO})
    png(music / "cover.png")
    add_folder(archive, music)
    put(music / "rights.toml", '[[rights]]\nfiles = ["*"]\nlicence = "CC0-1.0"\nevidence = "a letter"\n')
    assert add_folder(archive, music).sidecars == 1
    assert kept(archive) == {"cover.png": True}


def test_a_text_called_like_a_track_is_evidence_or_lyrics(archive: Archive, music: Path) -> None:
    flac(music / "a.flac", 1)
    flac(music / "b.flac", 2)
    put(music / "a.txt", f"Licence: {CC_ZERO}\n")
    put(music / "b.txt", "Oh, the wind and the rain\n")
    result = add_folder(archive, music)
    assert (result.sidecars, sum(result.refused.values()), result.notable) == (1, 0, [])
    assert called(archive, "a.flac") == []
    assert called(archive, "b.flac") == [("b.txt", "lyrics")]
    assert answers(archive, "a.flac")["distribute"] == "yes"
    put(music / "b.txt", f"Licence: {CC_ZERO}\n")  # a correction: it is no lyrics any more
    add_folder(archive, music)
    assert answers(archive, "b.flac")["distribute"] == "yes"


# --- hostile and broken ---


def test_links_and_special_files_are_named_and_never_opened(
    archive: Archive, music: Path, tmp_path: Path
) -> None:
    flac(music / "a.flac", 1)
    secret = put(tmp_path / "secret.txt", "a private key\n")
    (music / "a.lrc").symlink_to(secret)
    (music / "a.txt").symlink_to(secret)
    (music / "cover.png").symlink_to(png(tmp_path / "elsewhere.png"))
    (music / "folder.png").symlink_to("/dev/zero")
    os.mkfifo(music / "back.jpg")
    (music / "front.jpg").mkdir()
    result = add_folder(archive, music)
    assert counts(result) == (1, 0, 0, 0)
    assert set(notes(result)) == {"a.lrc", "cover.png", "folder.png", "back.jpg"}
    assert kept(archive) == {}


def test_what_only_has_the_name_is_refused(archive: Archive, music: Path) -> None:
    flac(music / "a.flac", 1)
    (music / "cover.jpg").write_bytes(b"<svg onload='alert(1)'/>")
    (music / "back.png").write_bytes(b"\x7fELF" + bytes(100))
    (music / "a.lrc").write_bytes(b"\x7fELF\0\0\0")
    (music / "booklet.pdf").write_bytes(b"MZ")
    (music / "empty.jpg").touch()
    result = add_folder(archive, music)
    assert counts(result) == (1, 0, 0, 0)
    assert result.refused == {"not-audio": 4, "empty": 1}
    assert "not a picture" in reasons(archive)["cover.jpg"]


@pytest.mark.parametrize("name", ["03.txt", "a.txt", "03.log", "03.jpg", "a.lrc", "03.pdf"])
def test_music_under_the_name_of_a_text_or_picture_is_music(archive: Archive, music: Path, name: str) -> None:
    flac(music / "a.flac", 1)
    flac(music / "b.flac", 3, {"LICENSE": CC_ZERO}).rename(music / name)
    result = add_folder(archive, music)
    assert (counts(result), sum(result.refused.values())) == ((2, 0, 0, 0), 0)
    assert names(archive) == sorted(["a.flac", name])
    assert add_folder(archive, music).unchanged == 2


def test_music_is_not_too_long_for_the_name_of_a_text(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(take_in, "limit_of", lambda *_: 1000)
    flac(music / "a.flac", 1)
    flac(music / "b.flac", 3).rename(music / "03.txt")
    assert counts(add_folder(archive, music)) == (2, 0, 0, 0)


def test_what_was_a_sidecar_is_music_once_it_is_taken_in_as_music(archive: Archive, music: Path) -> None:
    flac(music / "a.flac", 1)
    song = flac(music / "b.flac", 3)
    facts = SidecarFacts(
        hashlib.sha256(song.read_bytes()).hexdigest(),
        song.stat().st_size,
        "text/plain",
        Beside(SidecarKind.DOCUMENT, "notes", b"/m/"),
    )
    with archive.ledger.begin() as ledger:
        old = start_accession(ledger, source="folder", location="/m", agent="a", at="2026-01-01T00:00:00Z")
        record_sidecar(
            ledger, facts, path=b"/m/b.txt", held=True, accession=old, name="b.txt", at="2026-01-01T00:00:00Z"
        )
    add_folder(archive, music)
    assert names(archive) == ["a.flac", "b.txt"]
    assert kept(archive) == {}


def test_of_the_same_bytes_twice_in_one_batch_the_held_one_counts(
    make_archive: MakeArchive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_archive()
    flac(music / "a.flac", 1)
    png(music / "1.png")
    put(music / "1.png.license", "SPDX-License-Identifier: CC0-1.0\nSPDX-FileCopyrightText: A\n")
    png(music / "2.png")
    asked: list[int] = []

    def where(_ledger: object, ids: list[int]) -> dict[int, tuple[str, str]]:
        asked.extend(ids)
        return {}

    monkeypatch.setattr(intake, "where_bagged", where)
    assert counts(add_folder(archive, music))[1:3] == (1, 1)
    assert len(asked) == 1


def test_a_bomb_is_kept_as_it_is_and_costs_nothing(archive: Archive, music: Path) -> None:
    flac(music / "a.flac", 1)
    png(music / "cover.png", width=2**31 - 1, height=2**31 - 1)
    add_folder(archive, music)
    (bomb,) = beside_of(archive, "a.flac")
    assert (bomb.width, bomb.held) == (2**31 - 1, True)


def test_a_text_or_picture_that_is_too_large_is_not_read(archive: Archive, music: Path) -> None:
    flac(music / "a.flac", 1)
    with (music / "a.lrc").open("wb") as sparse:
        sparse.truncate(5 << 20)
    with (music / "cover.png").open("wb") as sparse:
        sparse.truncate(300 << 20)
    result = add_folder(archive, music)
    assert result.refused == {"limit": 2}
    assert "more than the" in notes(result)["cover.png"]


def test_ten_thousand_pictures_in_one_folder(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beside, "MOST", 20)  # kept: 10,000 are walked all the same
    flac(music / "a.flac", 1)
    for number in range(10_000):
        (music / f"{number:05}.png").write_bytes(b"")
    for number in range(25):
        png(music / f"{number:05}.png", number)
    png(music / "zz cover.png", 99)
    result = add_folder(archive, music)
    assert (result.sidecars, result.refused) == (20, {"limit": 1})
    assert notes(result)["music"].startswith("limit: 9,981 more files")
    assert ("zz cover.png", "front") in called(archive, "a.flac")


def test_names_need_not_be_utf_8(archive: Archive, music: Path) -> None:
    folder = os.fsencode(music) + b"/\xe9t\xe9"
    flac(Path(os.fsdecode(folder)) / "a.flac", 1)
    png(Path(os.fsdecode(folder + b"/\xff\ncover.png")))
    put(Path(os.fsdecode(folder + b"/a.lrc")), LYRICS)
    assert counts(add_folder(archive, music)) == (1, 2, 0, 0)
    assert called(archive, "\ufffdt\ufffd/a.flac") == [("a.lrc", "lyrics"), ("\ufffd\ncover.png", "front")]


# --- breaking off ---


def test_killed_between_bytes_and_ledger_the_next_run_records_them(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flac(music / "a.flac", 1)
    cover = png(music / "cover.png")

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(intake, "record_sidecar", interrupt)
        with pytest.raises(KeyboardInterrupt):
            add_folder(archive, music)
    assert master(archive, cover).exists()
    assert kept(archive) == {}
    assert counts(add_folder(archive, music))[1] == 1
    assert kept(archive) == {"cover.png": True}
    assert_sound(archive)


def test_a_full_disk_stops_it_and_leaves_nothing_half_written(
    archive: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    png(music / "cover.png")
    wav(music / "z.wav", 1)

    def full(_file: object, _data: object, path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", os.fspath(path))

    with monkeypatch.context() as patched:
        patched.setattr(place, "_write_all", full)
        with pytest.raises(OSError, match="No space left"):
            add_folder(archive, music)
    assert (kept(archive), names(archive)) == ({}, [])
    add_folder(archive, music)
    assert (kept(archive), names(archive)) == ({"cover.png": True}, ["z.wav"])
    assert_sound(archive)


def test_moving_removes_what_is_held_and_leaves_the_rest(make_archive: MakeArchive, music: Path) -> None:
    archive = make_archive()
    flac(music / "a.flac", 1, {"LICENSE": CC_ZERO})
    png(music / "cover.png")
    put(music / "cover.png.license", "SPDX-License-Identifier: CC0-1.0\nSPDX-FileCopyrightText: A\n")
    png(music / "back.png", 2)
    add_folder(archive, music, AddOptions(How.MOVE))
    assert sorted(path.name for path in music.iterdir()) == ["back.png", "cover.png.license"]
    assert called(archive, "a.flac") == [("back.png", "back"), ("cover.png", "front")]


def test_damage_to_a_kept_picture_is_found(archive: Archive, music: Path) -> None:
    flac(music / "a.flac", 1)
    held = master(archive, png(music / "cover.png"))
    add_folder(archive, music)
    held.chmod(0o644)
    held.write_bytes(b"x" * held.stat().st_size)
    with pytest.raises(AssertionError):
        assert_sound(archive)
