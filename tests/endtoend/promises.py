"""What must hold of an archive or a mirror after anything whatever happened to it, read without our own code.

Acknowledged is what the ledger records. So, after a kill: every file that it calls held lies, with its right
SHA-256, among the incoming masters or in a recorded bag; every recorded bag is a valid BagIt bag and its
torrent is as recorded; every recorded edition is; the snapshot that CURRENT names is whole; what is public
verifies for the TUF client; every file that a mirror recorded as verified is right.
"""

from __future__ import annotations

import hashlib
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import bagit
import psycopg
from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

from tests.postgresql import ON_POSTGRESQL, ledger_url, raw


def broken(archive: Path) -> list[str]:
    """Return every promise that does not hold, in words; none for a folder without a ledger."""
    if not (archive / "ledger.sqlite").exists():
        return []
    with closing(_open(archive)) as ledger:
        if not ledger.execute(_ANY_TABLES).fetchone():
            return []
        return [
            *_ledger(ledger),
            *_masters(archive, ledger),
            *_bags(archive, ledger),
            *_editions(archive, ledger),
            *_holdings(archive, ledger),
            *_catalogue(archive),
            *_public(archive),
        ]


def rows(archive: Path, query: str) -> list[tuple[Any, ...]]:
    """Ask the ledger."""
    with closing(_open(archive)) as ledger:
        return ledger.execute(query).fetchall()


def sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fetch_edition(metadata_url: str, trusted_root: bytes, fetcher: FetcherInterface | None = None) -> bytes:
    """Fetch edition.json with python-tuf's own client, knowing nothing but the first root."""
    base = metadata_url.removesuffix("metadata/")
    with tempfile.TemporaryDirectory() as folder:
        client = Updater(
            f"{folder}/metadata",
            metadata_url,
            target_dir=folder,
            target_base_url=f"{base}targets/",
            fetcher=fetcher,
            bootstrap=trusted_root,
        )
        client.refresh()
        info = client.get_targetinfo("edition.json")
        assert info is not None
        return Path(client.download_target(info)).read_bytes()


class FolderFetcher(FetcherInterface):
    """Lets the TUF client read a folder as if a web server showed it."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = Path(url.removeprefix("folder:"))
        if not path.exists():
            raise DownloadHTTPError(f"{path} is not there", 404)
        yield path.read_bytes()


class _OnPostgresql:
    """As much of sqlite3's connection as is used here."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection
        self.close = connection.close

    def execute(self, query: str, values: tuple[Any, ...] = ()) -> psycopg.Cursor[tuple[Any, ...]]:
        return self._connection.execute(query.replace("?", "%s").encode(), values)


_Ledger = sqlite3.Connection | _OnPostgresql
_ANY_TABLES = (
    "SELECT 1 FROM information_schema.tables WHERE table_name = 'events'"
    if ON_POSTGRESQL
    else "SELECT 1 FROM sqlite_master WHERE name = 'events'"
)


def _open(archive: Path) -> _Ledger:
    if ON_POSTGRESQL:
        return _OnPostgresql(raw(ledger_url(archive / "ledger.sqlite")))
    return sqlite3.connect(archive / "ledger.sqlite")


def _ledger(ledger: _Ledger) -> Iterator[str]:
    if ON_POSTGRESQL:
        return  # it does not let in what refers to nothing
    for (line,) in ledger.execute("PRAGMA integrity_check"):
        if line != "ok":
            yield f"the ledger: {line}"
    for row in ledger.execute("PRAGMA foreign_key_check"):
        yield f"the ledger: {row}"


def _masters(archive: Path, ledger: _Ledger) -> Iterator[str]:
    for file_id, name, digest in ledger.execute("SELECT id, name, sha256 FROM files WHERE held"):
        places = [archive / "vault" / "incoming" / digest[:2] / digest]
        for bag, path in ledger.execute("SELECT bag_id, path FROM bag_files WHERE file_id = ?", (file_id,)):
            places.append(archive / "vault" / "bags" / bag / path)
        there = [place for place in places if place.exists()]
        if not there:
            yield f"{name} ({digest}) is held and nowhere"
        for place in there:
            if sha256(place) != digest:
                yield f"{place} is not {digest}"


def _bags(archive: Path, ledger: _Ledger) -> Iterator[str]:
    for bag, edition, torrent in ledger.execute("SELECT id, edition, torrent_sha256 FROM bags"):
        folder = archive / "vault" / "bags" / bag
        yield from _invalid(folder)
        targets = archive / "public" / "targets" / "editions" / str(edition)
        path = targets / "torrents" / f"{bag}.torrent"
        if not path.exists() or sha256(path) != torrent:
            yield f"{path} is not as recorded"
        for name, digest in ledger.execute("SELECT path, sha256 FROM bag_files WHERE bag_id = ?", (bag,)):
            if not (folder / name).exists() or sha256(folder / name) != digest:
                yield f"{folder / name} is not as recorded"


def _editions(archive: Path, ledger: _Ledger) -> Iterator[str]:
    for number, digest in ledger.execute("SELECT number, sha256 FROM editions"):
        path = archive / "public" / "targets" / "editions" / str(number) / "edition.json"
        if not path.exists() or sha256(path) != digest:
            yield f"{path} is not as recorded"


def _holdings(archive: Path, ledger: _Ledger) -> Iterator[str]:
    held = "SELECT f.bag_id, path, sha256 FROM holding_files f JOIN holdings h ON h.bag_id = f.bag_id"
    for bag, path, digest in ledger.execute(f"{held} WHERE state IN ('wanted', 'complete')"):
        places = [archive / "vault" / where / bag / path for where in ("bags", "arriving")]
        if not any(place.exists() and sha256(place) == digest for place in places):
            yield f"{bag}/{path} was verified and is not right"
    for (bag,) in ledger.execute("SELECT bag_id FROM holdings WHERE state = 'complete'"):
        yield from _invalid(archive / "vault" / "bags" / bag)


def _invalid(bag: Path) -> Iterator[str]:
    try:
        bagit.Bag(str(bag)).validate(processes=1)
    except bagit.BagError as error:
        yield f"{bag} is no valid bag: {error}"


def _catalogue(archive: Path) -> Iterator[str]:
    current = archive / "catalogue" / "CURRENT"
    if not current.exists():
        return
    snapshot = archive / "catalogue" / current.read_text().strip()
    for line in (snapshot / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ", 1)
        if sha256(snapshot / name) != digest:
            yield f"{snapshot / name} is not as listed"


def _public(archive: Path) -> Iterator[str]:
    """What is shown to strangers verifies at any moment, and links nowhere but to whole bags."""
    public = archive / "public"
    if (public / "targets" / "edition.json").exists() and (public / "metadata" / "timestamp.json").exists():
        root = (public / "metadata" / "1.root.json").read_bytes()
        signed = b'"edition.json"' in _newest_targets(public)
        if signed:
            fetch_edition(f"folder:{public}/metadata/", root, FolderFetcher())
    for link in (public / "bags").glob("*"):
        if not link.exists():
            yield f"{link} leads nowhere"


def _newest_targets(public: Path) -> bytes:
    versions = [path for path in (public / "metadata").glob("*.targets.json") if path.name[0] != "."]
    return max(versions, key=lambda path: int(path.name.split(".")[0])).read_bytes()
