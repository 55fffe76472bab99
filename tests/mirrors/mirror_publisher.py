"""A small publisher and a web server for tests: real bags, torrents, signatures, on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pyarrow as pa
import pyarrow.parquet as pq
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from phonotheque.editions.about import write_about
from phonotheque.editions.edition import (
    ArchiveId,
    BagEntry,
    CatalogueEntry,
    Edition,
    IndexEntry,
    Previous,
    Tombstone,
    TorrentEntry,
    Withdrawal,
    write_edition,
)
from phonotheque.editions.shelves import bags_folder, torrent_path
from phonotheque.editions.torrent import build_torrent
from phonotheque.editions.tree import named_signposts
from phonotheque.editions.trust import create_keys, init_repository, publish_targets
from phonotheque.mirrors.messages import SwarmSettings
from phonotheque.vault.bag import BagFile, BagPlan, seal

NOW = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
DATE = "2026-11-22T00:00:00Z"
ARCHIVE = "0b9cbd60-4f0e-4ab4-8f7f-1d6e7f1b2a3c"
ID = UUID(ARCHIVE)
LOCAL = SwarmSettings(listen=("127.0.0.1:0",), dht=False, lsd=False, pex=False, port_mapping=False)


def noise(seed: str, size: int) -> bytes:
    return hashlib.shake_256(seed.encode()).digest(size)


def recording_id(path: str) -> str:
    """The id that a test's recording has, by its path in the bag."""
    return str(uuid5(ID, path))


def music(bag: str, files: int = 4, size: int = 400_000) -> dict[str, bytes]:
    """A few files of less and more than a piece, with names that need escaping in URLs."""
    return {
        f"Artiste é/1999 - A & B #{i}/{i:02d} Piste.ogg": noise(f"{bag}{i}", size // 2 * (i + 1))
        for i in range(files)
    }


@dataclass
class Publisher:
    """An archive that publishes what a test tells it to."""

    folder: Path
    bags: list[BagEntry] = field(default_factory=list)
    previous: Previous | None = None
    now: datetime = NOW
    targets: dict[str, Path] = field(default_factory=dict)
    contents: dict[str, dict[str, bytes]] = field(default_factory=dict)
    withdrawals: dict[str, Withdrawal] = field(default_factory=dict)
    tombstones: list[Tombstone] = field(default_factory=list)
    with_index: bool = False  # a true one; else noise, as large
    with_about: bool = False  # bags.jsonl, too

    def __post_init__(self) -> None:
        self.public = self.folder / "public"
        create_keys(self.folder / "keys")
        init_repository(self.public, self.folder / "keys", now=self.now)
        (self.public / "bags").mkdir()
        (self.folder / "vault" / "bags").mkdir(parents=True)

    def bag(
        self, name: str, files: Mapping[str, bytes] | None = None, *, edition: int = 1, **changes: Any
    ) -> BagEntry:
        """Seal a bag, write its torrent, and list it in the next edition."""
        audience = changes.get("audience", "WORLD")
        self.contents[name] = dict(files or music(name))
        sources = self.folder / "sources" / name
        sources.mkdir(parents=True)
        planned = []
        for index, (path, data) in enumerate(self.contents[name].items()):
            (sources / str(index)).write_bytes(data)
            digest, record = hashlib.sha256(data).hexdigest(), changes.get("record", {})
            planned.append(BagFile(sources / str(index), path, digest, len(data), record))
        home = self.folder / "vault" / "bags"
        sealed = seal(BagPlan(name, tuple(planned), (), "A bag for tests.\n"), home).bag
        similar = [bytes.fromhex(changes["similar"])] if "similar" in changes else []
        torrent = build_torrent(
            sealed,
            created_by="Phonotheque",
            creation_date=None,
            private=changes.get("private", audience != "WORLD"),
            similar=similar,
        )
        path = torrent_path(edition, name, audience)
        place = self.public / "targets" / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(torrent.data)
        shown = self.public / bags_folder(audience)
        shown.mkdir(parents=True, exist_ok=True)
        (shown / name).symlink_to(os.path.relpath(home / name, shown))
        entry = BagEntry(
            id=name,
            wave=changes.get("wave", 1),
            edition=edition,
            audience=audience,
            payload_bytes=sealed.payload_bytes,
            payload_files=sealed.payload_files,
            bytes=sealed.size,
            files=len(sealed.files),
            tagmanifest_sha256=hashlib.sha256(
                (home / name / "tagmanifest-sha256.txt").read_bytes()
            ).hexdigest(),
            recordings=sealed.payload_files,
            listens=changes.get("listens"),
            torrent=TorrentEntry(
                path,
                len(torrent.data),
                hashlib.sha256(torrent.data).hexdigest(),
                torrent.infohash_v1,
                torrent.infohash_v2,
            ),
        )
        self.bags.append(entry)
        return entry

    def revise(
        self, name: str, *drop: str, edition: int, reason: str = "asked for", territory: str = "WORLD"
    ) -> BagEntry | None:
        """Take files (of these paths) out of a bag, which is withdrawn; seal the rest again, if there is any.

        A tombstone says so of each. All earlier withdrawals of what became this bag name the new one.
        """
        old = next(bag for bag in self.bags if bag.id == name)
        left = {path: data for path, data in self.contents[name].items() if path not in drop}
        self.take_back(name, edition=edition, reason=reason)
        for path in drop:
            sha = hashlib.sha256(self.contents[name][path]).hexdigest()
            self.tombstones.append(
                Tombstone(str(uuid5(ID, sha)), recording_id(path), (sha,), territory, DATE, reason, None)
            )
        if not left:
            return None
        stem, _, number = name.partition("-r")
        fresh = f"{stem}-r{int(number or 1) + 1}"
        entry = self.bag(fresh, left, edition=edition, similar=old.torrent.infohash_v1, audience=old.audience)
        for gone, withdrawal in self.withdrawals.items():
            if gone == name or withdrawal.replaced_by == name:
                self.withdrawals[gone] = replace(withdrawal, replaced_by=fresh)
        return entry

    def take_back(self, name: str, *, edition: int, reason: str = "asked for") -> None:
        """Withdraw a whole bag: it is listed no more, and gone here."""
        self.bags = [bag for bag in self.bags if bag.id != name]
        self.withdrawals[name] = Withdrawal(name, DATE, reason, None)
        for link in [*self.public.glob(f"bags/{name}"), *self.public.glob(f"restricted/*/bags/{name}")]:
            link.unlink()
        shutil.rmtree(self.folder / "vault" / "bags" / name)
        for torrent in self.public.glob(f"targets/editions/*/**/{name}.torrent"):
            torrent.unlink()

    def edition(self, number: int, *, withdrawals: tuple[Withdrawal, ...] | None = None) -> Edition:
        """The edition as it would be published now, with its index written."""
        index = self.public / "targets" / f"editions/{number}/index.parquet"
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_bytes(noise(f"index{number}", 2000))
        if self.with_index:
            rows = [
                {
                    "recording": recording_id(path),
                    "bag": bag.id,
                    "path": f"data/{path}",
                    "size": len(data),
                    "sha256": hashlib.sha256(data).hexdigest(),
                }
                for bag in self.bags
                for path, data in self.contents[bag.id].items()
            ]
            pq.write_table(pa.Table.from_pylist(rows), index)
        return Edition(
            number,
            self.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
            ArchiveId(ARCHIVE, "Tests"),
            self.previous if self.previous and self.previous.number < number else None,
            tuple(self.bags),
            CatalogueEntry(self.bags[0].id, "2026-11-21T101500Z"),
            IndexEntry(
                f"editions/{number}/index.parquet",
                index.stat().st_size,
                hashlib.sha256(index.read_bytes()).hexdigest(),
            ),
            tuple(self.withdrawals.values()) if withdrawals is None else withdrawals,
            tuple(self.tombstones),
            about=self._about(number) if self.with_about else None,
        )

    def _about(self, number: int) -> IndexEntry:
        place = self.public / "targets" / f"editions/{number}/bags.jsonl"
        homes = self.folder / "vault" / "bags"
        write_about([(homes / bag.id, bag.tagmanifest_sha256) for bag in self.bags], place)
        data = place.read_bytes()
        return IndexEntry(f"editions/{number}/bags.jsonl", len(data), hashlib.sha256(data).hexdigest())

    def publish(self, number: int, edition: Edition | None = None) -> Edition:
        """Sign and publish an edition; the next one follows it."""
        edition = edition or self.edition(number)
        file = self.folder / f"edition-{number}.json"
        file.write_bytes(write_edition(edition))
        names = {"edition.json": file, f"editions/{number}/edition.json": file}
        custom = named_signposts(self.folder / "keys")
        publish_targets(self.public, self.folder / "keys", names, now=self.now, custom=custom)
        self.previous = Previous(number, hashlib.sha256(file.read_bytes()).hexdigest())
        return edition


@dataclass
class Web:
    """A web server on loopback and the bytes it has sent, by path."""

    url: str
    sent: Counter[str] = field(default_factory=Counter)

    @property
    def bag_bytes(self) -> int:
        return sum(size for path, size in self.sent.items() if "/bags/" in path)


@contextmanager
def served(public: Path, *, bags: bool = True, slow: float = 0.0) -> Iterator[Web]:
    """Serve a public tree with ranges, as any web server would; without ``bags``, those are not found."""
    files = Starlette(routes=[Mount("/", StaticFiles(directory=public, follow_symlink=True))])
    web = Web("")

    async def app(
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        if scope["type"] != "http":
            return
        path = scope["path"]

        async def counting(message: Any) -> None:
            web.sent[path] += len(message.get("body", b""))
            if slow and path.startswith("/bags/"):
                await asyncio.sleep(slow)
            await send(message)

        if not bags and "/bags/" in path:
            scope = {**scope, "path": "/nothing", "raw_path": b"/nothing"}
        await files(scope, receive, counting)

    server = uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, log_level="error", lifespan="off")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_for(lambda: server.started)
        web.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        yield web
    finally:
        server.should_exit = True
        server.force_exit = True
        thread.join(10)


def wait_for(condition: Callable[[], Any], timeout: float = 20.0) -> None:
    """Wait until something is so; the test fails if it does not become so."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, "this did not happen in time"
        time.sleep(0.01)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder by relative path, links followed."""
    return {
        os.path.relpath(Path(here, name), folder): Path(here, name).read_bytes()
        for here, _, names in os.walk(folder, followlinks=True)
        for name in names
    }


def later(**delta: float) -> datetime:
    return NOW + timedelta(**delta)
