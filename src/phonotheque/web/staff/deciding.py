"""What staff do with a request: hold, accept, refuse, reverse, answer, or say what it names.

What withdrawals do is done by editions.withdrawing, as on the command line, under the archive's lock. Each is
recorded with who did it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from fastapi import APIRouter
from sqlalchemy import Connection
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from phonotheque.editions import inbox, withdrawing
from phonotheque.editions.upholding import uphold
from phonotheque.ledger import requests as asking
from phonotheque.ledger.requests import RequestStep, RequestStepRecord, add_request_step
from phonotheque.ledger.staff import record_action
from phonotheque.ledger.withdrawals import Withdrawal
from phonotheque.model.errors import BusyError, UsageError
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.web.room import forms, full
from phonotheque.web.room.correcting import PRIVATE, desk_of
from phonotheque.web.room.pages import _, language_of, refusal, room_of, told
from phonotheque.web.staff import sessions
from phonotheque.web.staff.reading import possible, request_and_withdrawal, review
from phonotheque.web.staff.sessions import Staff

ROUTES: Final = APIRouter(prefix="/staff")
_LOG = logging.getLogger("phonotheque.web")
_Stands = tuple[asking.Request | None, Withdrawal | None]
_LONGEST: Final = 5000  # characters
_NOT_SO: Final = _("That cannot be done with this request as it stands now. Look again.")
_WHY: Final = _("Write an answer: a refusal, and a reversal, comes with its reason.")
_SAY: Final = _("Write what is to be answered.")
_LONG: Final = _("This is too long.")
_BUSY: Final = _(
    "The archive is being changed by another command just now. Nothing was done: try again when it has ended."
)
_FULL: Final = _("The disk is full. Nothing was done. Make room on it, and try again.")
_FULL_SINCE: Final = _(
    "The disk is full. What you decided is recorded; what follows from it is done once there is room."
)
_BY_WITHDRAWING: Final[dict[str, Callable[..., withdrawing.Done]]] = {
    "hold": withdrawing.hold,
    "accept": withdrawing.accept,
    "refuse": withdrawing.refuse,
    "reverse": withdrawing.reverse,
}


@dataclass(frozen=True, slots=True)
class _Decision:
    """What somebody decided: ``note`` stays private, ``answer`` is told to whoever asked."""

    what: str
    by: str
    at: str
    note: str
    answer: str


def _decide(request: Request, form: FormData) -> Response:
    who = sessions.required(request)
    if not sessions.check_form(who, form.get("token")):
        return refusal(request, 403, _("This form was not sent from a page of this site."), headers=PRIVATE)
    key = request.path_params["key"]
    archive = room_of(request).archive
    stands = asked, withdrawn = request_and_withdrawal(archive, key)
    what = str(form.get("do", ""))
    if what in ("look", "file") and asked is not None and "file" in possible(asked, withdrawn):
        return _file(request, form, who, stands, key)
    decided = _Decision(
        what,
        who.name,
        timestamp(now()),
        forms.field(form, "note", _LONGEST),
        forms.field(form, "answer", _LONGEST),
    )
    if wrong := _wrong(decided, asked, withdrawn):
        return review(request, key, said=told(request, wrong), status=422)
    try:
        with desk_of(request).writing():
            _do(archive, decided, key)
    except BusyError:
        return review(request, key, said=told(request, _BUSY), status=503)
    except UsageError:  # somebody else decided in the meantime
        return review(request, key, said=told(request, _NOT_SO), status=409)
    except full.ERRORS as error:
        return _no_room(request, key, stands, error)
    return RedirectResponse(f"/{language_of(request)}/staff/request/{key}", status_code=303, headers=PRIVATE)


ROUTES.add_api_route("/request/{key}", forms.posted(_decide), methods=["POST"])


def _wrong(decided: _Decision, asked: asking.Request | None, withdrawn: Withdrawal | None) -> str:
    """Return in words why this cannot be done; nothing if it can."""
    if decided.what not in possible(asked, withdrawn):
        return _NOT_SO
    reason = decided.answer or ("" if asked else decided.note)
    if decided.what in ("refuse", "reverse") and not reason:
        return _WHY
    if decided.what == "answer" and not (decided.answer or decided.note):
        return _SAY
    return _LONG if max(len(decided.note), len(decided.answer)) > _LONGEST else ""


def _do(archive: Archive, decided: _Decision, key: str) -> None:
    """Do it, and record who did, or nothing. The archive's lock must be held.

    Raises UsageError if it cannot be done now.
    """
    asked, withdrawn = request_and_withdrawal(archive, key)
    if decided.what not in possible(asked, withdrawn):
        raise UsageError("This was decided in the meantime.")
    note = decided.note or decided.answer

    def also(ledger: Connection, done: withdrawing.Done | None = None) -> None:
        subject = f"withdrawal {withdrawn.id}" if withdrawn else f"request {key}"
        _record(ledger, decided, subject, asked, done)

    if withdrawn is not None and decided.what in _BY_WITHDRAWING:
        uphold(archive, at=decided.at)  # whatever was interrupted before
        do = _BY_WITHDRAWING[decided.what]
        do(archive, withdrawn.id, by=decided.by, note=note, at=decided.at, also=also)
        return
    with archive.ledger.begin() as ledger:
        also(ledger)


def _record(
    ledger: Connection,
    decided: _Decision,
    subject: str,
    asked: asking.Request | None,
    done: withdrawing.Done | None,
) -> None:
    detail: dict[str, int] = {"note": bool(decided.note), "answer": bool(decided.answer)}
    if done is not None:
        detail |= {"withheld": len(done.withheld), "erased": done.erased, "to_be_erased": done.waiting}
    step = RequestStep.ANSWERED
    if done is None and decided.what in ("accept", "refuse"):
        step = RequestStep.ACCEPTED if decided.what == "accept" else RequestStep.REFUSED
    if asked is not None and (step is not RequestStep.ANSWERED or decided.answer or decided.note):
        record = RequestStepRecord(decided.at, step, decided.by, decided.note or None, decided.answer or None)
        add_request_step(ledger, asked.id, record)
    record_action(ledger, at=decided.at, name=decided.by, action=decided.what, subject=subject, detail=detail)


def _no_room(request: Request, key: str, before: _Stands, error: Exception) -> Response:
    """Answer that the disk is full, and what was done all the same. Raises the error if it is another."""
    archive = room_of(request).archive
    if not full.is_full(error, archive):
        raise error
    _LOG.error("The disk is full: %s", error)
    done = request_and_withdrawal(archive, key) != before
    return review(request, key, said=told(request, _FULL_SINCE if done else _FULL), status=507)


def _file(request: Request, form: FormData, who: Staff, stands: _Stands, key: str) -> Response:
    """File a request as a withdrawal of what somebody has found out that it names; or only look."""
    lines = forms.field(form, "named", 10_000).splitlines()
    named = tuple(dict.fromkeys(line.strip() for line in lines if line.strip()))
    asked, _withdrawn = stands
    assert asked is not None
    meant = replace(asked, named=named)
    archive = room_of(request).archive
    covered = inbox.covers(archive, meant) if named else told(request, _("Say what it names."))
    if form.get("do") == "look" or isinstance(covered, str):
        return review(request, key, would=covered, status=422 if isinstance(covered, str) else 200)
    at = timestamp(now())

    def also(ledger: Connection, filed: bool) -> None:
        action = "file" if filed else "file, in vain"
        detail = {"named": list(named)}
        record_action(ledger, at=at, name=who.name, action=action, subject=f"request {key}", detail=detail)

    try:
        with desk_of(request).writing():
            inbox.file_request(archive, meant, covered, at=at, by=who.name, also=also)
    except BusyError:
        return review(request, key, said=told(request, _BUSY), status=503)
    except full.ERRORS as error:
        return _no_room(request, key, stands, error)
    return RedirectResponse(f"/{language_of(request)}/staff/request/{key}", status_code=303, headers=PRIVATE)
