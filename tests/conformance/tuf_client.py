#!/usr/bin/env -S python3 -P
"""The client that mirrors use, as the public suite tuf-conformance wants to call it (its CLIENT-CLI.md).

The suite is not part of this repository: “TUF, tested by others” in docs/mirrors.md says how to run it. What
it tests is :mod:`phonotheque.mirrors.tuf_client` over :class:`phonotheque.mirrors.origin.HttpOrigin`, with
the clock of the machine. ``PHONOTHEQUE_STALE=follow`` tests it with the clock that mirrors give it, to which
nothing has expired.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from phonotheque.mirrors.origin import HttpOrigin, Stamp
from phonotheque.mirrors.tuf_client import LONG_AGO, TufClient
from phonotheque.model.errors import PhonothequeError

_MOST = 2**20  # bytes of a target; the suite's are small
_METADATA = "metadata/"


@dataclass(frozen=True)
class Addresses:
    """An origin whose metadata and targets have addresses of their own, and names that ours never have."""

    metadata: str
    targets: str

    @property
    def where(self) -> str:
        return self.metadata

    @property
    def web_seed(self) -> None:
        return None

    def open_range(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        base = self.metadata if path.startswith(_METADATA) else self.targets
        return HttpOrigin(base, retries=0).open_url(path.partition("/")[2], start, length)

    def read_if_changed(self, path: str, max_bytes: int, known: Stamp | None) -> tuple[bytes, Stamp] | None:
        raise NotImplementedError("following is not what the suite tests")


def main() -> int:
    parser = argparse.ArgumentParser()
    for name in ("--metadata-url", "--metadata-dir", "--target-dir", "--target-base-url"):
        parser.add_argument(name, default="")
    parser.add_argument("--target-name", action="append", default=[])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init").add_argument("trusted_root")
    commands.add_parser("refresh")
    commands.add_parser("download")
    asked = parser.parse_args()
    if asked.command == "init":
        shutil.copyfile(asked.trusted_root, Path(asked.metadata_dir, "root.json"))
        return 0
    try:
        clock = LONG_AGO if os.environ.get("PHONOTHEQUE_STALE") == "follow" else datetime.now(UTC)
        origin = Addresses(asked.metadata_url, asked.target_base_url or asked.metadata_url)
        client = TufClient(origin, Path(asked.metadata_dir), clock=clock)
        client.refresh()
        for name in asked.target_name:
            download(client, name, Path(asked.target_dir))
    except PhonothequeError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


def download(client: TufClient, name: str, folder: Path) -> None:
    """Keep a target unless it is there already. Raises PhonothequeError."""
    target = client.find(name)
    if target is None:
        raise PhonothequeError(f"{name} is no target.")
    place = folder / sha256(name.encode()).hexdigest()
    if place.exists() and place.stat().st_size == target.length:
        have = place.read_bytes()
        if target.hashes.get("sha256") == sha256(have).hexdigest():
            return
    place.write_bytes(client.read(target, _MOST))


if __name__ == "__main__":
    sys.exit(main())
