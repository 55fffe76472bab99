"""Pages as plain files, time after time: what was written and is no more goes, what others put stays."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from phonotheque.model.errors import BusyError, VerificationError
from phonotheque.vault.archive import Archive, open_archive
from phonotheque.web.room import bag_facts
from phonotheque.web.still import placing
from phonotheque.web.still.writing import write_still
from tests.conftest import NO_PAGES
from tests.endtoend.commands import phono
from tests.endtoend.small_music import write_album
from tests.postgresql import copy_tree
from tests.web.still_tree import assert_whole, pages, room_files

pytestmark = pytest.mark.once("about files; tests/web/room and tests/editions ask the ledger")

BOTH = {"static/1/x.css": "x"}
FIRST = BOTH | {"en/index.html": "1", "en/bag/a/index.html": "a", "fr/bag/a/index.html": "a"}
SECOND = BOTH | {"en/index.html": "2", "en/bag/b/index.html": "b", "en/edition/2/index.html": "2"}
OTHERS = {"en/bag/a/notes.html": "ours", "static/logo.svg": "logo", "robots.txt": "all", "en/x.html": "x"}
NOT_OURS = ["../ledger.sqlite", "bags/a/README.txt", "en/../../x.html", "en/a.flac", "\udcff"]


def put(archive: Archive, files: Mapping[str, str]) -> None:
    fresh = placing.folder_of(archive) / "making"
    write(fresh, files)
    with placing.only_writer(archive):
        placing.put(archive, fresh)


def write(folder: Path, files: Mapping[str, str]) -> None:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def there(archive: Archive) -> dict[str, str]:
    files = [path for path in archive.public.rglob("*") if path.is_file()]
    return {path.relative_to(archive.public).as_posix(): path.read_text() for path in files}


def test_only_what_an_earlier_time_wrote_goes(archive: Archive) -> None:
    put(archive, FIRST)
    write(archive.public, OTHERS)
    same = (archive.public / "static/1/x.css").stat()
    put(archive, SECOND)
    assert there(archive) == SECOND | OTHERS
    assert (archive.public / "static/1/x.css").stat() == same
    assert placing.remove(archive) == len(SECOND)
    assert there(archive) == OTHERS
    assert not (archive.public / "fr").exists()
    assert placing.remove(archive) == 0


@pytest.mark.parametrize("name", ["replace", "unlink", "mkdir", "rmdir"])
def test_torn_anywhere_the_next_time_makes_it_right(
    archive: Archive, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    real: Callable[..., Any] = getattr(Path, name)
    for step in range(1, 40):
        left = [step]

        def torn(path: Path, *words: Any, left: list[int] = left, **more: Any) -> Any:
            left[0] -= archive.public in path.parents or placing.folder_of(archive) in path.parents
            if left[0] == 0:
                raise KeyboardInterrupt
            return real(path, *words, **more)

        put(archive, FIRST)
        write(archive.public, OTHERS)
        with monkeypatch.context() as patch:
            patch.setattr(Path, name, torn)
            try:
                put(archive, SECOND)
            except KeyboardInterrupt:
                assert OTHERS.items() <= there(archive).items()
            else:
                assert step > 1
                return
        put(archive, SECOND)
        assert there(archive) == SECOND | OTHERS
    raise AssertionError("it never came to its end")


@pytest.mark.parametrize("line", NOT_OURS)
def test_a_list_that_names_other_things_removes_nothing(archive: Archive, line: str) -> None:
    put(archive, FIRST)
    text = f"en/index.html\n{line}\n"
    (archive.folder / "pages" / "written.txt").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(VerificationError, match=r"written\.txt is no list of pages"):
        placing.remove(archive)
    assert there(archive) == FIRST


def test_one_writes_at_a_time(archive: Archive) -> None:
    put(archive, FIRST)
    with placing.only_writer(archive):
        with pytest.raises(BusyError, match="being written by another process"):
            placing.remove(archive)
        with pytest.raises(BusyError), placing.only_writer(archive):
            pass


def test_a_link_to_another_place_is_replaced_not_followed(archive: Archive) -> None:
    outside = archive.folder / "outside.html"
    outside.write_text("1")
    (archive.public / "en").mkdir(parents=True)
    (archive.public / "en/index.html").symlink_to(outside)
    put(archive, FIRST)
    assert not (archive.public / "en/index.html").is_symlink()
    placing.remove(archive)
    assert outside.read_text() == "1"


def test_a_killed_time_leaves_nothing_where_a_web_server_looks(
    library: Archive, tmp_path: Path, own_settings: Path
) -> None:
    copy_tree(library.folder, tmp_path / "library")
    archive = open_archive(tmp_path / "library")
    write(archive.folder / "pages" / "making", {"public/en/old/index.html": "half made"})
    assert write_still(archive)
    assert not (archive.folder / "pages" / "making").exists()
    assert room_files(archive.public) == placing.written(archive)
    archive.close()


def test_a_long_bag_says_where_all_its_files_are_listed(
    library: Archive, tmp_path: Path, own_settings: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy_tree(library.folder, tmp_path / "library")
    archive = open_archive(tmp_path / "library")
    monkeypatch.setattr(bag_facts, "FILES", 1)
    assert write_still(archive)
    assert_whole(archive.public)
    long = [page for page in pages(archive.public) if "its first 1 files" in page.read_text()]
    assert long
    for page in long:
        text = page.read_text()
        assert re.search(r'All of them are listed in: <a href="[./]+/bags/.*/manifest-sha256.txt"', text)
        assert re.search(r'<a href="[./]+/targets/editions/\d+/torrents/.*torrent">its torrent</a>', text)
        assert re.search(r'<a href="[./]+/targets/editions/\d+/index.parquet">the edition’s index', text)
        assert "Further files" not in text
    french = [page for page in pages(archive.public) if "ses 1 premiers fichiers" in page.read_text()]
    assert len(french) == len(long)
    archive.close()


def test_publishing_writes_them_and_removes_them_when_they_are_not_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(NO_PAGES)
    archive = tmp_path / "archive"
    public = archive / "public"
    write_album(tmp_path / "music", "Somebody")
    phono("init", archive, "--name", "With pages")
    assert "no edition" in phono("pages", archive, code=2).err
    phono("add", archive, tmp_path / "music")
    done = phono("publish", archive, "--json")
    assert json.loads(done.out)["edition"] == 1
    front = (public / "fr/index.html").read_text()
    assert "With pages" in front
    assert re.search(r'href="edition/1/index.html"', front)
    assert list((public / "en/figures").glob("*/index.html"))
    assert 'href="fr/index.html"' in (public / "index.html").read_text()
    assert_whole(public)
    write(public, {"static/logo.svg": "ours"})
    monkeypatch.setenv(NO_PAGES, "false")
    done = phono("publish", archive)
    assert "Nothing new to publish" in done.out
    assert re.search(r"Removed the pages there were, \d+ files: \[publish\] pages is false", done.err)
    assert room_files(public) == {"static/logo.svg"}
    assert 'href="fr/index.html"' not in (public / "index.html").read_text()
    assert "Removed" not in phono("publish", archive).err
    assert json.loads(phono("pages", archive, "--remove", "--json").out)["removed"] == 0


def test_what_goes_wrong_with_pages_is_said_and_no_failure_of_the_edition(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    write_album(tmp_path / "music", "Somebody", tracks=1)
    phono("init", archive, "--name", "No pages")
    phono("add", archive, tmp_path / "music")
    write(archive, {"pages/written.txt": "keys/root.pem\n"})
    done = phono("publish", archive, "--json")
    assert json.loads(done.out)["edition"] == 1
    assert "The edition is published; its pages are not as they should be" in done.err
    assert "“keys/root.pem” is not where pages are" in done.err
    assert "phono pages" in done.err
    assert (archive / "keys/root.pem").exists()
