"""Former bags in a public tree elsewhere: what may not be shared leaves it, whatever else is the matter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from phonotheque.editions.publish import publish
from phonotheque.model.errors import NetworkError
from phonotheque.vault import places, transfers
from phonotheque.vault.archive import Archive
from phonotheque.vault.storage.base import Item
from tests.editions.test_revision import LATER, NOW, edition, music_bags, payload, stocked, withdraw

__all__ = ["stocked"]
pytestmark = pytest.mark.ledger


def with_storage(archive: Archive, folder: Path, *, moves: bool = False) -> Archive:
    """The archive with its public tree, and its bags, elsewhere."""
    folder.mkdir(exist_ok=True)
    bags = f"{folder}/bags" if moves else ""
    storage = replace(archive.settings.storage, public=str(folder), bags=bags)
    return replace(archive, settings=replace(archive.settings, storage=storage))


def songs(folder: Path) -> list[str]:
    """The music below a folder, as bag and name."""
    return sorted(f"{path.relative_to(folder).parts[0]} {path.name}" for path in folder.rglob("*.flac"))


def spoil(folder: Path, name: str) -> None:
    (path,) = folder.rglob(name)
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-4] + b"rot!")


def test_what_has_no_proof_comes_home_and_nothing_withdrawn_stays_there(
    stocked: Archive, tmp_path: Path
) -> None:
    archive = with_storage(stocked, tmp_path / "elsewhere", moves=True)
    publish(archive, at=NOW)
    (old,) = music_bags(archive)
    outside = tmp_path / "elsewhere" / "bags"
    assert len(songs(outside)) == 3
    spoil(outside / old, "03 Three.flac")
    withdraw(archive, "one.flac")
    result = publish(archive, at=LATER)
    assert {finding.what for finding in result.failures} == {"damaged", "unproven"}
    assert songs(outside) == [f"{old}-r2 02 Two.flac"]
    assert songs(archive.bags / old) == ["data 03 Three.flac"]
    assert not [path for path in outside.rglob(f"{old}/**/*") if path.is_file()]


def test_what_is_damaged_here_and_whole_there_stays_in_its_bag(stocked: Archive, tmp_path: Path) -> None:
    archive = with_storage(stocked, tmp_path / "elsewhere")
    publish(archive, at=NOW)
    (old,) = music_bags(archive)
    before = payload(archive, old)
    spoil(archive.bags / old, "03 Three.flac")
    withdraw(archive, "two.flac")
    result = publish(archive, at=LATER)
    assert result.failures == []
    kept = payload(archive, f"{old}-r2")
    assert kept == {path: digest for path, digest in before.items() if "Two" not in path}
    assert edition(archive).sought == ()
    assert not (archive.bags / old).exists()


def test_what_was_withdrawn_is_not_sent_to_a_place_that_is_new(
    stocked: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(stocked, at=NOW)
    withdraw(stocked, "two.flac")
    sent: list[str] = []
    send = transfers.send

    def telling(storage: Any, items: Sequence[Item], *others: Any) -> Any:
        sent.extend(item.key for item in items)
        return send(storage, items, *others)

    monkeypatch.setattr(places, "send", telling)
    archive = with_storage(stocked, tmp_path / "elsewhere")
    publish(archive, at=LATER)
    assert [key for key in sent if "Two" in key] == []
    assert [name.partition(" ")[2] for name in songs(tmp_path / "elsewhere" / "bags")] == [
        "01 One.flac",
        "03 Three.flac",
    ]


def test_former_bags_are_hidden_here_though_the_place_elsewhere_does_not_answer(
    stocked: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = with_storage(stocked, tmp_path / "elsewhere")
    publish(archive, at=NOW)
    (old,) = music_bags(archive)
    withdraw(archive, "two.flac")

    def silent(*_: object) -> None:
        raise NetworkError("elsewhere does not answer.")

    monkeypatch.setattr("phonotheque.editions.publish.send_public", silent)
    with pytest.raises(NetworkError):
        publish(archive, at=LATER)
    assert music_bags(archive) == [f"{old}-r2"]
    assert not (archive.public / "bags" / old).exists()
    assert not list(archive.public.rglob(f"{old}.torrent"))
