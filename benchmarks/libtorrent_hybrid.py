"""A hybrid torrent of a folder, by libtorrent alone: python -m benchmarks.libtorrent_hybrid FOLDER FILE."""

from __future__ import annotations

import sys
from pathlib import Path

import libtorrent

PIECE = 256 * 1024


def main(folder: Path, torrent: Path) -> None:
    """Hash every file for v1 and v2, and write the torrent."""
    files = libtorrent.list_files(str(folder))
    made = libtorrent.create_torrent(files, PIECE)
    libtorrent.set_piece_hashes(made, str(folder.parent))
    torrent.write_bytes(libtorrent.bencode(made.generate()))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
