"""Copies of bags for other programs to seed from: they rename, or write, what seems incomplete to them.

Transmission takes the pads of a hybrid torrent (BEP 47) for files, and seeds no piece whose pad it has not.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from phonotheque.editions.bencode import decode


def copy_padded(bags: Path, torrents: Iterable[Path], target: Path) -> None:
    """Copy the bags of these torrents to ``target``, replacing what is there, with a file for each pad."""
    shutil.rmtree(target, ignore_errors=True)
    for torrent in torrents:
        top: Any = decode(torrent.read_bytes())
        info = top[b"info"]
        home = target / info[b"name"].decode()
        shutil.copytree(bags / home.name, home)
        for file in info[b"files"]:
            if b"p" in file.get(b"attr", b""):
                pad = home.joinpath(*(name.decode() for name in file[b"path"]))
                pad.parent.mkdir(exist_ok=True)
                with pad.open("wb") as stream:
                    stream.truncate(file[b"length"])
