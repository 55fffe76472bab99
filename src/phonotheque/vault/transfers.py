"""Sending files to a storage and reading them back, several at once: nothing counts as sent unseen."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

from phonotheque.model.bags import Finding
from phonotheque.model.errors import NetworkError, NotFoundError, PhonothequeError, VerificationError
from phonotheque.model.progress import Progress
from phonotheque.model.settings import StorageSettings
from phonotheque.vault.storage.base import Item, Storage, Stored
from phonotheque.vault.storage.stopping import go_on, stoppable

T = TypeVar("T")
R = TypeVar("R")


def send(
    storage: Storage,
    items: Iterable[Item],
    there: Mapping[str, Stored],
    settings: StorageSettings,
    progress: Progress,
) -> None:
    """Put files that are not there yet, by what is listed in ``there``, and verify all of them.

    What is not in ``there`` is put, whatever lies under its key. Raises VerificationError naming the object
    if one in ``there`` is another than it should be. The first error ends the others at their next part; what
    has arrived stays.
    """
    lock = threading.Lock()

    def sent(size: int) -> None:
        go_on()
        with lock:
            progress.advance(size=size)

    def one(item: Item) -> None:
        _send_one(storage, item, there.get(item.key), sent, read=settings.verify == "read")
        with lock:
            progress.advance(files=1)

    in_threads(one, items, settings.transfers)


def in_threads(work: Callable[[T], None], items: Iterable[T], count: int) -> None:
    """Do some work on all items. The first error, or Ctrl-C, lets no other begin, and those under way end."""
    stop = threading.Event()

    def one(item: T) -> None:
        with stoppable(stop):
            work(item)

    with ThreadPoolExecutor(count) as threads:
        under_way = [threads.submit(one, item) for item in items]
        try:
            for done in as_completed(under_way):
                done.result()
        except BaseException:
            stop.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def outcomes(work: Callable[[T], R], items: Iterable[T], count: int) -> Iterator[R]:
    """Do some work on all items, yielding what comes of it in their order; ends like :func:`in_threads`."""
    stop = threading.Event()

    def one(item: T) -> R:
        with stoppable(stop):
            return work(item)

    with ThreadPoolExecutor(count) as threads:
        under_way = deque(threads.submit(one, item) for item in items)
        try:
            while under_way:
                yield under_way.popleft().result()
        except BaseException:
            stop.set()
            threads.shutdown(wait=False, cancel_futures=True)
            raise


def read_back(storage: Storage, key: str, size: int, sha256: str) -> Finding | None:
    """Read a whole object; return what is wrong with it. What is wrong is read once more, to be sure.

    Raises NetworkError when the storage cannot be reached, and PlaceGoneError when it is not there at all:
    that says nothing about the object.
    """
    try:
        found = _hashed(storage, key)
        if found != (size, sha256):
            found = _hashed(storage, key)
    except NetworkError:
        raise
    except NotFoundError:
        storage.check()
        return Finding("missing", key, f"is not there, in {storage.url}")
    except PhonothequeError as error:
        return Finding("unreadable", key, f"cannot be read, in {storage.url}: {error.message}")
    if found == (size, sha256):
        return None
    detail = f"has {found[0]} bytes with SHA-256 {found[1]} instead of {size} with {sha256}, in {storage.url}"
    return Finding("damaged", key, detail)


def _send_one(
    storage: Storage,
    item: Item,
    stored: Stored | None,
    sent: Callable[[int], None],
    *,
    read: bool,
) -> None:
    if stored is not None and storage.matches(stored, item):
        sent(item.size)
        stated = False  # who knows what happened to it since
    elif stored is None:
        stated = storage.put(item, sent)
    else:
        raise VerificationError(
            f"{storage.url}/{item.key} is there already, and is not {item.file}.",
            "Does another archive use this place? Give each its own prefix in [storage].",
        )
    if (read or not stated) and (finding := read_back(storage, item.key, item.size, item.sha256)):
        raise VerificationError(
            f"{storage.url}/{item.key} is {finding.what} right after it was put there: it {finding.detail}.",
            "The storage does not keep what it is given. Look into that before you go on.",
        )


def _hashed(storage: Storage, key: str) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    for chunk in storage.read(key):
        go_on()
        size += len(chunk)
        digest.update(chunk)
    return size, digest.hexdigest()
