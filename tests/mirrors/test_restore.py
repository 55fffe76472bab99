"""A publisher rebuilt from mirrors: what was published is back, works, and goes on."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.ledger.schema import accessions, files, rights_statements, sidecars
from phonotheque.ledger.sidecars import sidecars_of
from phonotheque.mirrors import restore as restoring
from phonotheque.mirrors.audit import Question, audit
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.restore import RestoreReport, Ways, restore
from phonotheque.mirrors.sync import SyncResult, sync
from phonotheque.model.errors import PhonothequeError, UsageError, VerificationError
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.vault.check import check_bags, check_catalogue, check_incoming, check_ledger, recorded_bags
from tests.mirrors.audits import CC0, NOW
from tests.mirrors.mirror_publisher import LOCAL, tree
from tests.postgresql import copy_tree
from tests.tones import flac

pytestmark = pytest.mark.ledger

LATER = NOW + timedelta(days=1)


@pytest.fixture(scope="module")
def bases(archive_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an archive, its mirror, and the same archive restored from that. Nobody changes them."""
    place = tmp_path_factory.mktemp("restore")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("XDG_CONFIG_HOME", str(place / "config"))
        shutil.copytree(archive_base, place / "archive", symlinks=True)
        mirror(place / "archive", place / "mirror")
        (place / "archive").rename(place / "lost")
        report = restored(place / "back", place / "mirror", keys=place / "lost" / "keys", listen=True)
    assert report.whole
    assert (report.missing, report.remarks, report.differences, report.heard) == ([], [], [], 2)
    return place


@pytest.fixture
def lost(bases: Path, tmp_path: Path, own_settings: Path) -> Path:
    """Where an archive was that is lost: only its mirror is left, and what the test took aside."""
    for name in ("lost", "mirror"):
        copy_tree(bases / name, tmp_path / name)
    settings = tmp_path / "mirror" / "phonotheque.toml"
    settings.write_text(settings.read_text().replace(str(bases), str(tmp_path)))
    return tmp_path / "lost"


@pytest.fixture
def back(bases: Path, lost: Path, tmp_path: Path) -> Iterator[Archive]:
    copy_tree(bases / "back", tmp_path / "back")
    archive = open_archive(tmp_path / "back")
    yield archive
    archive.close()


def mirror(origin: Path, folder: Path, at: Any = NOW) -> SyncResult:
    held = open_mirror(folder, str(origin))
    try:
        return sync(held, open_origin(str(origin)), budget=10**9, once=True, swarm=LOCAL, clock=lambda: at)
    finally:
        held.close()


def restored(folder: Path, *sources: Path, **options: Any) -> RestoreReport:
    origins = [open_origin(str(source)) for source in sources]
    options = {"listen": False, **options}
    return restore(origins, folder, ways=Ways(swarm=LOCAL), clock=lambda: LATER, **options)


def rows(archive: Archive, table: Any, *columns: str) -> list[tuple[Any, ...]]:
    with archive.ledger.connect() as ledger:
        return sorted(map(tuple, ledger.execute(select(*(table.c[name] for name in columns)))), key=repr)


def assert_sound(archive: Archive) -> None:
    checked = [check_ledger(archive), check_catalogue(archive), check_incoming(archive)]
    checked += check_bags(archive, recorded_bags(archive))
    assert [one.findings for one in checked if one.findings] == []
    faults: list[Any] = []
    audit(open_origin(str(archive.folder)), Question(every_byte=True), now=LATER, on_fault=faults.append)
    assert faults == []


@pytest.mark.once("about public files")
def test_a_lost_publisher_comes_back_and_all_is_well(back: Archive, lost: Path) -> None:
    assert tree(back.bags) == tree(lost / "vault" / "bags")
    for name in ("targets", "bags"):
        assert tree(back.public / name) == tree(lost / "public" / name)
    assert tree(back.public / "metadata").items() <= tree(lost / "public" / "metadata").items()
    for name in ("index.html", "feed.atom", ".well-known/tdmrep.json"):
        assert (back.public / name).read_bytes() == (lost / "public" / name).read_bytes()
    assert_sound(back)


def test_the_ledger_knows_what_public_files_tell(back: Archive, lost: Path) -> None:
    before = open_archive(lost)
    heard = ("sha256", "size", "kind", "held", "name", "accession_id", "added_at", "pcm_sha256", "codec")
    measured = ("fingerprint", "loudness", "integrity", "bits_per_sample", "lossless", "tags", "duration")
    published = [row for row in rows(before, files, *heard) if row[3] and not row[4].startswith("2")]
    assert rows(back, files, *heard) == published
    assert [
        row for row in rows(before, files, "sha256", *measured) if row[0] in {r[0] for r in published}
    ] == (rows(back, files, "sha256", *measured))
    stated = ("kind", "licence", "evidence", "evidence_origin", "asserted_by", "covers", "territory")
    assert set(rows(back, rights_statements, *stated)) <= set(rows(before, rights_statements, *stated))
    assert [row[1:] for row in rows(back, accessions, "id", "source", "location")] == [
        ("restored", "restored from edition 1 of archive")
    ]
    ((kind, role, beside),) = rows(back, sidecars, "kind", "role", "beside")
    assert (kind, role, beside) == ("picture", "front", b"restored/The Testers/Tones/")
    with back.ledger.connect() as ledger:
        masters = [row[0] for row in ledger.execute(select(files.c.id).where(files.c.kind == "master"))]
        assert [len(found) for found in sidecars_of(ledger, masters).values()] == [1, 1]
    before.close()


@pytest.mark.once("about the catalogue")
def test_the_catalogue_is_the_one_that_it_was(back: Archive, lost: Path) -> None:
    with Catalogue.open(lost / "catalogue") as before, Catalogue.open(back.catalogue) as now_:
        assert now_.snapshot.stamp == before.snapshot.stamp
        assert now_.search("tone") == before.search("tone")
        ids = {hit.title: hit.id for hit in before.search("tone")}
    # What was known and never published is known on, and everything keeps its id.
    rebuild_catalogue(back, at=LATER)
    with Catalogue.open(back.catalogue) as rebuilt:
        assert {hit.title: hit.id for hit in rebuilt.search("tone")} == ids
        assert len(ids) == 3


@pytest.mark.once("publishes as test_publish does")
def test_it_publishes_on_and_mirrors_go_with_it(back: Archive, lost: Path, tmp_path: Path) -> None:
    assert not publish(back, at=LATER).new, "it has said all that there is to say"
    flac(tmp_path / "more" / "new.flac", 7, {"TITLE": "New", "ARTIST": "Others", "LICENSE": CC0})
    add_folder(back, tmp_path / "more")
    rebuild_catalogue(back, at=LATER)
    result = publish(back, at=LATER)
    assert (result.number, result.new, result.failures, result.revised) == (2, True, [], [])
    assert sorted(bag.wave for bag in result.bags) == [0, 1]
    back.folder.rename(tmp_path / "archive")  # where the mirror looks for it
    follows = mirror(tmp_path / "archive", tmp_path / "mirror", LATER)
    assert (follows.edition, follows.refused, follows.missing) == (2, (), ())
    (tmp_path / "archive").rename(back.folder)
    assert_sound(back)


@pytest.mark.once("about keys")
def test_without_keys_it_is_an_archive_that_cannot_publish(lost: Path, tmp_path: Path) -> None:
    report = restored(tmp_path / "back", tmp_path / "mirror")
    assert report.keys.lacking == ("root", "targets", "snapshot", "timestamp")
    archive = open_archive(tmp_path / "back")
    assert not publish(archive, at=NOW).new
    rebuild_catalogue(archive, at=LATER)
    with pytest.raises(PhonothequeError, match=r"The signing key .* is missing"):
        publish(archive, at=LATER)
    archive.close()
    shutil.copytree(lost / "keys", tmp_path / "back" / "keys", dirs_exist_ok=True)
    archive = open_archive(tmp_path / "back")
    assert publish(archive, at=LATER).number == 2
    archive.close()


@pytest.mark.once("asks no ledger")
def test_other_keys_are_no_keys(lost: Path, tmp_path: Path) -> None:
    create_keys(tmp_path / "others")
    (lost / "keys" / "root.pem").unlink()
    report = restored(tmp_path / "back", tmp_path / "mirror", keys=lost / "keys")
    assert (report.keys.lacking, report.keys.can_publish) == (("root",), True)
    report = restored(tmp_path / "other", tmp_path / "mirror", keys=tmp_path / "others")
    assert not report.keys.can_publish


@pytest.mark.once("about the bytes of bags")
def test_mirrors_that_each_hold_a_part_give_the_whole(lost: Path, tmp_path: Path) -> None:
    parts = []
    for number in range(3):
        part = tmp_path / f"part-{number}"
        shutil.copytree(tmp_path / "mirror", part, symlinks=True)
        parts.append(part)
        for index, file in enumerate(sorted(p for p in (part / "vault").rglob("*") if p.is_file())):
            if index % 3 != number:
                file.unlink()
    first = restored(tmp_path / "back", parts[0])
    assert len(first.missing) == 3
    assert not first.whole
    again = restored(tmp_path / "back", *parts[1:])
    assert again.whole
    assert len(again.restored) == 3
    assert tree(tmp_path / "back" / "vault" / "bags") == tree(lost / "vault" / "bags")
    assert 0 < again.fetched < sum(map(len, tree(lost / "vault" / "bags").values()))
    archive = open_archive(tmp_path / "back")
    assert_sound(archive)
    archive.close()


def test_what_nobody_has_stays_listed_and_comes_when_somebody_has_it(lost: Path, tmp_path: Path) -> None:
    bags = sorted(path.name for path in (tmp_path / "mirror" / "vault" / "bags").iterdir())
    away = tmp_path / "away"
    (tmp_path / "mirror" / "vault" / "bags" / bags[0]).rename(away)
    report = restored(tmp_path / "back", tmp_path / "mirror", keys=lost / "keys")
    assert [bag for bag, _ in report.missing] == [bags[0]]
    archive = open_archive(tmp_path / "back")
    rebuild_catalogue(archive, at=LATER)
    result = publish(archive, at=LATER)
    assert (result.number, result.revised) == (2, []), "a bag that is lost here is taken back by nobody"
    archive.close()
    away.rename(tmp_path / "mirror" / "vault" / "bags" / bags[0])
    (tmp_path / "back").rename(tmp_path / "archive")
    assert mirror(tmp_path / "archive", tmp_path / "mirror", LATER).edition == 2
    (tmp_path / "archive").rename(tmp_path / "back")
    assert restored(tmp_path / "back", tmp_path / "mirror").whole
    archive = open_archive(tmp_path / "back")
    assert_sound(archive)
    assert not publish(archive, at=LATER).new
    archive.close()


STEPS = (
    "bring_public",
    "record_whole",
    "bring_back",
    "record_sources",
    "redecide_all",
    "seek",
    "bring_keys",
    "write_site",
    "settings_text",
    "listen_again",
)


def test_broken_off_at_any_step_it_goes_on(
    lost: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in STEPS:
        with monkeypatch.context() as patched:
            really, calls = getattr(restoring, step), list[int]()

            def broken(*args: Any, really: Any = really, calls: list[int] = calls, **options: Any) -> Any:
                calls.append(1)
                done = really(*args, **options)
                if len(calls) in (1, 2):
                    raise KeyboardInterrupt
                return done

            patched.setattr(restoring, step, broken)
            with pytest.raises(KeyboardInterrupt):
                restored(tmp_path / "back", tmp_path / "mirror", keys=lost / "keys", listen=True)
        assert (tmp_path / "back" / "phonotheque.toml").exists() == (step == "listen_again"), step
    report = restored(tmp_path / "back", tmp_path / "mirror", keys=lost / "keys", listen=True)
    assert report.whole
    assert len(report.already) == 3
    archive = open_archive(tmp_path / "back")
    assert_sound(archive)
    assert report.differences == []
    assert not publish(archive, at=LATER).new
    archive.close()


def test_an_archive_that_lost_its_ledger_is_mended_where_it_is(lost: Path, tmp_path: Path) -> None:
    (lost / "ledger.sqlite").unlink()
    for file in lost.glob("ledger.sqlite-*"):
        file.unlink()
    song = next((lost / "vault" / "bags").rglob("*.flac"))
    song.chmod(0o644)
    song.write_bytes(song.read_bytes()[:-1] + b"x")
    report = restored(lost, tmp_path / "mirror")
    assert report.whole
    assert 0 < report.fetched < 300_000, "only what was damaged came"
    archive = open_archive(lost)
    assert archive.settings.archive.name == "archive"
    checked = list(check_bags(archive, recorded_bags(archive)))
    assert [one.findings for one in checked if one.findings] == []
    assert not publish(archive, at=LATER).new
    archive.close()


@pytest.mark.once("asks no ledger")
def test_what_it_does_not_touch(lost: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is an archive, and has its ledger"):
        restored(lost, tmp_path / "mirror")
    with pytest.raises(UsageError, match="is a mirror"):
        restored(tmp_path / "mirror", tmp_path / "mirror")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="holds other files"):
        restored(tmp_path / "mine", tmp_path / "mirror")
    with pytest.raises(VerificationError, match="fingerprint"):
        restored(tmp_path / "back", tmp_path / "mirror", trust="ab" * 32)
    assert not (tmp_path / "back" / "phonotheque.toml").exists()
