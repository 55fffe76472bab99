"""Files of sealed bags whose payload lies in a storage, passed on to whoever asks, by ranges."""

from __future__ import annotations

import os
import re

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from phonotheque.editions.shelves import shelved
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.media import media_type
from phonotheque.vault.archive import Archive
from phonotheque.vault.bagfolder import PAYLOAD
from phonotheque.vault.names import check_portable
from phonotheque.vault.places import open_bagged
from phonotheque.vault.storage.base import Storage, Stored

_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))")


def answer_from_storage(archive: Archive, request: Request, path: str) -> Response | None:
    """Return the answer for a path of the public tree that leads into a bag which has moved, else None.

    One range is answered (RFC 9110 §14.2); several at once get the whole file, which is allowed.
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
    return None if stored is None else _answer(request, storage, stored, media_type(path))


def _answer(request: Request, storage: Storage, stored: Stored, kind: str) -> Response:
    # A sealed bag never changes: the size tells apart what the path does not.
    tag = f'"{stored.tag or stored.size}"'
    headers = {"ETag": tag, "Accept-Ranges": "bytes", "Content-Type": kind}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    start, end, status = _asked(request, stored.size, tag)
    if status == 416:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{stored.size}"})
    headers["Content-Length"] = str(end - start)
    if status == 206:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{stored.size}"
    if request.method == "HEAD":
        return Response(status_code=status, headers=headers)
    return StreamingResponse(storage.read(stored.key, start, end - start), status, headers)


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
