"""The public page of a request: how it stands, dated. Of what was written, only what everybody may read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import APIRouter
from sqlalchemy import Connection, select
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.editions.inbox import find
from phonotheque.ledger import requests as asking
from phonotheque.ledger.requests import RequestKind, RequestStep, request_filed_as
from phonotheque.ledger.schema import editions
from phonotheque.ledger.withdrawals import State, Step, Withdrawal, withdrawal
from phonotheque.model.errors import NotFoundError
from phonotheque.model.identifiers import parse_mbid
from phonotheque.web.room.correcting import PRIVATE
from phonotheque.web.room.pages import _, page, refusal, room_of, told

ROUTES: Final = APIRouter()
_OF_REQUEST: Final = {
    RequestStep.RECEIVED: _("It was received."),
    RequestStep.FILED: _("It was filed as a request to take something back."),
    RequestStep.UNCLEAR: _("A person has to look up what it names."),
    RequestStep.ANSWERED: _("The archive answered:"),
    RequestStep.ACCEPTED: _("It was accepted."),
    RequestStep.REFUSED: _("It was refused."),
}
_OF_WITHDRAWAL: Final = {
    Step.HELD: _("What it names is hidden while it is reviewed."),
    Step.ACCEPTED: _("It was accepted: what it names is no longer shown."),
    Step.REFUSED: _("It was refused."),
    Step.REVERSED: _("The decision was reversed."),
    Step.EXTENDED: _("Another copy came in, and was taken back, too."),
    Step.ERASED: _("A copy was erased."),
}
_WAITS: Final = _("It waits for a person")
_READ: Final = _("A person will read it. Nothing is hidden or changed until then.")
_STATES: Final = {
    State.REQUESTED: (_WAITS, _READ),
    State.HELD: (
        _("Hidden while it is reviewed"),
        _("What it names is not shown until a person has decided."),
    ),
    State.ACCEPTED: (
        _("Accepted"),
        _("What it names is no longer shown here. It leaves what is published with the next edition."),
    ),
    State.REFUSED: (_("Refused"), _("What it names stays as it was. A new request can be made.")),
    State.REVERSED: (
        _("Reversed"),
        _("It was accepted, and that was reversed. What is otherwise allowed is published again."),
    ),
}
_GONE: Final = _("What it names is no longer shown here, and has left what is published.")
_ENDED: Final = {
    (RequestKind.CORRECTION, RequestStep.ACCEPTED): (
        _("Accepted"),
        _(
            "The archive agrees. Facts come from sources: the catalogue shows it once the source says so and "
            "a new catalogue was made."
        ),
    ),
    (RequestKind.CORRECTION, RequestStep.REFUSED): (
        _("Refused"),
        _("The catalogue stays as it was. A new request can be made."),
    ),
    (RequestKind.WITHDRAWAL, RequestStep.REFUSED): _STATES[State.REFUSED],
}


@dataclass(frozen=True, slots=True)
class Shown:
    """A step as everybody may see it."""

    at: str
    said: str
    answer: str | None = None


@ROUTES.api_route("/request/{key}", methods=["GET", "HEAD"])
def status(request: Request, key: str) -> Response:
    """Answer how a request stands, to whoever knows its id."""
    archive = room_of(request).archive
    if archive.is_mirror or parse_mbid(key) != key:  # as ids are written
        return _none(request)
    asked, in_ledger = find(archive, key)
    with archive.ledger.connect() as ledger:
        one = _withdrawal(ledger, asked, key)
        if asked is None and one is not None:
            asked = request_filed_as(ledger, one.id)
            if asked is not None:  # by the withdrawal's id, which tombstones tell, nobody finds a request
                asked = one = None
        if asked is None and one is None:
            return _none(request)
        edition = _told_in(ledger, one) if one else None
    state, meaning = _state(asked, one)
    if edition and one and one.state is State.ACCEPTED:
        meaning = _GONE
    steps = _steps(request, asked, one)
    if asked is not None and not in_ledger:
        waits = _("It is kept safely. The archive is being changed just now, and files it afterwards.")
        steps.append(Shown(asked.received_at, told(request, waits)))
    public = one.told if one else asked.public_reason if asked else None
    return page(
        request,
        "request.html.j2",
        headers=PRIVATE,
        correction=asked is not None and asked.kind is RequestKind.CORRECTION,
        state=told(request, state),
        meaning=told(request, meaning),
        steps=steps,
        edition=edition,
        public=public,
        key=key,
    )


def _none(request: Request) -> Response:
    sentence = _("There is no request with this address. Look whether all of it was copied.")
    return refusal(request, 404, sentence, headers=PRIVATE)


def _withdrawal(ledger: Connection, asked: asking.Request | None, key: str) -> Withdrawal | None:
    """Return as what a request was filed; or the withdrawal itself, that was asked for in another way."""
    name = asked.withdrawal_id if asked else key
    if name is None:
        return None
    try:
        return withdrawal(ledger, name)
    except NotFoundError:
        return None


def _state(asked: asking.Request | None, one: Withdrawal | None) -> tuple[str, str]:
    if one is not None:
        return _STATES[one.state]
    if asked is not None and (end := asked.ended):
        return _ENDED[asked.kind, end.step]
    return _WAITS, _READ


def _steps(request: Request, asked: asking.Request | None, one: Withdrawal | None) -> list[Shown]:
    """Return what happened, in order: dates, words of our own, and what was answered for everybody."""
    found: list[tuple[str, int, Shown]] = []
    for step in asked.steps if asked else ():
        if step.step is not RequestStep.ANSWERED or step.answer:
            late = int(step.step is RequestStep.ANSWERED)
            said = Shown(step.at, told(request, _OF_REQUEST[step.step]), step.answer)
            found.append((step.at, late, said))
    for done in one.steps if one else ():
        if done.step is Step.REQUESTED and not asked:
            found.append((done.at, 0, Shown(done.at, told(request, _OF_REQUEST[RequestStep.RECEIVED]))))
        if done.step in _OF_WITHDRAWAL:
            found.append((done.at, 0, Shown(done.at, told(request, _OF_WITHDRAWAL[done.step]))))
    if asked is not None and not asked.steps:
        received = told(request, _OF_REQUEST[RequestStep.RECEIVED])
        found.append((asked.received_at, 0, Shown(asked.received_at, received)))
    return [shown for _at, _late, shown in sorted(found, key=lambda each: each[:2])]


def _told_in(ledger: Connection, one: Withdrawal) -> int | None:
    """Return the first edition that was made after a request was accepted: its tombstone tells so."""
    accepted = one.reached(Step.ACCEPTED)
    if accepted is None:
        return None
    query = select(editions.c.number).where(editions.c.date >= accepted).order_by(editions.c.number)
    found: int | None = ledger.execute(query.limit(1)).scalar()
    return found
