"""What one DDEX message grants this archive: statements for each recording of each release in it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from phonotheque.model.identifiers import parse_isrc
from phonotheque.model.rights import Act, Covers, Evidence, Kind, Question, Statement
from phonotheque.rights.deals import Deal, Grant, grants_of
from phonotheque.sources.ddex_deals import Deals, Problem, deals_of
from phonotheque.sources.ddex_elements import elements, ids_of
from phonotheque.sources.ddex_message import (
    Delivered,
    Header,
    Message,
    Recording,
    Release,
    header_of,
    message_of,
)
from phonotheque.sources.small_files import local_name
from phonotheque.vault.archive import now, timestamp

NOT_FOR_US = "not for us/"  # begins the keys of releases in messages to somebody else
NEW, PURGE = "NewReleaseMessage", "PurgeReleaseMessage"
_ORIGIN = "ddex"
_ELSEWHERE = "A label's delivery is addressed to somebody else than this archive: its deals are with them."
_DOWN_ELSEWHERE = (
    "A label takes this down in a message to somebody else than this archive: its deals ended here, too."
)
_LONGEST = 4000  # characters of terms that a statement quotes
_LONGEST_ID = 250


@dataclass(frozen=True, slots=True)
class OfRelease:
    """What a message says of one release, by the recordings on it. ``main``: the release it came with.

    ``also`` are the keys that its other ids make. ``down``: it is taken down, somewhere at least, or purged.
    """

    key: str
    main: str
    said: Mapping[str, Evidence]
    also: tuple[str, ...] = ()
    down: bool = False


@dataclass(frozen=True, slots=True)
class Named:
    """A file that a message delivers, and what it is there."""

    file: Delivered
    release: str
    what: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """One message. ``created``: UTC, or empty if it does not say when it was made."""

    sha256: str
    id: str
    created: str
    releases: tuple[OfRelease, ...]
    files: tuple[Named, ...]


def spoken(root: Any, content: bytes, names: frozenset[str]) -> Spoken | None:
    """Return what a message says of rights; None if it is none that does.

    ``names`` are the ids and names of this archive: what a label agreed on with somebody else is asked about,
    and grants nothing.
    """
    kind = local_name(root)
    if kind not in (NEW, PURGE):
        return None
    header = header_of(root)
    created = _created(header)
    sha256 = hashlib.sha256(content).hexdigest()
    ours = any(_same(name) in names for name in header.recipients)
    sender = _of_sender(header)
    if kind == PURGE:
        keys_of_purged = _keys(sender, _purged(root)).values()
        purged = tuple(OfRelease(key, key, {}, tuple(also), down=True) for key, *also in keys_of_purged)
        return Spoken(sha256, header.id, created, purged, ())
    message = message_of(root)
    deals = deals_of(root, sent=_day(created))
    keys_of = _keys(sender, _names_of(message))
    releases, files = [], []
    for release in message.releases:
        main = keys_of[_main_of(release, message)][0]
        of_all = _for_all_of(release, deals, keys_of, main)
        down = any(deal.takedown for deal in (*deals.of.get(release.reference, ()), *of_all))
        of_release = {
            what: _evidence(each, header, created, sha256, ours=ours, down=down)
            for what, each in _grants(message, release, deals, of_all).items()
        }
        # Whoever it was sent to: what a label takes down rests here, too.
        prefix = "" if ours or down else NOT_FOR_US
        key, *also = (f"{prefix}{each}" for each in keys_of[release.reference])
        releases.append(OfRelease(key, f"{prefix}{main}", of_release, tuple(also), down))
        files += [Named(file, key, what) for what, file in _files(message, release)]
    return Spoken(sha256, header.id, created, tuple(releases), tuple(files))


def problems_in(root: Any) -> tuple[Problem, ...]:
    """Return what in a message's deals makes no sense, and was not taken."""
    header = header_of(root)
    created = _created(header)
    deals = deals_of(root, sent=_day(created))
    if created or not (any(deals.of.values()) or local_name(root) == PURGE):
        return deals.problems
    what = "has not come yet" if _moment(header.created) else "is no time"
    why = f"{what}: which of several messages holds cannot be told, so its deals are not taken"
    return (Problem("MessageCreatedDateTime", header.created[:100], why), *deals.problems)


def names_of(recipients: Iterable[str]) -> frozenset[str]:
    """Return ids and names as they are compared: without regard to case, spaces and hyphens."""
    return frozenset(name for each in recipients if (name := _same(each)))


def _same(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _of_sender(header: Header) -> str:
    """Return a sender's first id, or its name, as it is compared: ids are written with hyphens, or not."""
    return _short(_same(header.senders[0]) if header.senders else "unknown")


def _purged(root: Any) -> dict[str, list[str]]:
    """Return all that each purged release is called, by the first of it."""
    every = (_names(ids_of(elements(each, "ReleaseId"))) for each in elements(root, "PurgedRelease"))
    return {names[0]: names for names in every if names}


def _names(ids: Iterable[tuple[str, str]]) -> list[str]:
    """Return what keys call a release by its ids, the strongest first.

    By its ISRC only if it has no other id: one recording may be on several releases.
    """
    found = [_name(kind, value) for kind, value in ids if kind != "isrc"]
    found = found or [_name(kind, value) for kind, value in ids][:1]
    return list(dict.fromkeys(found))


def _name(kind: str, value: str) -> str:
    """Return an id as it is compared. A sender's own id has its namespace before a colon, a GRid has none."""
    if kind == "isrc":
        return f"isrc:{_code(value)}"
    if kind == "icpn":
        return _short(f"icpn:{value.lstrip('0')}")
    return _short(value.casefold() if ":" in value else _same(value).upper())


def _names_of(message: Message) -> dict[str, list[str]]:
    """Return all that each release of a message is called, by its reference."""
    return {
        release.reference: _names(release.ids) or [_nameless(message, release)]
        for release in message.releases
    }


def _keys(sender: str, names: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    """Return the keys of each release: its own, and those that its other ids make.

    An id that several releases of a message share tells none of them.
    """
    shared = Counter(name for found in names.values() for name in found)
    return {
        release: tuple(f"{sender}|{name}" for name in (own, *(each for each in others if shared[each] == 1)))
        for release, (own, *others) in names.items()
    }


def _nameless(message: Message, release: Release) -> str:
    """Return what a release without an id is called: by its title, and a track by its recording's ISRC."""
    if not release.of_track:
        return _short(release.title)
    recordings = (message.recordings.get(place.resource) for place in release.places)
    isrcs = (code for each in recordings if each for edition in each.editions for code in edition.isrcs)
    return _short(f"isrc:{_code(next(isrcs, '') or release.reference)}")


def _main_of(release: Release, message: Message) -> str:
    """Return the reference of the release that one is a track of; its own if it is none."""
    on = {place.resource for place in release.places}
    mains = (each for each in message.releases if not each.of_track) if release.of_track else ()
    return next(
        (each.reference for each in mains if on & {place.resource for place in each.places}),
        release.reference,
    )


def _for_all_of(
    release: Release, deals: Deals, keys_of: Mapping[str, tuple[str, ...]], main: str
) -> list[Deal]:
    """Return what takes the release down that one is a track of: its tracks go with it."""
    return [
        deal
        for reference, found in deals.of.items()
        if reference != release.reference and keys_of.get(reference, ("",))[0] == main
        for deal in found
        if deal.takedown
    ]


def _grants(
    message: Message, release: Release, deals: Deals, above: Sequence[Deal]
) -> dict[str, list[Grant]]:
    """Return what the deals of a release grant, by recording."""
    own = deals.of.get(release.reference, ())
    alone = len({place.resource for place in release.places}) == 1
    of_all = grants_of([*own, *above], alone=alone)
    narrowed = any(deal.resources for deal in own)
    found: dict[str, list[Grant]] = {}
    for place in release.places:
        if recording := message.recordings.get(place.resource):
            here = [deal for deal in own if not deal.resources or place.resource in deal.resources]
            grants = grants_of([*here, *above], alone=alone) if narrowed else of_all
            for what in _whats(recording):
                found.setdefault(what, []).extend(grants)
    return found


def _whats(recording: Recording) -> list[str]:
    """Return what each edition of a recording is called: its ISRC, else its place in the message."""
    return [_code(next(iter(edition.isrcs), recording.reference)) for edition in recording.editions]


def _code(isrc: str) -> str:
    """Return an ISRC as it is compared; what is none stays as it is."""
    return parse_isrc(isrc) or _short(isrc)


def _short(text: str) -> str:
    """Return a text that a key can be made of: of a very long one its beginning and its SHA-256."""
    data = text.encode("utf-8", "replace")
    if len(data) <= _LONGEST_ID:
        return data.decode()
    return f"{text[:40]}…{hashlib.sha256(data).hexdigest()}"


def _files(message: Message, release: Release) -> Iterable[tuple[str, Delivered]]:
    for place in release.places:
        if recording := message.recordings.get(place.resource):
            for what, edition in zip(_whats(recording), recording.editions, strict=True):
                yield from ((what, file) for file in edition.files)


def _evidence(
    grants: Iterable[Grant], header: Header, created: str, sha256: str, *, ours: bool, down: bool
) -> Evidence:
    found = list(dict.fromkeys(grants))
    shown = f"DDEX message {header.id or 'without an id'} of {created or 'no known time'}"
    if not ours and (down or (found and created)):
        to = ", ".join(header.recipients) or "nobody by name"
        terms = "\n".join(_quoted(grant) for grant in found) or "nothing"
        left = ", which leaves there" if down else ""
        text = _DOWN_ELSEWHERE if down else _ELSEWHERE
        return Evidence(
            questions=(Question(text, (), f"{shown}, to {to}{left}:\n{terms}"[:_LONGEST], _ORIGIN),)
        )
    if not found or not created:
        return Evidence()
    sender = header.senders[-1] if header.senders else "a label"
    statements = tuple(_statement(grant, shown, sender, created, sha256) for grant in found)
    return Evidence(statements)


def _statement(grant: Grant, shown: str, sender: str, created: str, sha256: str) -> Statement:
    """Return one act as a statement.

    A label speaks of its recording: whoever wrote the music has to allow that it is heard, too. To keep the
    copy that was handed over needs nobody else.
    """
    return Statement(
        kind=Kind.DELIVERY,
        licence=None,
        evidence=f"{shown}: {_quoted(grant)}"[:_LONGEST],
        evidence_origin=_ORIGIN,
        asserted_by=sender,
        holder=sender,
        covers=Covers.BOTH if grant.act is Act.PRESERVE else Covers.RECORDING,
        territory=str(grant.territory),
        acts=(grant.act,),
        valid_from=grant.start,
        valid_until=grant.end,
        stated_at=created,
        evidence_sha256=sha256,
    )


def _quoted(grant: Grant) -> str:
    until = f"to {grant.end}" if grant.end else "on"
    return f"{'; or '.join(grant.terms)}; in {grant.territory}; from {grant.start} {until}"


def _day(created: str) -> date | None:
    return date.fromisoformat(created[:10]) if created else None


def _created(header: Header) -> str:
    """Return when a message was made; empty if that is not known, or has not come yet.

    A day is allowed for clocks and zones that are wrong. Of several messages the one made last holds: one of
    next year would for a year.
    """
    moment = _moment(header.created)
    return moment if moment <= timestamp(now() + timedelta(days=1)) else ""


def _moment(text: str) -> str:
    """Return a time in UTC, to the second; empty if it is none. Without a zone it is taken as UTC."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        # Not strftime: it writes years before 1000 with fewer digits.
        return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"
    except (ValueError, OverflowError):
        return ""
