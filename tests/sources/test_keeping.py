"""What may not be kept is not held, whatever its tags and notes say: withdrawn, retracted, or ended since."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from phonotheque.ledger.files import each_file, let_go
from phonotheque.ledger.statements import record_grant
from phonotheque.model.rights import Act, Kind, Statement
from phonotheque.sources import intake
from phonotheque.sources.decide import redecide
from phonotheque.sources.intake import AddOptions, AddResult, add_folder
from phonotheque.sources.take_in import How
from phonotheque.vault.archive import Archive, open_archive
from tests.sources.looking import assert_sound, master, names, notes, ways_of
from tests.tones import wav

pytestmark = pytest.mark.usefixtures("in_process")

AT = "2026-11-26T09:00:00Z"
BASIS = '[[rights]]\nlicence = "CC0-1.0"\nevidence = "a letter"\n'
ERASED = Statement(
    Kind.WITHDRAWAL, None, "by order of a court", "withdrawal:1", "us",
    acts=(Act.PRESERVE, Act.STREAM, Act.DISTRIBUTE),
)  # fmt: skip


@pytest.fixture
def plain(archive: Archive, music: Path) -> Archive:
    """An archive without a mandate, and a basis for all that is in the folder."""
    path = archive.folder / "phonotheque.toml"
    text = "".join(
        line for line in path.read_text().splitlines(keepends=True) if not line.startswith("preserve")
    )
    path.write_text(text)
    (music / "rights.toml").write_text(BASIS)
    archive = open_archive(archive.folder)
    assert not archive.settings.mandate.preserve
    return archive


def state(archive: Archive, said: Sequence[Statement], *, at: str = AT) -> None:
    """State these of all masters, decide, and let go of the bytes, as when a withdrawal erases them."""
    with archive.ledger.begin() as ledger:
        rows = list(each_file(ledger))
        for one in said:
            record_grant(ledger, [row.id for row in rows], one, at=at)
        redecide(ledger, [row.id for row in rows], archive.settings, at=at)
        let_go(ledger, [row.id for row in rows])
    for row in rows:
        (archive.incoming / row.sha256[:2] / row.sha256).unlink(missing_ok=True)


def reread(archive: Archive, folder: Path, how: How = How.COPY) -> AddResult:
    return add_folder(archive, folder, AddOptions(reread=True, how=how))


@pytest.mark.parametrize("mandated", [False, True])
def test_what_was_erased_is_not_held_again(
    archive: Archive, plain: Archive, music: Path, tmp_path: Path, mandated: bool
) -> None:
    where = archive if mandated else plain
    song = wav(music / "a.wav", 1)
    assert add_folder(where, music).held == 1
    state(where, [ERASED])
    again = reread(where, music)
    assert (again.held, again.again, again.known) == (0, 0, 1)
    assert "not kept" in notes(again)["a.wav"]
    assert not master(where, song).exists()
    elsewhere = tmp_path / "elsewhere"
    (elsewhere / "of another").mkdir(parents=True)
    (elsewhere / "rights.toml").write_text(BASIS)
    copy = elsewhere / "of another" / "name.wav"
    copy.write_bytes(song.read_bytes())
    moved = reread(where, elsewhere, How.MOVE)
    assert (moved.held, moved.known) == (0, 1)
    assert copy.exists()  # not ours to remove: nothing here has its bytes
    assert names(where, held=True) == []
    assert ways_of(where)["known"] == 2
    assert_sound(where)


def test_what_ended_since_it_was_decided_on_is_not_held(
    plain: Archive, music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (music / "rights.toml").unlink()
    song = wav(music / "a.wav", 1)
    add_folder(plain, music)
    lent = replace(ERASED, kind=Kind.DEPOSIT, acts=(Act.PRESERVE,), valid_until="2999-12-30")
    state(plain, [lent])
    monkeypatch.setattr(intake, "now", lambda: datetime(2999, 12, 31, tzinfo=UTC))
    late = add_folder(plain, music)
    assert (late.held, late.unchanged) == (0, 1)  # not even read, though it was once decided that it may be
    assert not master(plain, song).exists()
    assert_sound(plain)
