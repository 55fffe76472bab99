"""One exported file: when its tags cannot be trusted it goes out as it is, and errors say whose they are."""

from __future__ import annotations

import errno
import hashlib
from pathlib import Path

import pytest

from phonotheque.audio.labels import Labels
from phonotheque.editions.export import copying
from phonotheque.editions.export.copying import Made, Order, make_copy
from phonotheque.model.bags import Finding
from tests.tones import encrypted, flac

LABELS = Labels(title="A song")


def order(source: Path, folder: Path, labels: Labels | None = LABELS) -> Order:
    content = source.read_bytes() if source.exists() else b""
    digest = hashlib.sha256(content).hexdigest()
    folder.mkdir(exist_ok=True)
    target = folder / "Artist" / source.name
    return Order(source, digest, len(content), folder / f"partial{source.suffix}", target, labels)


def test_a_tagged_copy_is_another_file_with_the_same_sound(tmp_path: Path) -> None:
    asked = order(flac(tmp_path / "a.flac"), tmp_path / "out")
    made = make_copy(asked)
    assert isinstance(made, Made)
    assert (made.tagged, made.untagged) == (True, None)
    assert made.sha256 == hashlib.sha256(asked.target.read_bytes()).hexdigest() != asked.sha256
    assert (made.size, made.mtime_ns) == (asked.target.stat().st_size, asked.target.stat().st_mtime_ns)
    assert not asked.partial.exists()


def test_where_the_sound_would_change_nothing_is_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = order(flac(tmp_path / "a.flac"), tmp_path / "out")

    def spoil(path: Path, _: Labels) -> None:
        other = flac(tmp_path / "other.flac", 2)
        path.write_bytes(other.read_bytes())

    monkeypatch.setattr(copying, "write_tags", spoil)
    made = make_copy(asked)
    assert isinstance(made, Made)
    assert (made.tagged, made.sha256) == (False, asked.sha256)
    assert "would not have stayed the same" in (made.untagged or "")
    assert asked.target.read_bytes() == asked.source.read_bytes()


def test_what_cannot_be_taken_apart_goes_out_as_it_is(tmp_path: Path) -> None:
    made = make_copy(order(encrypted(tmp_path / "a.m4a"), tmp_path / "out"))
    assert isinstance(made, Made)
    assert (made.tagged, made.untagged is None) == (False, False)


def test_a_source_that_is_gone_or_another_is_named(tmp_path: Path) -> None:
    source = flac(tmp_path / "a.flac")
    asked = order(source, tmp_path / "out")
    source.write_bytes(source.read_bytes() + b"more")
    damaged = make_copy(asked)
    source.unlink()
    missing = make_copy(asked)
    assert isinstance(damaged, Finding)
    assert isinstance(missing, Finding)
    assert (damaged.what, missing.what) == ("damaged", "missing")
    assert damaged.path == missing.path == str(source)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_full_disk_is_raised_and_leaves_nothing_half_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = order(flac(tmp_path / "a.flac"), tmp_path / "out")

    def full(path: Path, _: Labels) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(copying, "write_tags", full)
    with pytest.raises(OSError, match="No space left"):
        make_copy(asked)
    assert list((tmp_path / "out").iterdir()) == []
