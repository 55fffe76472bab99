"""The third door: whoever finds a fact wrong, or something that must go, says so here.

Nothing is hidden or changed by what a stranger sends: it is kept, and staff look at it. Where an archive
takes no requests by a form, as is usual, the page says how else it is reached.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Query
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from phonotheque.catalogue.search import Found
from phonotheque.ledger.requests import RequestKind
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import now, timestamp
from phonotheque.web.room import forms
from phonotheque.web.room.asked import Typed, empty, read, things
from phonotheque.web.room.contact import contact_uri
from phonotheque.web.room.desk import Desk, FullError
from phonotheque.web.room.pages import _, language_of, page, room_of, told

ROUTES: Final = APIRouter()
_LOG = logging.getLogger("phonotheque.web")
MOST_DOCUMENT: Final = 8_000_000  # bytes
_MOST: Final = MOST_DOCUMENT + 512 * 1024  # bytes of the whole form
_HITS: Final = 8
_ORDER: Final = (  # of the fields, as they are on the page
    *("token", "what", "territory", "erase", "reason", "public_reason", "statement", "evidence"),
    *("name", "contact", "document", "website"),
)
_MANY: Final = _("Many requests came in within an hour. Keep this page open, and send it again later.")
_NO_MORE: Final = _("No more requests can be taken in by this form just now. Nothing was sent.")
_NOT_KEPT: Final = _("Your request could not be kept: nothing was sent. Try again later.")
# What somebody has typed, or was told, is kept by no cache.
PRIVATE: Final = {"Cache-Control": "no-store", "X-Robots-Tag": "noindex"}


def desk_of(request: Request) -> Desk:
    """Return the desk of the room that a request is made in."""
    desk: Desk = request.app.state.desk
    return desk


@ROUTES.api_route("/correct", methods=["GET", "HEAD"])
def correct(
    request: Request,
    what: Annotated[list[Annotated[str, Query(max_length=10_000)]], Query(max_length=50)] = [],  # noqa: B006
    kind: Annotated[str, Query(max_length=20)] = "",
    find: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    """Answer the form, with what it is about filled in; or before that, the choice between two forms."""
    if _closed(request):
        return _how_else(request)
    catalogue = room_of(request).catalogue
    asked = empty(_kind(kind) or RequestKind.WITHDRAWAL, "\n".join(what))
    hits = catalogue.find(find, _HITS) if catalogue and find.strip() else Found(())
    return _form(request, asked, chosen=_kind(kind) is not None, find=find, hits=hits)


def _post(request: Request, form: FormData) -> Response:
    """Keep a request and lead to its page, or show again what was typed and what is wrong with it."""
    if _closed(request):
        return _how_else(request)
    typed = read(form)
    document = forms.document_in(form, "document")
    if form.get("do") == "look":
        typed = replace(typed, wrong={})
        return _form(request, typed, looked=True, again=document is not None)
    wrong = dict(typed.wrong)
    if document is not None and (document.size or 0) > MOST_DOCUMENT:
        wrong["document"] = _("This document is too large. Send a smaller one, or say where it can be had.")
    if form.get("website"):
        wrong["website"] = _("The last field is a trap for programs. Leave it empty.")
    try:
        secret = desk_of(request).tokens.check(str(form.get("token", "")), quickest=forms.QUICKEST)
    except forms.HastyError:
        wrong["token"] = _("This came back quicker than anybody reads. Look through it, and send it again.")
    except forms.TokenError:
        wrong["token"] = _("This page lay open for long. Nothing was sent yet: look through it, and send it.")
    if wrong:
        return _form(request, replace(typed, wrong=wrong), again=document is not None, status=422)
    return _keep(request, typed, secret, document)


ROUTES.add_api_route("/correct", forms.posted(_post, most=_MOST), methods=["POST"])


def _keep(request: Request, typed: Typed, secret: bytes, document: UploadFile | None) -> Response:
    desk = desk_of(request)

    def not_kept(why: str, status: int, seconds: int) -> Response:
        again = PRIVATE | {"Retry-After": str(seconds)}
        wrong = replace(typed, wrong={"token": why})
        return _form(
            request, wrong, status=status, headers=again, again=document is not None, turned_away=True
        )

    if not desk.allowance.take(forms.asker(request), typed.kind):
        return not_kept(_MANY, 429, 3600)
    said = f"{document.filename} {document.size}" if document else ""
    asked = typed.request(secret, language=language_of(request), at=timestamp(now()), document=said)
    try:
        desk.lay_down(asked, document.file if document else None)
    except FullError:
        return not_kept(_NO_MORE, 503, 86_400)
    except OSError as error:
        _LOG.error("A request could not be kept: %s", error)
        return not_kept(_NOT_KEPT, 503, 3600)
    return RedirectResponse(f"/{language_of(request)}/request/{asked.id}", status_code=303, headers=PRIVATE)


def _form(
    request: Request,
    typed: Typed,
    *,
    chosen: bool = True,
    looked: bool = False,
    again: bool = False,
    status: int = 200,
    find: str = "",
    hits: Found | None = None,
    headers: dict[str, str] | None = None,
    turned_away: bool = False,
) -> Response:
    """Answer a form with what was typed. ``again``: a document was chosen, which a browser does not keep.

    ``turned_away``: it cannot be taken in just now, so say how else the archive is reached.
    """
    return page(
        request,
        "correct.html.j2",
        status=status,
        headers=headers or PRIVATE,
        typed=typed,
        chosen=chosen,
        looked=looked,
        again=again,
        turned_away=turned_away,
        contact=contact_uri(room_of(request).archive.settings.serve.contact),
        find=find,
        hits=hits or Found(()),
        things=things(room_of(request).catalogue, typed.named),
        wrong={name: told(request, typed.wrong[name]) for name in _ORDER if name in typed.wrong},
        token=desk_of(request).tokens.make(),
        most=MOST_DOCUMENT,
    )


def _closed(request: Request) -> bool:
    archive = room_of(request).archive
    return archive.is_mirror or not archive.settings.requests.form


def _how_else(request: Request) -> Response:
    """Answer how the archive is reached: on a mirror, the archive that it follows."""
    settings = room_of(request).archive.settings
    origin = settings.mirror.origin
    web = origin.startswith(("http://", "https://"))
    door = f"{origin.rstrip('/')}/{language_of(request)}/correct" if web else ""
    contact = contact_uri(settings.serve.contact)
    door = quote(door, ":/?=&@[]%+~,")
    return page(request, "correct_elsewhere.html.j2", contact=contact, mirror=bool(origin), door=door)


def _kind(text: str) -> RequestKind | None:
    if not text:
        return None
    try:
        return RequestKind(text)
    except ValueError:
        raise UsageError(
            f"“{text}” is neither “withdrawal” nor “correction”.", "Choose one of them."
        ) from None
