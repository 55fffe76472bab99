"""What an agreement lets people hear, and not pass on, is on the shelves, though in no bag."""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pytest

from phonotheque.editions.edition import read_edition
from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.sources.deposit import Papers, deposit_folder
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.vault.archive import Archive
from tests.sources.conftest import in_process as in_process
from tests.tones import flac
from tests.web.subsonic.player import playing

AT = datetime(2026, 11, 26, tzinfo=UTC)
AGREEMENT = """
[deposit]
archive = "archive"
depositor = "Ann Field"
holder = "Ann Field"
kind = "own-work"
signed = 2026-01-31

[grant]
acts = ["preserve", "stream"]
covers = "both"
territory = "FR BE"
mining = "reserved"

[document]
sha256 = "{document}"

[[files]]
path = "01.flac"
sha256 = "{file}"
"""


@pytest.mark.usefixtures("in_process")
def test_what_may_only_be_heard_is_offered_to_be_heard(archive: Archive, tmp_path: Path) -> None:
    create_keys(archive.keys)
    folder, scan, agreement = tmp_path / "songs", tmp_path / "scan.pdf", tmp_path / "agreement.toml"
    flac(folder / "01.flac", 1, {"title": "Opening", "artist": "Ann Field", "album": "Deposited"})
    scan.write_bytes(b"%PDF a signed page")
    hashes = {"document": sha256(scan.read_bytes()), "file": sha256((folder / "01.flac").read_bytes())}
    agreement.write_text(AGREEMENT.format(**{name: one.hexdigest() for name, one in hashes.items()}))
    deposit_folder(archive, folder, Papers(agreement, document=scan))
    rebuild_catalogue(archive, at=AT)
    publish(archive, at=AT)
    edition = read_edition((archive.public / "targets" / "edition.json").read_bytes())
    assert all(bag.wave == 0 for bag in edition.bags)  # the catalogue alone
    with playing(archive) as player:
        song = player.there("FR").songs()["Opening"]
        assert (song["album"], song["artist"]) == ("Deposited", "Ann Field")
        answer = player.there("FR").ask("stream", id=song["id"])
        assert (answer.status, sha256(answer.data).digest()) == (200, hashes["file"].digest())
        assert player.there("FR").ask("download", id=song["id"]).status == 451
        assert player.there("FR").songs(musicFolderId=2) == {}
        for elsewhere in (player, player.there("DE")):
            assert elsewhere.songs() == {}
            assert elsewhere.refused("stream", id=song["id"]) == 70
