"""Exports: what allows it and nothing else, tagged without touching the sound, and made only once."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import bagit
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update

from phonotheque.audio.packets import packets_sha256
from phonotheque.audio.tags import read_tags
from phonotheque.editions.export.choosing import choose
from phonotheque.editions.export.folder import Destination
from phonotheque.editions.export.purposes import Terms, permitted
from phonotheque.ledger.schema import files, rights_statements
from phonotheque.ledger.statements import record_grant
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.model.progress import QUIET
from phonotheque.model.rights import Act, Kind, Statement
from phonotheque.vault.archive import Archive
from phonotheque.vault.incoming import incoming_path
from tests.conftest import MakeArchive
from tests.editions.export_music import ask, listed, masters, run, state_more, take_in, write_music
from tests.editions.test_export_purposes import STATEMENTS, TERMS
from tests.tones import flac

CC = "https://creativecommons.org/licenses/"


@pytest.fixture
def stocked(make_archive: MakeArchive, tmp_path: Path) -> Archive:
    """Three recordings that may be shared, one of them not for money; a fourth that nobody spoke of."""
    archive = make_archive(mandate="Tests keep everything.")
    licences = {"by": f"{CC}by/4.0/", "nc": f"{CC}by-nc/4.0/", "sa": f"{CC}by-sa/3.0/", "none": None}
    for number, (name, licence) in enumerate(licences.items()):
        tags = {
            "TITLE": f"Song <{name}>",
            "ARTIST": "A & B",
            "ALBUM": "Songs",
            "TRACKNUMBER": str(number + 1),
        }
        flac(tmp_path / "music" / f"{name}.flac", number, tags | ({"LICENSE": licence} if licence else {}))
    take_in(archive, tmp_path / "music")
    return archive


def manifest(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def titles(folder: Path) -> set[str]:
    return {line["title"] for line in manifest(folder)}


def test_every_codec_is_tagged_and_its_packets_are_those_of_the_master(
    make_archive: MakeArchive, tmp_path: Path
) -> None:
    archive = make_archive(mandate="Tests keep everything.")
    write_music(tmp_path / "music")
    take_in(archive, tmp_path / "music")
    before = masters(archive)
    out = tmp_path / "out"
    result = run(archive, out, ask("radio"))
    assert (result.files, result.failures, result.untagged) == (12, [], 1)
    inodes = {path.stat().st_ino for path in before}
    for line in manifest(out):
        path, master = out / line["path"], incoming_path(archive.incoming, line["master_sha256"])
        assert packets_sha256(path) == packets_sha256(master)
        assert hashlib.sha256(path.read_bytes()).hexdigest() == line["sha256"]
        assert path.stat().st_ino not in inodes
        with path.open("rb") as file:
            tags, _ = read_tags(file)
        if not line["tagged"]:
            assert path.suffix == ".mka"
            assert path.read_bytes() == master.read_bytes()
            assert line["attribution"]["changes"] == "Unchanged."
            continue
        assert (tags.title, tags.isrcs) == (line["title"], tuple(line["isrcs"]))
        assert tags.licences == tuple(note["url"] for note in line["attribution"]["licences"])
        raw = {key.rpartition(":")[2].upper(): values for key, values in tags.raw.items()}
        assert raw["TDM-RESERVATION"] == ("1" if line["mining"]["reserved"] else "0",)
        assert raw["ATTRIBUTION"] == (line["attribution"]["line"],)
        assert {"REPLAYGAIN_TRACK_GAIN", "R128_TRACK_GAIN"} & raw.keys()
        assert raw["MASTER_SHA256"] == (line["master_sha256"],)
    assert masters(archive) == before
    subprocess.run(["sha256sum", "--quiet", "-c", "manifest-sha256.txt"], cwd=out, check=True)
    again = listed(out)
    result = run(archive, out, ask("radio"))
    assert (result.made, result.kept, result.removed) == (0, 12, 0)
    assert listed(out) == again


def test_only_what_allows_it_and_what_is_taken_back_goes(stocked: Archive, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(stocked, out, ask("player")).files == 3
    assert titles(out) == {"Song <by>", "Song <nc>", "Song <sa>"}
    (out / "my own notes.txt").write_text("mine")
    withdrawal = Statement(Kind.WITHDRAWAL, None, "asked for", "withdrawal", "A & B", acts=tuple(Act))
    state_more(stocked, "sa", withdrawal)
    kept = listed(out)
    result = run(stocked, out, ask("player"))
    assert (result.files, result.made, result.kept, result.removed) == (2, 0, 2, 1)
    assert titles(out) == {"Song <by>", "Song <nc>"}
    music = {path for path in listed(out) if path.endswith(".flac")}
    assert {path: kept[path] for path in music} == {path: listed(out)[path] for path in music}
    assert len(music) == 2
    assert (out / "my own notes.txt").read_text() == "mine"
    assert "Song <sa>" not in (out / "ATTRIBUTION.txt").read_text()


def test_for_money_nothing_goes_out_that_is_not_for_money(stocked: Archive, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(stocked, out, ask("radio", commercial=True))
    assert titles(out) == {"Song <by>", "Song <sa>"}
    with (out / "run-down.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["title"] for row in rows] == ["Song <by>", "Song <sa>"]
    assert rows[0]["licence"] == "CC-BY-4.0"
    assert rows[0]["line"].startswith("“Song <by>” by A & B. Creative Commons Attribution 4.0 (https://")
    assert float(rows[0]["duration"]) == pytest.approx(0.5, abs=0.01)
    playlist = (out / "everything.m3u8").read_text().splitlines()
    assert playlist[0] == "#EXTM3U"
    assert all((out / entry).is_file() for entry in playlist[2::2])
    page = (out / "ATTRIBUTION.html").read_text()
    assert "<by>" not in page
    assert "Song &lt;by&gt;" in page
    assert f'<a rel="license" href="{CC}by/4.0/">' in page


def test_where_it_is_allowed_in_some_countries_only(stocked: Archive, tmp_path: Path) -> None:
    state_more(
        stocked, "none", Statement(Kind.LICENCE, "CC-BY-4.0", "a letter", "grant", "me", territory="FR BE")
    )
    assert run(stocked, tmp_path / "world", ask("player")).files == 3
    assert run(stocked, tmp_path / "fr", ask("player", territory="FR")).files == 4
    assert run(stocked, tmp_path / "both", ask("player", territory="DE FR")).files == 3


def test_training_has_what_may_be_mined_in_shards_that_are_always_the_same(
    stocked: Archive, tmp_path: Path
) -> None:
    out, other = tmp_path / "out", tmp_path / "other"
    result = run(stocked, out, ask("training", "webdataset", shard=1))
    assert (result.files, result.made) == (2, 2)  # each larger than a shard may be: a shard of its own
    assert titles(out) == {"Song <by>", "Song <sa>"}
    for path in sorted((out / "shards").iterdir()):
        with tarfile.open(path) as tar:
            sound, facts = tar.getmembers()
            assert (sound.mtime, sound.uid, sound.mode) == (0, 0, 0o644)
            key = sound.name.removesuffix(".flac")
            assert facts.name == f"{key}.json"
            line = json.loads(tar.extractfile(facts).read())  # type: ignore[union-attr]
            content = tar.extractfile(sound).read()  # type: ignore[union-attr]
        # The master itself, to the byte.
        assert line["recording"] == key
        assert hashlib.sha256(content).hexdigest() == line["sha256"] == line["master_sha256"]
        assert line["rights"]["decisions"]["mine"]["answer"] == "yes"
        assert line["mining"]["reserved"] is False
    run(stocked, other, ask("training", "webdataset", shard=1))
    for path in (out / "shards").iterdir():
        assert path.read_bytes() == (other / "shards" / path.name).read_bytes()
    before = listed(out)
    assert run(stocked, out, ask("training", "webdataset", shard=1)).kept == 2
    assert listed(out) == before
    reservation = Statement(Kind.RESERVATION, None, "their site says so", "grant", "A & B", acts=(Act.MINE,))
    state_more(stocked, "by", reservation)
    assert run(stocked, out, ask("training", "webdataset", shard=1)).files == 1
    assert titles(out) == {"Song <sa>"}
    assert len(list((out / "shards").iterdir())) == 1


def test_training_as_parquet_holds_the_audio(stocked: Archive, tmp_path: Path) -> None:
    run(stocked, tmp_path / "out", ask("training", "parquet"))
    (shard,) = (tmp_path / "out" / "shards").iterdir()
    rows = pq.read_table(shard).to_pylist()
    assert {row["title"] for row in rows} == {"Song <by>", "Song <sa>"}
    for row in rows:
        assert hashlib.sha256(row["audio"]["bytes"]).hexdigest() == row["sha256"]
        assert row["audio"]["path"] == f"{row['recording']}.flac"
        assert row["licences"] == [note["id"] for note in json.loads(row["facts"])["attribution"]["licences"]]


@pytest.mark.parametrize("purpose", ["training", "library"])
def test_a_bag_is_valid_also_after_it_has_changed(stocked: Archive, tmp_path: Path, purpose: str) -> None:
    out = tmp_path / "out"
    run(stocked, out, ask(purpose, "bagit"))
    assert bagit.Bag(str(out)).validate()
    assert (out / "data" / "ATTRIBUTION.txt").is_file()
    before = listed(out)
    run(stocked, out, ask(purpose, "bagit"))
    assert {path: stat for path, stat in listed(out).items() if path.startswith("data/")} == {
        path: stat for path, stat in before.items() if path.startswith("data/")
    }
    state_more(stocked, "by", Statement(Kind.WITHDRAWAL, None, "asked", "w", "A & B", acts=tuple(Act)))
    run(stocked, out, ask(purpose, "bagit"))
    assert bagit.Bag(str(out)).validate()
    assert not list(out.rglob("*by*.flac"))


def test_foreign_folders_and_archives_are_refused(stocked: Archive, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "a.txt").write_text("mine")
    for folder, why in (
        (foreign, "not empty"),
        (stocked.folder, "lies in the archive"),
        (stocked.folder / "public" / "out", "lies in the archive"),
        (tmp_path, "holds the archive"),
    ):
        with pytest.raises(UsageError, match=why):
            run(stocked, folder, ask("player"))
    assert (foreign / "a.txt").read_text() == "mine"
    run(stocked, tmp_path / "out", ask("player"))
    with pytest.raises(UsageError, match="another kind: its for is “player”, not “radio”"):
        run(stocked, tmp_path / "out", ask("radio"))
    with pytest.raises(UsageError, match="cannot be parquet"):
        ask("player", "parquet")


def test_damage_is_named_and_the_rest_goes_out(stocked: Archive, tmp_path: Path) -> None:
    run(stocked, tmp_path / "before", ask("player"))
    line = next(line for line in manifest(tmp_path / "before") if line["title"] == "Song <by>")
    master = incoming_path(stocked.incoming, line["master_sha256"])
    master.chmod(0o644)
    data = bytearray(master.read_bytes())
    data[-1] ^= 1
    master.write_bytes(data)
    for form in ("folder", "webdataset"):
        result = run(stocked, tmp_path / form, ask("training", form))
        assert [(one.what, one.path) for one in result.failures] == [("damaged", str(master))]
        assert titles(tmp_path / form) == {"Song <sa>"}
    data[-1] ^= 1
    master.write_bytes(data)
    for form in ("folder", "webdataset"):
        assert run(stocked, tmp_path / form, ask("training", form)).failures == []
        assert titles(tmp_path / form) == {"Song <by>", "Song <sa>"}


def test_interrupted_it_goes_on(stocked: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, wrote = tmp_path / "out", Destination.wrote

    def once(self: Destination, *args: Any) -> None:
        wrote(self, *args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Destination, "wrote", once)
        with pytest.raises(KeyboardInterrupt):
            run(stocked, out, ask("player"))
    (out / ".phonotheque-export" / "partial-9.flac").write_bytes(b"left by a kill")
    result = run(stocked, out, ask("player"))
    assert (result.files, result.kept, result.made) == (3, 1, 2)
    assert [path.name for path in (out / ".phonotheque-export").iterdir()] == ["state.sqlite"]
    subprocess.run(["sha256sum", "--quiet", "-c", "manifest-sha256.txt"], cwd=out, check=True)


def test_what_somebody_changed_in_the_export_is_made_again(stocked: Archive, tmp_path: Path) -> None:
    out = tmp_path / "out"
    run(stocked, out, ask("player"))
    first, second, _ = sorted(out.rglob("*.flac"))
    first.write_bytes(b"other bytes")
    second.unlink()
    assert run(stocked, out, ask("player")).made == 2
    subprocess.run(["sha256sum", "--quiet", "-c", "manifest-sha256.txt"], cwd=out, check=True)


def test_only_what_a_search_finds(stocked: Archive, tmp_path: Path) -> None:
    run(stocked, tmp_path / "out", ask("player", only="song sa"))
    assert titles(tmp_path / "out") == {"Song <sa>"}
    with pytest.raises(NotFoundError, match="Nothing in the catalogue"):
        run(stocked, tmp_path / "other", ask("player", only="zzzzzz qqqqq"))


def test_texts_of_licences_go_along_as_far_as_they_are_at_hand(
    make_archive: MakeArchive, tmp_path: Path
) -> None:
    archive = make_archive(mandate="Tests keep everything.")
    flac(tmp_path / "music" / "free.flac", 1, {"TITLE": "Free", "LICENSE": "LAL-1.3"})
    take_in(archive, tmp_path / "music")
    result = run(archive, tmp_path / "out", ask("radio"))
    assert result.licence_texts_missing == ("LAL-1.3",)
    assert "https://artlibre.org" in (tmp_path / "out" / "LICENSES" / "README.txt").read_text()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "LAL-1.3.txt").write_text("Free Art License 1.3 …")
    result = run(archive, tmp_path / "out", ask("radio", texts=tmp_path / "texts"))
    assert result.licence_texts_missing == ()
    assert (tmp_path / "out" / "LICENSES" / "LAL-1.3.txt").read_text() == "Free Art License 1.3 …"


def test_a_cover_goes_along_only_on_a_basis_of_its_own(make_archive: MakeArchive, tmp_path: Path) -> None:
    archive, png = make_archive(mandate="Tests keep everything."), b"\x89PNG\r\n\x1a\n" + os.urandom(500)
    for name in ("with", "without"):
        folder = tmp_path / "music" / name
        flac(folder / "1.flac", len(name), {"TITLE": name, "ALBUM": name, "LICENSE": f"{CC}by/4.0/"})
        (folder / "cover.png").write_bytes(png + name.encode())
    (tmp_path / "music" / "with" / "cover.png.license").write_text("SPDX-License-Identifier: CC-BY-4.0\n")
    take_in(archive, tmp_path / "music")
    out = tmp_path / "out"
    run(archive, out, ask("player"))
    (cover,) = out.rglob("cover.png")
    assert cover.parent.name == "with"
    assert cover.read_bytes() == png + b"with"
    assert f"{cover.relative_to(out)}\n" in (out / "ATTRIBUTION.txt").read_text()


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STATEMENTS, min_size=4, max_size=4), TERMS)
def test_whatever_is_stated_just_what_is_permitted_is_chosen(
    stocked: Archive, statements: list[list[Statement]], terms: Terms
) -> None:
    at = "2026-11-21T00:00:00Z"
    with stocked.ledger.begin() as ledger:
        known = ledger.execute(select(files.c.id, files.c.sha256).order_by(files.c.id)).all()
        ledger.execute(update(rights_statements).values(withdrawn_at=at))
        for row, of_file in zip(known, statements, strict=True):
            for statement in of_file:
                record_grant(ledger, [row.id], statement, at=at)
    found = {
        item.sha256 for item in choose(stocked, terms, only=None, access=False, pictures=True, progress=QUIET)
    }
    expected = {
        row.sha256
        for row, of_file in zip(known, statements, strict=True)
        if permitted(of_file, terms) is not None
    }
    assert found == expected
