"""The public tree in an archive's folder, of whose bags the payload lies in a storage, as one origin.

Where that is, the archive's settings say: no ledger is asked, so nothing is opened that could be changed.
"""

from __future__ import annotations

from pathlib import Path

from phonotheque.editions.shelves import shelved
from phonotheque.mirrors.origin import FolderOrigin, Origin, open_origin
from phonotheque.model.proxies import Proxy
from phonotheque.vault.archive import SETTINGS_FILE, Archive, open_archive
from phonotheque.vault.bagfolder import PAYLOAD
from phonotheque.vault.outside import target_of
from phonotheque.vault.storage.base import Storage
from phonotheque.vault.storage.opening import open_place


def open_tree(text: str, *, country: str = "", proxy: Proxy | None = None) -> Origin:
    """Return the origin at a URL or in a folder; of an archive's, with what its bags have elsewhere."""
    if "://" in text or not Path(text, SETTINGS_FILE).is_file():
        return open_origin(text, country=country, proxy=proxy)
    archive = open_archive(Path(text))
    target = target_of(archive)
    if target is None or not target.moves:
        return open_origin(text, country=country)
    storage = open_place(target.place, archive.settings.storage)
    return FolderOrigin(archive.folder, lambda path: _moved(archive, storage, path))


def _moved(archive: Archive, storage: Storage, path: str) -> tuple[Storage, str] | None:
    """Return where a payload file lies that is gone from its bag here; None if it is not shown at all."""
    asked = shelved(path)
    if asked is None or asked.path is None or not asked.path.startswith(PAYLOAD):
        return None
    bag = archive.public / path.removesuffix(f"/{asked.path}")
    # Of a bag that is shown in part there are links to the files that are.
    shown = bag.is_symlink() or (archive.public / path).is_symlink()
    return (storage, f"{asked.bag}/{asked.path}") if shown else None
