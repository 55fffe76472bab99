"""The page of a recording: what is known of it and from whom, what may be done with it, how it is kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Annotated, Any, Final

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.catalogue.views import RecordingView, View
from phonotheque.editions.jsonld import Shared, describe_recording, encoding
from phonotheque.mirrors.whereabouts import concerns, may_hold
from phonotheque.model.errors import NotFoundError
from phonotheque.model.identifiers import parse_mbid
from phonotheque.model.rights import WORLDWIDE, Act, Answer
from phonotheque.model.territory import WORLD, Territory, parse_territory
from phonotheque.sources.decide import mandate_statement
from phonotheque.web.looking.voice import voice
from phonotheque.web.room.addresses import site
from phonotheque.web.room.crediting import attributions
from phonotheque.web.room.doubts import doubt
from phonotheque.web.room.heard import heard
from phonotheque.web.room.keeping_words import form, held, kept_bag
from phonotheque.web.room.listed import NotListedYetError
from phonotheque.web.room.mirrored import NOTHING, dates_of, mirrored, view_of
from phonotheque.web.room.pages import _, language_of, page, refusal, room_of
from phonotheque.web.room.sounds import Kept, Place, Sound, decided, kept_bags, sounds_of
from phonotheque.web.room.standing import Asked, bases, place
from phonotheque.web.room.state import Room
from phonotheque.web.room.taken import Taken, of_tombstones, taken_back
from phonotheque.web.room.things import MOST_SAYERS, begun, bounded, by_field, found, led
from phonotheque.web.words import shown

ROUTES: Final = APIRouter()
_MOST_COMPOSERS: Final = 20
_YEARS: Final = (1800, 2300)  # that rights may be asked about


@dataclass(frozen=True, slots=True)
class Had:
    """A file of the recording at one of its places, and whether the visitor may take it from there now."""

    sound: Sound
    place: Place | None
    allowed: bool


@dataclass(frozen=True, slots=True)
class Thing:
    """Everything that is known here of a recording."""

    view: RecordingView
    sounds: Sequence[Sound] = ()
    kept: Sequence[Kept] = ()
    taken: Sequence[Taken] = ()
    dated: dict[str, str] = field(default_factory=dict)  # when accessions were begun


@ROUTES.api_route("/recording/{key}", methods=["GET", "HEAD"])
def recording(
    request: Request,
    key: str,
    where: Annotated[str, Query(alias="in", max_length=300)] = "",
    on: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Answer the page of a recording; whoever asks by another of its names is led to its own address.

    ``in`` (country codes) and ``on`` (a day) ask about rights at another place or time.
    """
    room = room_of(request)
    try:
        thing = _thing(room, key)
    except NotFoundError:
        return _unknown(request, room, key)
    except NotListedYetError:
        later = _("What is published is being listed here. Try again in a minute.")
        return refusal(request, 503, later, headers={"Retry-After": "60"})
    if not isinstance(thing, Thing) or thing.view.id != key:
        return led(request, thing.view if isinstance(thing, Thing) else thing)
    territory = _territory(where, room.country(request))
    day = _day(on, room.today())
    if territory is None:
        return refusal(
            request,
            400,
            _("“%(text)s” names no country. Write codes such as FR, DE or EU."),
            text=where[:100],
        )
    if day is None:
        return refusal(request, 400, _("“%(text)s” is no day. Write it like 2047-01-01."), text=on)
    return _shown(request, room, thing, Asked(territory, day, language_of(request)))


def _thing(room: Room, key: str) -> Thing | View:
    """Return a recording with all that there is of it here, or what else has this name."""
    if room.archive.is_mirror:
        return _at_mirror(room, key)
    view = found(room, key)
    if not isinstance(view, RecordingView):
        return view
    with room.archive.ledger.connect() as ledger:
        sounds = sounds_of(ledger, view.files)
        ids = {by.accession for fact in view.facts for by in fact.said_by}
        ids |= {sound.accession for sound in sounds}
        return Thing(
            view=view,
            sounds=sounds,
            kept=kept_bags(ledger, sounds),
            taken=taken_back(ledger, view.id, sounds),
            dated=begun(ledger, ids),
        )


def _at_mirror(room: Room, key: str) -> Thing | View:
    """Return what a mirror has: of its catalogue if it has one, of the edition it obeys, and of its bags."""
    view = found(room, key) if room.catalogue else None
    if view is not None and not isinstance(view, RecordingView):
        return view
    name = view.id if view else parse_mbid(key) or key
    of = mirrored(room, name)
    if view is None and of is None:
        raise NotFoundError("The edition lists nothing of it.", "Search for it by its title.")
    edition = room.published.current()
    return Thing(
        view=view or view_of(name, of or NOTHING),
        sounds=of.sounds if of else (),
        kept=of.kept if of else (),
        taken=of_tombstones(edition.stones.get(name, ()) if edition else ()),
        dated=dates_of(of or NOTHING),
    )


def _shown(request: Request, room: Room, thing: Thing, asked: Asked) -> Response:
    view, language, country = thing.view, asked.language, room.country(request)
    spoken, mirror = voice(language), room.archive.is_mirror
    today = room.today()
    address = f"{site(request)}{language}/recording/{view.id}"
    stated = [sound for sound in thing.sounds if sound.kind == "master"] or thing.sounds
    held_words = held(thing.sounds, spoken, mirror=mirror)
    return page(
        request,
        "recording.html.j2",
        view=view,
        heard=heard(room, request, view),
        thing=thing,
        address=address,
        had=[one for sound in thing.sounds for one in _had(room, sound, country)],
        taken=[(one, place(one.where, language)) for one in thing.taken],
        bases=bases(stated, mandate_statement(room.archive.settings), asked),
        asked=asked,
        asked_where="" if asked.where == WORLD else str(asked.where),
        asked_place=place(asked.where, language),
        place=lambda audience: place(parse_territory(audience), language),
        today=today,
        credits=attributions(
            thing.sounds,
            title=view.title or "",
            artist=view.artist,
            source=address,
            country=country,
            on=today,
            language=language,
        ),
        doubts=[(one, doubt(one, language)) for one in view.conflicts],
        facts=by_field(view.facts),
        most_sayers=MOST_SAYERS,
        composers=[shown(fact.value) for fact in view.facts if fact.field == "composers"][:_MOST_COMPOSERS],
        held_words=held_words,
        kept_words=lambda bag: kept_bag(bag, spoken, mirror=mirror),
        form=lambda sound: form(sound, spoken),
        about=held_words,
        described=bounded(_described(request, room, thing, address)),
    )


def _had(room: Room, sound: Sound, country: str) -> list[Had]:
    """Return where the visitor may take a file from: as decided now, and only what is here."""
    decision = decided(sound.statements, Act.DISTRIBUTE, room.today(), country or WORLDWIDE)
    yes = sound.held and decision.answer is Answer.YES
    if yes and room.archive.is_mirror:
        yes = not any(concerns(country, stone) for stone in room.guard.tombstones(sound.sha256))
    if not sound.places:
        return [Had(sound, None, False)]
    return [Had(sound, one, yes and may_hold(country, one.audience)) for one in sound.places]


def _described(request: Request, room: Room, thing: Thing, address: str) -> dict[str, Any]:
    """Return JSON-LD: as files only what may be shared with whom its bag is for."""
    today, settings = room.today(), room.archive.settings
    files = []
    for sound in thing.sounds:
        for one in sound.places:
            shared = decided(sound.statements, Act.DISTRIBUTE, today, one.audience)
            if shared.answer is Answer.YES:
                file = Shared(one.bag, one.path, one.audience, sound.size, sound.sha256)
                files.append(encoding(settings, site(request), file, sound.statements, today))
    return describe_recording(settings, thing.view, files) | {"url": address}


def _territory(text: str, country: str) -> Territory | None:
    """Return the territory asked about: the visitor's own if none is named; None for what names none."""
    named = " ".join(text.upper().replace(",", " ").split())
    try:
        return parse_territory(named or country or WORLDWIDE)
    except ValueError:
        return None


def _day(text: str, today: date) -> date | None:
    try:
        day = date.fromisoformat(text) if text else today
    except ValueError:
        return None
    return day if _YEARS[0] <= day.year <= _YEARS[1] else None


def _unknown(request: Request, room: Room, key: str) -> Response:
    """Answer for what is not in the catalogue: 410 if it was taken back, else 404."""
    name = parse_mbid(key) or key  # however its letters were written
    if room.archive.is_mirror:
        edition = room.published.current()
        taken = of_tombstones(edition.stones.get(name, ()) if edition else ())
    else:
        with room.archive.ledger.connect() as ledger:
            taken = taken_back(ledger, name, [])
    if taken and taken[0].reason is None:
        return refusal(request, 410, _("A request to withdraw this recording is being reviewed."))
    if taken:
        reason = taken[0].reason
        return refusal(request, 410, _("This recording was withdrawn: %(reason)s"), reason=reason)
    return refusal(
        request, 404, _("There is no recording “%(name)s”. Search for it by its title."), name=key[:100]
    )
