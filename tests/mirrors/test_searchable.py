"""A mirror's catalogue made searchable: only with leave, only what makes sense, and gone with its bag."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from phonotheque.catalogue import index, manifest
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.manifest import hash_file
from phonotheque.editions.edition import CatalogueEntry, Edition
from phonotheque.mirrors import searchable
from phonotheque.mirrors.accepted import accepted
from phonotheque.mirrors.home import open_mirror, trust_dir
from phonotheque.mirrors.searchable import Wanted, forget, is_due, make, wanted
from phonotheque.model.errors import BusyError, PhonothequeError, UsageError, VerificationError
from phonotheque.vault.archive import SETTINGS_FILE, Archive, open_archive
from phonotheque.vault.settings_file import set_in_file
from tests.mirrors.mirror_publisher import NOW, Publisher, tree
from tests.mirrors.mirror_runs import Told, run

pytestmark = pytest.mark.ledger

SNAPSHOT = "2026-11-21T101500Z"
Change = Callable[[Path], None]


@pytest.fixture
def tables(archive_base: Path) -> Path:
    """The payload of a true catalogue's bag."""
    (bag,) = (archive_base / "vault" / "bags").glob("*-catalogue")
    return bag / "data"


@pytest.fixture
def mirror(publisher: Publisher, tables: Path, tmp_path: Path) -> Iterator[Archive]:
    """A mirror of an archive that has published these tables as its catalogue."""
    publisher.bag("catalogue-1", tree(tables))
    publisher.bag("audio-1", {"a.ogg": b"a" * 1000})
    publisher.publish(1)
    mirror = open_mirror(tmp_path / "mirror", str(publisher.folder), budget=100_000_000)
    run(mirror)
    yield mirror
    mirror.close()


def edition_of(mirror: Archive) -> Edition:
    followed = accepted(trust_dir(mirror), now=NOW)
    assert followed is not None
    return followed.edition


def of(mirror: Archive) -> Wanted:
    return wanted(mirror, edition_of(mirror))


def whole(mirror: Archive) -> int:
    edition = edition_of(mirror)
    bags = sum(bag.bytes + bag.torrent.size for bag in edition.bags)
    return bags + sum(table.size for table in edition.tables)


def lies_there(mirror: Archive) -> list[str]:
    return sorted(entry.name for entry in mirror.catalogue.iterdir()) if mirror.catalogue.exists() else []


def with_settings(mirror: Archive, **values: int) -> Archive:
    for name, value in values.items():
        set_in_file(mirror.folder / SETTINGS_FILE, "mirror", name, value)
    mirror.close()
    return open_archive(mirror.folder)


def test_a_held_catalogue_is_made_searchable_without_a_second_copy(mirror: Archive) -> None:
    assert is_due(mirror, of(mirror))
    assert make(mirror)
    assert not is_due(mirror, of(mirror))
    assert not make(mirror)
    assert lies_there(mirror) == [SNAPSHOT, "CURRENT"]
    home = mirror.catalogue / SNAPSHOT
    assert (home / "recordings.parquet").resolve().is_relative_to(mirror.bags / "catalogue-1" / "data")
    assert not [path for path in home.rglob("*.parquet") if not path.is_symlink()]
    snapshot = manifest.current(mirror.catalogue)
    assert snapshot is not None
    assert snapshot.path == home
    with Catalogue(snapshot, indexes=False) as catalogue:
        assert [hit.title for hit in catalogue.search("tone 1")] == ["Tone 1"]
        assert catalogue.verify() == []


def test_what_is_made_is_no_bag_and_changes_none(mirror: Archive) -> None:
    before = tree(mirror.bags)
    make(mirror)
    assert tree(mirror.bags) == before
    assert run(mirror).complete == ("audio-1", "catalogue-1")
    assert lies_there(mirror) == [SNAPSHOT, "CURRENT"]


def test_it_takes_only_what_the_budget_leaves_when_all_is_held(mirror: Archive) -> None:
    assert of(mirror).leave == 100_000_000 - whole(mirror)
    full = with_settings(mirror, budget=whole(mirror))
    assert of(full).leave == 0
    with pytest.raises(UsageError, match=r"To search in it takes some .* there is leave for 0") as told:
        make(full)
    assert "[mirror] search" in told.value.advice
    assert lies_there(full) == []
    assert make(with_settings(full, search=10_000_000))


def test_it_goes_when_the_budget_has_no_room_for_it_any_more(mirror: Archive) -> None:
    make(mirror)
    said: list[str] = []
    full = with_settings(mirror, budget=whole(mirror))
    run(full, budget=whole(full), progress=Told(said.append))
    assert "where 0 are left" in "\n".join(said)
    assert lies_there(full) == []


def test_what_becomes_too_large_on_the_way_is_stopped_and_removed(
    mirror: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searchable, "_OF_A_RECORDING", 0)
    monkeypatch.setattr(searchable, "_AT_LEAST", 0)
    small = with_settings(mirror, budget=whole(mirror) + 5_000)
    with pytest.raises(UsageError, match=r"What is made of it takes .* leave for 5000"):
        make(small)
    assert lies_there(small) == []


def test_a_full_disk_leaves_nothing(mirror: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(index, "ensure", full)
    with pytest.raises(OSError, match="No space left"):
        make(mirror)
    assert lies_there(mirror) == []
    monkeypatch.undo()
    assert make(mirror)


def test_what_a_killed_run_left_is_cleared(mirror: Archive) -> None:
    half = mirror.catalogue / ".making"
    half.mkdir(parents=True)
    (half / "words.sqlite").write_bytes(b"half")
    assert make(mirror)
    assert lies_there(mirror) == [SNAPSHOT, "CURRENT"]


def test_two_do_not_make_it_at_once(mirror: Archive) -> None:
    mirror.catalogue.mkdir()
    with searchable._alone(mirror.catalogue), pytest.raises(BusyError):
        make(mirror)


def test_it_goes_with_its_bag_and_comes_with_the_next(
    mirror: Archive, publisher: Publisher, tables: Path
) -> None:
    make(mirror)
    publisher.take_back("catalogue-1", edition=2)
    publisher.bag("catalogue-2", tree(tables), edition=2)
    publisher.bags.insert(0, publisher.bags.pop())  # the first is the catalogue's
    publisher.publish(2)
    said: list[str] = []
    run(mirror, progress=Told(said.append))
    assert "catalogue-1 goes, and with it what was made of it to search in." in said
    assert lies_there(mirror) == []
    assert make(mirror)
    table = (mirror.catalogue / SNAPSHOT / "recordings.parquet").resolve(strict=True)
    assert table.is_relative_to(mirror.bags / "catalogue-2")


def test_it_goes_at_once_when_a_bag_has_to(mirror: Archive, publisher: Publisher) -> None:
    """Also when no other catalogue can be had: before anything is fetched."""
    make(mirror)
    (mirror.catalogue / ".making").mkdir()
    shutil.rmtree(mirror.bags / "catalogue-1")
    assert forget(mirror, edition_of(mirror), 100_000_000).startswith("catalogue-1 goes")
    assert lies_there(mirror) == []
    assert forget(mirror, edition_of(mirror), 100_000_000) == ""


def test_no_edition_keeps_a_mirror_from_its_rounds(mirror: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    make(mirror)
    odd = replace(edition_of(mirror), catalogue=CatalogueEntry("catalogue-1", "../../public"))
    with pytest.raises(VerificationError, match=r"“../../public” is no name of a snapshot"):
        wanted(mirror, odd)
    assert forget(mirror, odd, 100_000_000) == ""
    monkeypatch.setattr(Path, "rename", not_permitted)
    assert "cannot be removed: not permitted" in forget(mirror, odd, 0)


def not_permitted(*_: object) -> None:
    raise PermissionError("not permitted")


def test_an_index_of_another_version_is_made_again(mirror: Archive, monkeypatch: pytest.MonkeyPatch) -> None:
    make(mirror)
    monkeypatch.setattr(index, "_VERSION", 10_000)
    assert is_due(mirror, of(mirror))
    assert make(mirror)
    assert lies_there(mirror) == [SNAPSHOT, "CURRENT"]


def rewrite(tables: Path, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change a table, and what snapshot.json says of it."""
    path = tables / f"{name}.parquet"
    table = change(pq.read_table(path))
    path.unlink()
    pq.write_table(table, path)
    retell(tables, name, sha256=hash_file(path), bytes=path.stat().st_size, rows=table.num_rows)


def retell(tables: Path, name: str, **values: object) -> None:
    path = tables / "snapshot.json"
    told = json.loads(path.read_text())
    told["tables"][name][0].update(values)
    path.unlink()
    path.write_text(json.dumps(told))


def replacing(column: str, values: Callable[[pa.ChunkedArray], object]) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index(column)
        return table.set_column(place, column, values(table[column]))

    return change


def plus(number: int) -> Callable[[pa.ChunkedArray], object]:
    return lambda column: pc.add(column, number)


def invalid(column: pa.ChunkedArray) -> object:
    return pa.array([b"\xff\xfe"] * len(column), pa.binary()).view(pa.string())


def no_manifest(tables: Path) -> None:
    (tables / "snapshot.json").unlink()
    (tables / "snapshot.json").write_text("[" * 99)


HOSTILE: dict[str, tuple[Change, str]] = {
    "no manifest": (lambda at: (at / "snapshot.json").unlink(), r"snapshot\.json is missing"),
    "a manifest that is none": (
        no_manifest,
        r"snapshot\.json is damaged",
    ),
    "no table": (lambda at: (at / "tracks.parquet").unlink(), r"tracks\.parquet cannot be read"),
    "a path that leads elsewhere": (
        lambda at: retell(at, "tracks", file="../../../../phonotheque.toml"),
        r"snapshot\.json is damaged",
    ),
    "more rows than there are": (
        lambda at: retell(at, "releases", rows=1 << 40),
        r"releases\.parquet has not as many rows",
    ),
    "rows that are no number": (lambda at: retell(at, "releases", rows="1"), r"no size or number of rows"),
    "other columns": (
        lambda at: rewrite(at, "artists", lambda table: table.drop_columns(["aliases"])),
        r"artists\.parquet has not the columns of the table artists",
    ),
    "recordings with other numbers": (
        lambda at: rewrite(at, "recordings", replacing("recording", plus(1))),
        r"recordings\.parquet does not number its rows",
    ),
    "tracks of recordings that are not there": (
        lambda at: rewrite(at, "tracks", replacing("recording", plus(1_000))),
        r"tracks\.parquet names rows that the table recordings does not have, in recording",
    ),
    "credits of artists that are not there": (
        lambda at: rewrite(at, "credits", replacing("artist", plus(-1))),
        r"credits\.parquet names rows that the table artists does not have, in artist",
    ),
    "tracks in no order": (
        lambda at: rewrite(at, "tracks", lambda table: table.sort_by([("recording", "descending")])),
        r"tracks\.parquet is not in the order of recording",
    ),
    "a release whose id is none": (
        lambda at: rewrite(at, "releases", replacing("id", lambda _: pa.array(["javascript:alert(1)"]))),
        r"releases\.parquet.*an id is no UUID",
    ),
    "a recording without an id": (
        lambda at: rewrite(at, "recordings", replacing("id", lambda c: pa.nulls(len(c), pa.string()))),
        r"recordings\.parquet lacks values of id",
    ),
    "titles that are no text": (
        lambda at: rewrite(at, "recordings", replacing("title", invalid)),
        r"recordings\.parquet cannot be read as a table: .*UTF8",
    ),
}


def test_a_catalogue_that_makes_no_sense_is_refused_in_words(mirror: Archive, tmp_path: Path) -> None:
    data = mirror.bags / "catalogue-1" / "data"
    shutil.copytree(data, tmp_path / "right")
    for change, words in HOSTILE.values():
        shutil.rmtree(data)
        shutil.copytree(tmp_path / "right", data)
        change(data)
        with pytest.raises(VerificationError, match=words):
            make(mirror)
        assert lies_there(mirror) == []


def test_nothing_is_made_of_noise(published: Publisher, tmp_path: Path) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder), budget=100_000_000)
    assert not make(mirror)  # nothing is held yet
    run(mirror)
    with pytest.raises(PhonothequeError, match=r"snapshot\.json is missing"):
        make(mirror)
    mirror.close()
