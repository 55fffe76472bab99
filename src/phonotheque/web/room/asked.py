"""What a visitor typed on the page “Correct or withdraw”, checked field by field, and what it names."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.views import ArtistView, RecordingView, ReleaseView
from phonotheque.ledger.requests import Request, RequestKind
from phonotheque.ledger.withdrawals import MOST_TOLD
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.identifiers import parse_isrc, parse_mbid
from phonotheque.model.rights import WORLDWIDE
from phonotheque.model.territory import parse_territory
from phonotheque.web.room import forms
from phonotheque.web.room.pages import _

MOST_NAMED: Final = 50  # lines
_LOOKED_UP: Final = 20  # lines of which it is shown what they name
_LONG: Final = 10_000  # characters
_SHORT: Final = 300
_LINE: Final = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]{1,300}")
_TEXTS: Final = {
    "what": _LONG,
    "statement": _LONG,
    "evidence": _LONG,
    "name": _SHORT,
    "contact": _SHORT,
    "reason": _LONG,
    "public_reason": _SHORT,
    "territory": _SHORT,
}


@dataclass(frozen=True, slots=True)
class Typed:
    """A form as it was filled in, and in words what is wrong with it, by field."""

    kind: RequestKind
    texts: Mapping[str, str]
    everywhere: bool = True
    erase: bool = False
    public_name: bool = False
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def named(self) -> tuple[str, ...]:
        """The lines that say what it is about, each once; addresses of our pages as the ids in them."""
        lines = (_as_id(line.strip()) for line in self.texts.get("what", "").splitlines())
        return tuple(dict.fromkeys(line for line in lines if line))

    def request(self, secret: bytes, *, language: str, at: str, document: str) -> Request:
        """Return the request. Its id cannot be guessed, and is the same for the same form sent twice."""
        texts = self.texts
        correction = self.kind is RequestKind.CORRECTION
        said = (self.kind, self.everywhere, self.erase, self.public_name, sorted(texts.items()), document)
        number = sha256(secret + repr(said).encode()).digest()[:16]
        return Request(
            id=str(uuid.UUID(bytes=number, version=4)),
            kind=self.kind,
            received_at=at,
            language=language,
            named=self.named,
            asked_by=texts["name"],
            contact=texts["contact"] or None,
            public_name=self.public_name and not correction,
            reason=texts["statement"] if correction else texts["reason"],
            public_reason=None if correction else texts["public_reason"] or None,
            document_sha256=None,
            territory=WORLDWIDE if self.everywhere or correction else _territory(texts["territory"]),
            erase=self.erase and not correction,
            statement=texts["statement"] if correction else None,
            evidence=texts["evidence"] or None if correction else None,
        )


@dataclass(frozen=True, slots=True)
class NamedThing:
    """What a line names, as far as everybody may know: ``page`` is None for what has to be looked up."""

    line: str
    page: str | None = None
    title: str | None = None
    artist: str | None = None
    tracks: int | None = None  # of a release


def empty(kind: RequestKind, what: str) -> Typed:
    """Return a form that nothing was typed in yet, but what it is about."""
    return Typed(kind, {**dict.fromkeys(_TEXTS, ""), "what": what})


def read(form: Mapping[str, object]) -> Typed:
    """Return what was typed, with what is wrong in it."""
    correction = form.get("kind") == RequestKind.CORRECTION.value
    typed = Typed(
        RequestKind.CORRECTION if correction else RequestKind.WITHDRAWAL,
        {name: forms.field(form, name, most) for name, most in _TEXTS.items()},
        everywhere=form.get("where") != "some",
        erase=form.get("erase") == "yes",
        public_name=form.get("public_name") == "yes",
    )
    wrong = {**_missing(typed), **_too_long(typed), **_not_for_all(typed), **_nowhere(typed)}
    return Typed(typed.kind, typed.texts, typed.everywhere, typed.erase, typed.public_name, wrong)


def things(catalogue: Catalogue | None, lines: Sequence[str]) -> list[NamedThing]:
    """Return what these lines name in the catalogue: ids of recordings, releases, artists; and ISRCs.

    Names of files and hashes are not looked up: which of them there are is nobody's business.
    """
    return [found for line in lines[:_LOOKED_UP] for found in _named(catalogue, line)]


def _named(catalogue: Catalogue | None, line: str) -> list[NamedThing]:
    if catalogue is None:
        return [NamedThing(line)]
    try:
        if parse_isrc(line):
            hits = catalogue.by_isrc(line)
            found = [NamedThing(line, f"recording/{hit.id}", hit.title, hit.artist) for hit in hits[:20]]
            return found or [NamedThing(line)]
        view = catalogue.show(line) if parse_mbid(line) else None
    except PhonothequeError:  # it names nothing, or takes too long: somebody will look it up
        return [NamedThing(line)]
    match view:
        case RecordingView():
            return [NamedThing(line, f"recording/{view.id}", view.title, view.artist)]
        case ReleaseView():
            return [NamedThing(line, f"release/{view.id}", view.title, view.artist, len(view.tracks))]
        case ArtistView():
            return [NamedThing(line, f"artist/{view.id}", view.name)]
        case _:
            return [NamedThing(line)]


def _as_id(line: str) -> str:
    """Return the id in the address of a page, or the line itself."""
    if "/" not in line:
        return line
    return parse_mbid(line.partition("?")[0].partition("#")[0]) or line


def _missing(typed: Typed) -> dict[str, str]:
    needed = {
        "what": _("Say what this is about: choose it above, or describe it in your words."),
        "name": _("Say who you are."),
    }
    if typed.kind is RequestKind.CORRECTION:
        needed["statement"] = _("Say what is wrong, and how it should be.")
    else:
        needed["reason"] = _("Say why.")
        needed["contact"] = _("Say how you can be reached: nobody can be asked otherwise.")
    wrong = {name: why for name, why in needed.items() if not typed.texts[name]}
    if len(typed.named) > MOST_NAMED:
        wrong["what"] = _("These are too many lines for one request. Send several, or say it in words.")
    return wrong


def _too_long(typed: Typed) -> dict[str, str]:
    long = [name for name, most in _TEXTS.items() if len(typed.texts[name]) > most]
    return {name: _("This is too long. Put the rest into a document.") for name in long}


def _not_for_all(typed: Typed) -> dict[str, str]:
    shown = {"public_reason": typed.texts["public_reason"]} if typed.texts["public_reason"] else {}
    if typed.public_name:
        shown["name"] = typed.texts["name"]
    wrong = {
        name: _("What everybody is to read is one line, without line breaks.")
        for name, text in shown.items()
        if text and not _LINE.fullmatch(text)
    }
    if sum(map(len, shown.values())) + len(" (asked for by )") > MOST_TOLD:
        wrong["public_reason"] = _("Make this shorter: it goes into each edition together with your name.")
    return wrong if typed.kind is RequestKind.WITHDRAWAL else {}


def _nowhere(typed: Typed) -> dict[str, str]:
    if typed.everywhere or typed.kind is RequestKind.CORRECTION:
        return {}
    if typed.erase:
        return {"erase": _("A copy is erased for the whole world: choose that, or let it be kept.")}
    try:
        if _territory(typed.texts["territory"]):
            return {}
    except ValueError:
        pass
    return {"territory": _("Write the countries by their codes of two letters, such as: DE FR JP, or EU.")}


def _territory(text: str) -> str:
    return str(parse_territory(" ".join(text.upper().replace(",", " ").split())))
