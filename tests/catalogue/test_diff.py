"""What changed between two snapshots."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from phonotheque.catalogue.diff import Change, Differences, diff
from phonotheque.model.errors import UsageError
from tests.catalogue.catalogue_tables import public_id, recording, write_tables

OLD, NEW = "2026-11-21T101500Z", "2026-12-21T101500Z"


def compared(folder: Path, before: dict[str, Any], after: dict[str, Any], **options: Any) -> Differences:
    return diff(write_tables(folder, before, name=OLD), write_tables(folder, after, name=NEW), **options)


def code(isrc: str, key: int) -> dict[str, Any]:
    return {"isrc": isrc, "recording": key, "tracks": 1}


def test_recordings_are_compared_by_their_ids(tmp_path: Path) -> None:
    stays, changes, merged, lost = (recording(key, listens=10 - key) for key in range(4))
    before = {
        "recordings": [stays, changes, merged, lost],
        "isrcs": [code("AAAAA0000001", 0), code("AAAAA0000002", 0), code("AAAAA0000003", 1)],
    }
    after = {
        "recordings": [
            recording(0, title="New", listens=99),
            stays | {"recording": 1},  # its place is no change
            changes | {"recording": 2, "listens": None, "credit": "Another"},
        ],
        "isrcs": [code("AAAAA0000001", 1), code("AAAAA0000002", 1), code("AAAAA0000004", 2)],
        "redirects": [
            {"kind": "recording", "old_id": merged["id"], "new_id": stays["id"]},
            {"kind": "release", "old_id": lost["id"], "new_id": stays["id"]},
        ],
    }
    found = compared(tmp_path, before, after)
    assert (found.before, found.after) == (OLD, NEW)
    assert found.counts == {"added": 1, "changed": 1, "redirected": 1, "lost": 1}
    assert {field: times for field, times in found.fields.items() if times} == {
        "artist": 1,
        "isrcs": 1,
        "listens": 1,
    }
    added, changed, redirected, gone = found.entries
    assert (added.what, added.name, added.changes) == ("added", "New", ())
    assert (changed.what, changed.id, changed.artist) == ("changed", public_id("Song 1"), "Another")
    assert changed.changes == (
        Change("artist", "Somebody", "Another"),
        Change("isrcs", ["AAAAA0000003"], ["AAAAA0000004"]),
        Change("listens", 9, None),
    )
    assert (redirected.what, redirected.name, redirected.leads_to) == ("redirected", "Song 2", stays["id"])
    assert (gone.what, gone.name, gone.leads_to) == ("lost", "Song 3", None)


def test_the_list_is_bounded_and_begins_with_the_most_listened(tmp_path: Path) -> None:
    before = {"recordings": [recording(key) for key in range(3)]}
    after = {"recordings": [recording(key, title=f"Other {key}") for key in range(30)]}
    found = compared(tmp_path, before, after, limit=2)
    assert found.counts == {"added": 30, "changed": 0, "redirected": 0, "lost": 3}
    assert [entry.name for entry in found.entries] == ["Other 0", "Other 1", "Song 0", "Song 1"]


def test_a_snapshot_does_not_differ_from_itself(tmp_path: Path) -> None:
    one = write_tables(tmp_path, {"recordings": [recording(0)], "isrcs": [code("AAAAA0000001", 0)]})
    for kind in ("recordings", "releases", "artists"):
        found = diff(one, one, kind=kind)
        assert not any(found.counts.values())
        assert found.entries == ()


def test_releases_and_artists(tmp_path: Path) -> None:
    release = {"release": 0, "id": public_id("r"), "title": "Album", "credit": "A", "tracks": 3}
    artist = {"artist": 0, "id": public_id("a"), "name": "A", "aliases": ["B", "C"], "recordings": 1}
    before = {"releases": [release], "artists": [artist]}
    after = {
        "releases": [release | {"barcode": "123"}],
        "artists": [artist | {"aliases": ["C", "B"], "country": "IS"}],
    }
    old, new = write_tables(tmp_path, before, name=OLD), write_tables(tmp_path, after, name=NEW)
    (changed,) = diff(old, new, kind="releases").entries
    assert changed.changes == (Change("barcode", None, "123"),)
    (changed,) = diff(old, new, kind="artists").entries
    assert (changed.name, changed.changes) == ("A", (Change("country", None, "IS"),))
    with pytest.raises(UsageError, match="recordings, releases, artists"):
        diff(old, new, kind="songs")
