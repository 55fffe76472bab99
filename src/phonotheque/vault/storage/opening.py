"""Opening a storage by its address, with the settings of an archive."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from phonotheque.model.errors import UsageError
from phonotheque.model.settings import StorageSettings
from phonotheque.vault.storage.base import Storage
from phonotheque.vault.storage.folder import FolderStorage

_S3 = re.compile(r"s3://([A-Za-z0-9][A-Za-z0-9._-]{1,254})((?:/[^/]+)*)/?")

_PARTS = (5 * 1024**2, 5 * 1024**3)  # bytes, of all parts but the last (Amazon S3's limits)
_ENDPOINT = re.compile(r"https?://[^/@]+/?")  # no credentials in it


def checked_place(text: str, name: str) -> str:
    """Return an address as the ledger keeps it: ``s3://bucket/prefix`` or an absolute path, without ``/`` at
    its end. Raises UsageError, which names the setting.
    """
    place = text.rstrip("/")
    if _S3.fullmatch(place) or ("://" not in place and Path(place).is_absolute()):
        return place
    raise UsageError(
        f"[storage] {name}: {text} is not a place.",
        "Write s3://bucket/prefix, or the whole path of a folder, such as /srv/bags.",
    )


def open_place(place: str, settings: StorageSettings) -> Storage:
    """Return the storage at a checked address. Nothing is asked of it yet. Raises UsageError."""
    return _opened(place, settings)


@lru_cache(maxsize=8)  # connections and threads are shared
def _opened(place: str, settings: StorageSettings) -> Storage:
    found = _S3.fullmatch(place)
    if found is None:
        return FolderStorage(Path(place))
    try:
        from phonotheque.vault.storage.s3 import S3Storage
        from phonotheque.vault.storage.s3_client import S3Options
    except ImportError as error:
        raise UsageError(
            f"{place} cannot be opened: {error}.", "Install it with: pip install 'phonotheque[s3]'"
        ) from error
    if settings.endpoint and not _ENDPOINT.fullmatch(settings.endpoint):
        raise UsageError(  # it is not repeated: it may hold a password
            "[storage] endpoint is not an address, or is more than one.",
            "Write it like https://storage.example.org; credentials belong elsewhere.",
        )
    if not _PARTS[0] <= settings.part <= _PARTS[1]:
        raise UsageError(
            f"[storage] part: {settings.part} bytes is not between 5 MiB and 5 GiB.",
            "Leave it out for the default.",
        )
    options = S3Options(
        endpoint=settings.endpoint,
        region=settings.region,
        part=settings.part,
        connections=settings.transfers + 4,
    )
    return S3Storage(found[1], found[2], options)
