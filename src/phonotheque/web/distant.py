"""Files of sealed bags whose payload lies in a storage, passed on to whoever asks, by ranges."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import TypedDict, Unpack

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from phonotheque.editions.shelves import shelved
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.media import media_type
from phonotheque.vault.archive import Archive
from phonotheque.vault.bagfolder import PAYLOAD
from phonotheque.vault.names import check_portable
from phonotheque.vault.places import open_bagged
from phonotheque.vault.storage.base import Storage, Stored
from phonotheque.web.sending import SentStream, is_known

_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")


class Watching(TypedDict, total=False):
    """Whether what is being sent may still be, and who is told how much was."""

    is_shown: Callable[[], bool]
    sent: Callable[[int], None]


def answer_from_storage(
    archive: Archive, request: Request, path: str, is_shown: Callable[[], bool]
) -> Response | None:
    """Return the answer for a path of the public tree that leads into a bag which has moved, else None.

    One range is answered (RFC 9110 §14.2); several at once get the whole file, which is allowed. It is sent
    for as long as ``is_shown``.
    """
    asked = shelved(path)
    # Only for a payload that is gone from a published bag is the ledger asked.
    if asked is None or asked.path is None or not asked.path.startswith(PAYLOAD) or check_portable(path):
        return None
    bag_id, inner = asked.bag, asked.path
    home = archive.bags / bag_id
    link = archive.public / path.removesuffix(f"/{inner}")
    whole = link.is_symlink() and link.resolve() == home.resolve()
    # Of a bag that is shown in part there are links to the files that are.
    if not (whole or (archive.public / path).is_symlink()) or os.path.lexists(home / inner):
        return None
    found = open_bagged(archive, bag_id, inner)
    if found is None:
        return None
    storage, key = found
    try:
        stored = storage.stat(key)
    except PhonothequeError:
        return PlainTextResponse("The storage cannot be reached.\n", status_code=502)
    if stored is None:
        return None
    # A sealed bag never changes: the size tells apart what the path does not.
    headers = {"ETag": f'"{stored.tag or stored.size}"', "Content-Type": media_type(path)}
    return answer_stored(request, storage, stored, headers, is_shown=is_shown)


def answer_stored(
    request: Request,
    storage: Storage,
    stored: Stored,
    headers: Mapping[str, str],
    **watching: Unpack[Watching],
) -> Response:
    """Return the answer for a stored object, as a whole or a range of it.

    ``headers`` say what it is, its ETag among them. What is sent is watched as web.sending says.
    """
    headers = {**headers, "Accept-Ranges": "bytes"}
    if is_known(request, Headers(headers)):
        return Response(status_code=304, headers=headers)
    start, end, status = _asked(request, stored.size, headers["ETag"])
    if status == 416:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{stored.size}"})
    headers["Content-Length"] = str(end - start)
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{stored.size}"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return SentStream(storage.read(stored.key, start, end - start), status, headers, **watching)


def _asked(request: Request, size: int, tag: str) -> tuple[int, int, int]:
    """Return the first byte, the one after the last, and the status of the answer."""
    asked = _RANGE.fullmatch(request.headers.get("range", ""))
    if asked is None or request.headers.get("if-range", tag) != tag:
        return 0, size, 200
    first, last, suffix = asked.groups()
    if suffix is not None:
        start, end = max(0, size - int(suffix)), size
    else:
        start, end = int(first), min(size, int(last) + 1 if last else size)
    return (start, end, 206) if start < end else (0, 0, 416)
