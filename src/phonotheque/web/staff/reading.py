"""What staff read: what waits, one request with all that was written, what it covers, and who did what."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Query
from sqlalchemy import Connection, select
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.editions import inbox
from phonotheque.editions.covering import Covered
from phonotheque.ledger import requests as asking
from phonotheque.ledger.bags import where_bagged
from phonotheque.ledger.requests import (
    RequestKind,
    all_requests,
    request_filed_as,
    request_with,
    undecided,
)
from phonotheque.ledger.schema import files
from phonotheque.ledger.staff import actions
from phonotheque.ledger.withdrawals import (
    ItemKind,
    State,
    Withdrawal,
    covered_by_hash,
    items_of,
    withdrawal,
)
from phonotheque.model.errors import NotFoundError
from phonotheque.vault.archive import Archive
from phonotheque.vault.evidence import read_evidence
from phonotheque.web.room.asked import things
from phonotheque.web.room.correcting import PRIVATE
from phonotheque.web.room.pages import _, page, room_of, told
from phonotheque.web.staff import sessions

ROUTES: Final = APIRouter(prefix="/staff")
_LISTED: Final = 50
_FILES: Final = 100
_CAN: Final = {
    State.REQUESTED: ("hold", "accept", "refuse"),
    State.HELD: ("accept", "refuse"),
    State.ACCEPTED: ("reverse",),
}


_STANDS: Final = {
    "requested": _("waits for a decision"),
    "on hold": _("hidden while it is reviewed"),
    "accepted": _("accepted"),
    "refused": _("refused"),
    "reversed": _("accepted, and reversed"),
}
_HAPPENED: Final = {
    "received": _("received"),
    "requested": _("filed as a withdrawal"),
    "filed": _("filed as a withdrawal"),
    "unclear": _("not clear what it names"),
    "answered": _("answered or noted"),
    "held": _("hidden while it is reviewed"),
    "accepted": _("accepted"),
    "refused": _("refused"),
    "reversed": _("reversed"),
    "extended": _("another copy came in, and was taken back, too"),
    "erased": _("bytes were erased"),
}


@dataclass(frozen=True, slots=True)
class ReachedFile:
    """A file that a withdrawal covers, and the bag that it is in."""

    name: str
    size: int
    kind: str
    held: bool
    bag: str | None


@dataclass(frozen=True, slots=True)
class Reached:
    """What a withdrawal covers today: recordings, and some of its files."""

    recordings: tuple[str, ...] = ()
    files: tuple[ReachedFile, ...] = ()
    count: int = 0


@ROUTES.api_route("", methods=["GET", "HEAD"])
@ROUTES.api_route("/", methods=["GET", "HEAD"])
def waiting(
    request: Request,
    past: Annotated[str, Query(max_length=80)] = "",
    everything: Annotated[bool, Query(alias="all")] = False,
) -> Response:
    """Answer what waits for somebody, the oldest first; or all there ever was, the newest first."""
    who = sessions.required(request)
    at, _tilde, name = past.partition("~")
    key = (at, name) if at and name and past.isprintable() else None
    archive = room_of(request).archive
    with archive.ledger.connect() as ledger:
        if everything:
            found = all_requests(ledger, before=key, most=_LISTED + 1)
        else:
            found = undecided(ledger, after=key, most=_LISTED + 1)
    last = found[_LISTED - 1] if len(found) > _LISTED else None
    return page(
        request,
        "staff/waiting.html.j2",
        headers=PRIVATE,
        who=who,
        listed=found[:_LISTED],
        more=f"{last.at}~{last.id}" if last else None,
        everything=everything,
        arriving=len(inbox.waiting(archive)),
    )


@ROUTES.api_route("/request/{key}", methods=["GET", "HEAD"])
def one(request: Request, key: str) -> Response:
    """Answer a request, with everything that only staff may read."""
    return review(request, key)


def review(
    request: Request, key: str, *, said: str = "", status: int = 200, would: Covered | str | None = None
) -> Response:
    """Answer the page of a request. ``said``: what came of what was tried; ``would``: what it would cover."""
    who = sessions.required(request)
    room = room_of(request)
    asked, withdrawn = request_and_withdrawal(room.archive, key)
    covers = Reached()
    if withdrawn is not None:
        with room.archive.ledger.connect() as ledger:
            covers = _reached(ledger, withdrawn.id)
    named = asked.named if asked else withdrawn.asked_for if withdrawn else ()
    return page(
        request,
        "staff/request.html.j2",
        status=status,
        headers=PRIVATE,
        who=who,
        key=key,
        asked=asked,
        withdrawn=withdrawn,
        document=document_of(asked, withdrawn),
        covers=covers,
        would=would,
        things=things(room.catalogue, covers.recordings or named),
        can=possible(asked, withdrawn),
        said=said,
        stands=_all_told(request, _STANDS),
        happened=_all_told(request, _HAPPENED),
    )


@ROUTES.api_route("/request/{key}/document", methods=["GET", "HEAD"])
def document(request: Request, key: str) -> Response:
    """Answer the document that somebody sent: to be saved, never to be shown by a browser."""
    sessions.required(request)
    archive = room_of(request).archive
    sha256 = document_of(*request_and_withdrawal(archive, key))
    if sha256 is None:
        raise HTTPException(404)
    name = f'attachment; filename="document-{sha256[:16]}"'
    headers = PRIVATE | {"Content-Disposition": name, "Content-Security-Policy": "sandbox"}
    return Response(read_evidence(archive, sha256), media_type="application/octet-stream", headers=headers)


@ROUTES.api_route("/audit", methods=["GET", "HEAD"])
def audit(request: Request, before: Annotated[int | None, Query(ge=1, le=2**62)] = None) -> Response:
    """Answer what staff did, the latest first."""
    who = sessions.required(request)
    with room_of(request).archive.ledger.connect() as ledger:
        found = actions(ledger, before=before, most=_LISTED + 1)
    more = found[_LISTED - 1].id if len(found) > _LISTED else None
    return page(request, "staff/audit.html.j2", headers=PRIVATE, who=who, done=found[:_LISTED], more=more)


def request_and_withdrawal(archive: Archive, key: str) -> tuple[asking.Request | None, Withdrawal | None]:
    """Return a request, and as which withdrawal it was filed, by the id of either. Raises HTTPException."""
    try:
        known = str(uuid.UUID(key)) == key
    except ValueError:
        known = False
    if not known:
        raise HTTPException(404)
    with archive.ledger.connect() as ledger:
        asked = request_with(ledger, key)
        name = asked.withdrawal_id if asked else key
        try:
            withdrawn = withdrawal(ledger, name) if name else None
        except NotFoundError:
            withdrawn = None
        if asked is None and withdrawn is not None:
            asked = request_filed_as(ledger, withdrawn.id)
    if asked is None and withdrawn is None:
        raise HTTPException(404)
    return asked, withdrawn


def possible(asked: asking.Request | None, withdrawn: Withdrawal | None) -> tuple[str, ...]:
    """Return what can be done with a request as it stands."""
    answer = ("answer",) if asked else ()
    if withdrawn is not None:
        return (*_CAN.get(withdrawn.state, ()), *answer)
    if asked is None or asked.ended:
        return answer
    if asked.kind is RequestKind.CORRECTION:
        return ("accept", "refuse", *answer)
    return ("file", "refuse", *answer)


def document_of(asked: asking.Request | None, withdrawn: Withdrawal | None) -> str | None:
    """Return the SHA-256 of the document that came with a request."""
    return asked.document_sha256 if asked else withdrawn.document_sha256 if withdrawn else None


def _all_told(request: Request, words: Mapping[str, str]) -> dict[str, str]:
    return {name: told(request, said) for name, said in words.items()}


def _reached(ledger: Connection, withdrawal_id: str) -> Reached:
    recordings = [one.value for one in items_of(ledger, withdrawal_id) if one.kind is ItemKind.RECORDING]
    ids = sorted(covered_by_hash(ledger, withdrawal_id))
    some = ids[:_FILES]
    bags = where_bagged(ledger, some)
    rows = ledger.execute(select(files).where(files.c.id.in_(some)).order_by(files.c.name, files.c.id))
    found = (
        ReachedFile(row.name, row.size, row.kind, bool(row.held), bags[row.id][0] if row.id in bags else None)
        for row in rows
    )
    return Reached(tuple(recordings), tuple(found), len(ids))
