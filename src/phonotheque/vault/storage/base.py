"""What is asked of a storage, whichever it is; one inherited suite of tests holds all of them to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from phonotheque.model.errors import NotFoundError


class PlaceGoneError(NotFoundError):
    """A whole bucket or folder is not there, which says nothing about what is in it."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An object as its storage states it; nothing was read to learn this.

    ``sha256`` is what was written down with the object when it was put, None where that is not known.
    ``tag`` is another value whenever the object's bytes are other ones (an ETag), empty where there is none.
    """

    key: str
    size: int  # bytes
    sha256: str | None = None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A file that is to be put, and what is known of it. ``key`` is relative to the storage, with ``/``."""

    key: str
    file: Path
    size: int
    sha256: str
    media_type: str = "application/octet-stream"


class Storage(Protocol):
    """A place for objects, each there whole or not at all. Keys are relative to it, with ``/``.

    Every method may be called from several threads. All raise NetworkError when the storage cannot be
    reached or breaks off again and again, and PhonothequeError when it refuses. “Absent” is only what the
    storage says is absent.
    """

    @property
    def url(self) -> str:
        """Where it is, as the ledger keeps it: ``s3://bucket/prefix``, or a folder's path."""

    def check(self) -> None:
        """Raise PlaceGoneError if the bucket or folder is not there."""

    def put(self, item: Item, sent: Callable[[int], None]) -> bool:
        """Put a file under its key, replacing what is there in one step; ``sent`` is told bytes as they go.

        Returns whether the storage stated a checksum over all of it that is right: if not, only reading it
        back can tell. Raises VerificationError if the file is not what ``item`` says, or arrives damaged
        again and again; what was under the key is then as it was.
        """

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield ``length`` bytes from ``start``, or all that follow; fewer where the object ends before.

        Raises NotFoundError if there is no such object, PlaceGoneError if the place itself is gone.
        """

    def stat(self, key: str) -> Stored | None:
        """Return what is stated of an object, None if there is none. Raises PlaceGoneError."""

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield what lies under a prefix, which is empty or ends in ``/``."""

    def matches(self, stored: Stored, item: Item) -> bool:
        """Tell whether what is stored is this file, by checksums (of which the storage may keep some)."""

    def is_same(self, key: str, file: Path) -> bool:
        """Tell whether an object is this very file under another name, as by a link or a mount: no copy."""

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""

    def tidy(self, prefix: str) -> int:
        """Remove what interrupted puts left under a prefix; return how many there were."""
