"""A publisher who lies: changes what was published, and signs it again with its own keys."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from phonotheque.editions.about import describe, line_of
from phonotheque.editions.edition import BagEntry, Edition, IndexEntry, read_edition, write_edition
from phonotheque.editions.index import SCHEMA
from phonotheque.editions.shelves import bags_folder, torrent_path
from phonotheque.editions.torrent import build_torrent
from phonotheque.editions.trust import publish_targets
from phonotheque.vault.archive import Archive
from phonotheque.vault.bag import load_sealed
from phonotheque.vault.bagfolder import files_in, manifest_text, read_bag

Record = dict[str, Any]


def edition_of(archive: Archive) -> Edition:
    return read_edition((archive.public / "targets" / "edition.json").read_bytes())


def bag_of(archive: Archive, wave: int) -> BagEntry:
    return next(bag for bag in edition_of(archive).bags if bag.wave == wave)


def writable(archive: Archive, bag: str) -> Path:
    """The bag's folder; its files may be changed from now on."""
    folder = archive.bags / bag
    for file in folder.rglob("*"):
        if file.is_file():
            file.chmod(0o644)
    return folder


def change_lines(archive: Archive, bag: str, change: Callable[[Record], object]) -> None:
    """Change the lines of a bag, one by one, in place."""
    file = writable(archive, bag) / "recordings.jsonl"
    records = [json.loads(line) for line in file.read_text().splitlines()]
    for record in records:
        change(record)
    file.write_text("".join(json.dumps(record) + "\n" for record in records))


def reseal(archive: Archive, bag: str) -> None:
    """Write manifests that agree with whatever lies in the bag now."""
    folder = writable(archive, bag)
    found = {path: (folder / path).read_bytes() for path, _ in files_in(folder, _raise)}
    payload = {path: data for path, data in found.items() if path.startswith("data/")}
    (folder / "manifest-sha256.txt").write_text(manifest_text({p: _sha256(d) for p, d in payload.items()}))
    info = (folder / "bag-info.txt").read_text().splitlines()
    oxum = f"Payload-Oxum: {sum(map(len, payload.values()))}.{len(payload)}"
    lines = [oxum if line.startswith("Payload-Oxum") else line for line in info]
    (folder / "bag-info.txt").write_text("\n".join(lines) + "\n")
    tags = {path: (folder / path).read_bytes() for path in found if path not in payload}
    del tags["tagmanifest-sha256.txt"]
    (folder / "tagmanifest-sha256.txt").write_text(manifest_text({p: _sha256(d) for p, d in tags.items()}))


def sign(
    archive: Archive,
    at: datetime,
    *,
    edition: Callable[[Edition], Edition] = lambda edition: edition,
    bag: Mapping[str, Any] | None = None,
    rows: Callable[[list[dict[str, Any]]], list[dict[str, Any]]] = lambda rows: rows,
    about: Callable[[bytes], bytes] = lambda data: data,
    reissue: bool = True,
    private: bool | None = None,
) -> None:
    """Sign all bags as they are now, with the publisher's keys. ``bag`` changes entries of bags of audio."""
    before = (archive.public / "targets" / "edition.json").read_bytes()
    current = read_edition(before)
    entries = []
    for entry in current.bags:
        changes = dict(bag or {}) if entry.wave == 1 else {}
        audience = changes.get("audience", entry.audience)
        hidden = audience != "WORLD" if private is None else private
        entries.append(replace(_entry(archive, entry, audience, hidden), **changes))
    path = archive.public / "targets" / current.index.path
    _write_index(archive, entries, path, rows)
    index = IndexEntry(current.index.path, path.stat().st_size, _sha256(path.read_bytes()))
    listed = _about(archive, entries, current.about, about) if current.about else None
    forged = edition(replace(current, bags=tuple(entries), index=index, about=listed))
    file = archive.folder / "forged.json"
    file.write_bytes(write_edition(forged))
    for name in ("", f"editions/{forged.number}"):  # of this edition as it was before
        for old in (archive.public / "targets" / name).glob("*.edition.json"):
            if reissue and old.read_bytes() == before:
                old.unlink()
    names = {"edition.json": file, f"editions/{forged.number}/edition.json": file}
    publish_targets(archive.public, archive.keys, names, now=at)


def _entry(archive: Archive, entry: BagEntry, audience: str, private: bool) -> BagEntry:
    sealed = load_sealed(archive.bags / entry.id)
    torrent = build_torrent(sealed, created_by="Phonotheque", creation_date=None, private=private)
    (archive.public / "targets" / entry.torrent.path).unlink()
    path = torrent_path(entry.edition, entry.id, audience)
    place = archive.public / "targets" / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(torrent.data)
    _show(archive, entry, audience)
    hashes = {file.path: file.hashes.sha256 for file in sealed.files}
    return replace(
        entry,
        payload_bytes=sealed.payload_bytes,
        payload_files=sealed.payload_files,
        bytes=sealed.size,
        files=len(sealed.files),
        tagmanifest_sha256=hashes["tagmanifest-sha256.txt"],
        torrent=replace(
            entry.torrent,
            path=path,
            size=len(torrent.data),
            sha256=_sha256(torrent.data),
            infohash_v1=torrent.infohash_v1,
            infohash_v2=torrent.infohash_v2,
        ),
    )


def _show(archive: Archive, entry: BagEntry, audience: str) -> None:
    """Let the bag be seen where those of its audience are."""
    (archive.public / bags_folder(entry.audience) / entry.id).unlink()
    place = archive.public / bags_folder(audience) / entry.id
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(archive.bags / entry.id)


def _write_index(
    archive: Archive,
    entries: list[BagEntry],
    path: Path,
    change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]],
) -> None:
    """Write an index of what the manifests list, under the recordings that the lines name."""
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for entry in (entry for entry in entries if entry.wave != 0):
            folder = archive.bags / entry.id
            lines = (folder / "recordings.jsonl").read_text().splitlines()
            records = [json.loads(line) for line in lines if line.startswith("{")]
            named = {record["path"]: record.get("recording") for record in records}
            rows = [
                {
                    "recording": named.get(path),
                    "bag": entry.id,
                    "path": path,
                    "size": (folder / path).stat().st_size,
                    "sha256": sha256,
                }
                for path, sha256 in read_bag(folder).manifest.items()
            ]
            writer.write_table(pa.Table.from_pylist(change(rows), schema=SCHEMA))


def _about(
    archive: Archive, entries: list[BagEntry], entry: IndexEntry, change: Callable[[bytes], bytes]
) -> IndexEntry:
    """Write what the lines say of bags, as far as they can be read."""
    lines = []
    for bag in entries:
        text = (archive.bags / bag.id / "recordings.jsonl").read_text().splitlines()
        records = [json.loads(line) for line in text if line.startswith("{")]
        lines.append(line_of(describe(bag.id, bag.tagmanifest_sha256, records)))
    data = change(b"".join(lines))
    (archive.public / "targets" / entry.path).write_bytes(data)
    return IndexEntry(entry.path, len(data), _sha256(data))


def _raise(folder: str, error: OSError) -> None:
    raise error


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
