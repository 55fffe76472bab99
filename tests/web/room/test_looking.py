"""What is counted ahead and shown: the three figures of the first screen, and plots with their numbers."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from phonotheque.cli.figures import figures_command
from phonotheque.vault.archive import Archive
from phonotheque.web.guard import ANYBODY
from phonotheque.web.looking.counts import Counted, to_csv
from phonotheque.web.looking.first import First
from phonotheque.web.looking.kept import folder_of
from phonotheque.web.looking.making import renew
from phonotheque.web.looking.telling import GROUPS, KEYS
from phonotheque.web.room.state import Room
from tests.postgresql import copy_tree
from tests.web.report_archive import HOSTILE, empty_archive, small_archive
from tests.web.room.visits import Visit, visiting

pytestmark = pytest.mark.ledger
AT = datetime(2026, 11, 26, 9, 30, tzinfo=UTC)
_PUBLISHED = {"published-coverage", "editions", "published-licences", "published-years"}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    archive = small_archive(tmp_path_factory.mktemp("small") / "archive")
    renew(archive, at=AT)
    return archive


@pytest.fixture(scope="module")
def visit(small: Archive) -> Iterator[Visit]:
    small.public.mkdir(exist_ok=True)
    with visiting(small) as open_room:
        yield open_room


def figures(archive: Archive) -> First:
    found = Room(archive, ANYBODY).figures
    assert found is not None
    return found


def words(page: str) -> str:
    """Return what a page says, without its marks."""
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


def test_figures_are_of_what_was_counted_last(small: Archive) -> None:
    found = figures(small)
    assert (found.files, found.bytes, found.seconds, found.shareable) == (6, 21_000_000, 1980.0, 3)
    assert (found.bags, found.safe_bags, found.copies_at) == (1, 0, None)
    assert (found.at, found.edition) == ("2026-11-26T09:30:00Z", 1)


def test_the_three_figures_have_their_dates(visit: Visit) -> None:
    said = words(visit.text("en/figures"))
    assert "held 33 minutes 6 files as they were taken in, 21.0 MB, on 26 November 2026" in said
    assert "has at least 3 verified copies not counted No mirror had proved a copy by 26 November" in said
    assert "has a recorded basis for sharing 50 % 3 of 6 files, on 26 November 2026" in said
    said = words(visit.text("fr/figures"))
    assert "conservé 33 minutes 6 fichiers" in said
    assert "a une base légale enregistrée pour le partage 50 % 3 fichiers sur 6, le 26 novembre 2026" in said


def test_nothing_was_counted_before_the_first_time(tmp_path: Path) -> None:
    archive = empty_archive(tmp_path / "archive")
    archive.public.mkdir()
    with visiting(archive) as visit:
        assert "The figures are not counted yet." in visit.text("en/figures")
        assert visit.ask("en/figures/years").status == 404
        renew(archive, at=AT)
        said = words(visit.text("fr/figures"))
        assert "Rien n’était publié le 26 novembre 2026" in said
        assert "Nothing is held yet, so there are no codecs" in visit.text("en/figures/codecs")
        assert visit.ask("en/figures/years").status == 404  # no catalogue
    assert figures(archive).empty


def test_what_makes_no_sense_is_as_good_as_nothing(tmp_path: Path) -> None:
    archive = empty_archive(tmp_path / "archive")
    folder_of(archive).mkdir()
    for text in (b"", b"{}", b"[1]", b'{"format": "phonotheque-figures/1"}', b'{"format": "other/9"}'):
        (folder_of(archive) / "counted.json").write_bytes(text)
        assert Room(archive, ANYBODY).figures is None


def test_each_plot_has_a_page_with_its_numbers_in_each_language(visit: Visit) -> None:
    keys = [key for key in KEYS if key not in _PUBLISHED]
    for language in ("en", "fr"):
        every = visit.text(f"{language}/figures")
        for key in keys:
            assert f'href="/{language}/figures/{key}"' in every
            page = visit.text(f"{language}/figures/{key}")
            assert ("<table>" in page) is (key not in {"copies", "copies-over-time", "countries"})
    said = words(visit.text("fr/figures/listening"))
    assert "Des originaux sont conservés pour 100 % des écoutes." in said
    assert "99,6 % 3 9 minutes 9,0 Mo 5,1 Mo" in said
    assert "État au 26 novembre 2026, 09:30 UTC." in said
    assert "As of 26 November 2026, 09:30 UTC. From the catalogue of 21 November 2026, 10:15 UTC." in words(
        visit.text("en/figures/years")
    )


def test_every_plot_is_listed_in_one_group() -> None:
    assert sorted(key for _title, keys in GROUPS for key in keys) == sorted(KEYS)


def test_what_is_not_drawn_yet_has_its_numbers(visit: Visit) -> None:
    page = visit.text("en/figures/years")
    assert "It is not drawn yet; its numbers are there." in page
    assert "<picture>" not in page
    assert visit.ask("en/figures/years.svg").status == 404
    assert visit.ask("en/figures/years.csv").status == 200


@pytest.mark.parametrize("name", ["none", "years.exe", "years.", ".csv", "drawn/a.svg", "drawn/x"])
def test_there_is_nothing_else(visit: Visit, name: str) -> None:
    assert visit.ask(f"en/figures/{name}").status == 404


def test_numbers_to_take_away_are_csv(visit: Visit) -> None:
    answer = visit.ask("fr/figures/listens.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8; header=present"
    rows = list(csv.DictReader(io.StringIO(answer.data.decode())))
    assert rows[0] == {"from_listens": "10", "to_listens": "31", "recordings": "1", "listens": "10"}


def test_no_spreadsheet_calculates_what_others_wrote() -> None:
    texts = ("=1+1", "+1", "-1", "@x", "\tx", "\rx", "plain", 'a "quoted", one')
    table = to_csv(Counted("codecs", ("codec", "level"), tuple((text, -14) for text in texts))).decode()
    rows = list(csv.reader(io.StringIO(table, newline="")))
    assert [row[0] for row in rows[1:]] == [
        *(f"'{text}" for text in texts[:6]), "plain", 'a "quoted", one',
    ]  # fmt: skip
    assert {row[1] for row in rows[1:]} == {"-14"}  # a number of ours stays one


def test_what_others_wrote_stays_text(tmp_path: Path) -> None:
    archive = small_archive(tmp_path / "archive", name=HOSTILE, title=HOSTILE)
    archive.public.mkdir()
    renew(archive, at=AT)
    with visiting(archive) as visit:
        page = visit.text("en/figures/licences")
        assert "&lt;script&gt;" in page
        assert "<script>" not in page
        assert "\u202e" not in page + visit.text("en/figures/licences.csv")


def test_a_mirror_tells_what_is_public(twin: Archive, tmp_path: Path) -> None:
    copy_tree(twin.folder, tmp_path / "mirror")
    mirror = Archive(tmp_path / "mirror", twin.settings)
    found = renew(mirror, at=AT)
    assert found.first.mirror
    assert found.first.shareable == found.first.files > 0
    assert found.first.seconds
    assert set(found.counts) > _PUBLISHED
    assert not {"codecs", "licences", "decisions", "growth"} & set(found.counts)
    assert {"years", "isrcs"} < set(found.counts)  # it holds the bag of the catalogue
    with visiting(mirror) as visit:
        assert "Licences of what is published" in visit.text("en/figures")
        assert "domaine public, par ses dates" in visit.text("fr/figures/published-licences")
        assert "sacs entiers" in visit.text("fr/figures/published-coverage")
        assert visit.ask("en/figures/codecs").status == 404


def test_the_command_says_what_it_counted(tmp_path: Path) -> None:
    archive = empty_archive(tmp_path / "archive")
    (archive.folder / "phonotheque.toml").write_text('[archive]\nname = "Ours"\n')
    done = CliRunner().invoke(figures_command, [str(archive.folder)])
    assert done.exit_code == 0, done.output
    assert "Held: 0 files" in done.stdout
    assert "not counted yet" in done.stdout
    assert figures(archive).empty
