"""What one DDEX message grants this archive: statements for each recording of each release in it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from phonotheque.model.identifiers import parse_isrc
from phonotheque.model.rights import Act, Covers, Evidence, Kind, Question, Statement
from phonotheque.rights.deals import Grant, grants_of
from phonotheque.sources.ddex_deals import Deals, Problem, deals_of
from phonotheque.sources.ddex_elements import content_of, elements, text_of
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

NOT_FOR_US = "not for us/"  # begins the keys of releases in messages to somebody else
NEW, PURGE = "NewReleaseMessage", "PurgeReleaseMessage"
_ORIGIN = "ddex"
_LONGEST = 4000  # characters of terms that a statement quotes
_LONGEST_ID = 250


@dataclass(frozen=True, slots=True)
class OfRelease:
    """What a message says of one release, by the recordings on it. ``main``: the release it came with."""

    key: str
    main: str
    said: Mapping[str, Evidence]


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
    created = _moment(header.created)
    sha256 = hashlib.sha256(content).hexdigest()
    ours = any(_same(name) in names for name in header.recipients)
    prefix = "" if ours else NOT_FOR_US
    if kind == PURGE:
        keys = [f"{prefix}{_of_sender(header)}|{each}" for each in _purged(root)]
        gone = tuple(OfRelease(key, key, {}) for key in dict.fromkeys(keys))
        return Spoken(sha256, header.id, created, gone, ())
    message = message_of(root)
    deals = deals_of(root, sent=_day(created))
    keys_of = _keys(message, f"{prefix}{_of_sender(header)}")
    releases, files = [], []
    for release in message.releases:
        key, main = keys_of[release.reference]
        of_release = {
            what: _evidence(each, header, created, sha256, ours=ours)
            for what, each in _grants(message, release, deals, keys_of).items()
        }
        releases.append(OfRelease(key, main, of_release))
        files += [Named(file, key, what) for what, file in _files(message, release)]
    return Spoken(sha256, header.id, created, tuple(releases), tuple(files))


def problems_in(root: Any) -> tuple[Problem, ...]:
    """Return what in a message's deals makes no sense, and was not taken."""
    stated = header_of(root).created
    created = _moment(stated)
    deals = deals_of(root, sent=_day(created))
    if created or not any(deals.of.values()):
        return deals.problems
    why = "is no time: which of several messages holds cannot be told, so its deals are not taken"
    return (Problem("MessageCreatedDateTime", stated[:100], why), *deals.problems)


def names_of(recipients: Iterable[str]) -> frozenset[str]:
    """Return ids and names as they are compared: without regard to case, spaces and hyphens."""
    return frozenset(name for each in recipients if (name := _same(each)))


def _same(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _of_sender(header: Header) -> str:
    return _short(header.senders[0] if header.senders else "unknown")


def _purged(root: Any) -> list[str]:
    found = (each for release in elements(root, "PurgedRelease") for each in elements(release, "ReleaseId"))
    return [_release_id(*_ids(each)) for each in found if any(_ids(each))]


def _ids(release_id: Any) -> tuple[str, str, str]:
    others = [
        f"{each.get('Namespace', '')}:{content_of(each)}" for each in elements(release_id, "ProprietaryId")
    ]
    other = text_of(release_id, "GRid") or next(iter(others), "")
    return text_of(release_id, "ICPN"), other, text_of(release_id, "ISRC")


def _release_id(icpn: str, other: str, isrc: str) -> str:
    return _short(f"icpn:{icpn.lstrip('0')}" if icpn else other or f"isrc:{_code(isrc)}")


def _keys(message: Message, sender: str) -> dict[str, tuple[str, str]]:
    """Return a key for each release by its reference, and that of the release that it is a track of."""
    mains = [release for release in message.releases if not release.of_track]
    found: dict[str, tuple[str, str]] = {}
    for release in mains:
        known = any((release.icpn, release.other_id, release.isrc))
        own = _release_id(release.icpn, release.other_id, release.isrc) if known else _short(release.title)
        found[release.reference] = (f"{sender}|{own}", f"{sender}|{own}")
    for release in message.releases:
        if release.of_track:
            on = {place.resource for place in release.places}
            main = next((each for each in mains if on & {place.resource for place in each.places}), None)
            own = _track_id(message, release)
            key = f"{sender}|{own}"
            found[release.reference] = (key, found[main.reference][1] if main else key)
    return found


def _track_id(message: Message, release: Release) -> str:
    if any((release.icpn, release.other_id, release.isrc)):
        return _release_id(release.icpn, release.other_id, release.isrc)
    recordings = (message.recordings.get(place.resource) for place in release.places)
    isrc = next(
        (code for each in recordings if each for edition in each.editions for code in edition.isrcs), ""
    )
    return _release_id("", "", isrc or release.reference)


def _grants(
    message: Message, release: Release, deals: Deals, keys_of: Mapping[str, tuple[str, str]]
) -> dict[str, list[Grant]]:
    """Return what the deals of a release grant, by recording. Taken down, it takes its tracks with it."""
    own = deals.of.get(release.reference, ())
    main = keys_of[release.reference][1]
    above = [
        deal
        for reference, found in deals.of.items()
        if reference != release.reference and keys_of.get(reference, ("", ""))[0] == main
        for deal in found
        if deal.takedown
    ]
    alone = len({place.resource for place in release.places}) == 1
    found: dict[str, list[Grant]] = {}
    for place in release.places:
        if recording := message.recordings.get(place.resource):
            here = [deal for deal in own if not deal.resources or place.resource in deal.resources]
            grants = grants_of([*here, *above], alone=alone)
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


def _evidence(grants: Iterable[Grant], header: Header, created: str, sha256: str, *, ours: bool) -> Evidence:
    found = list(dict.fromkeys(grants))
    if not found or not created:
        return Evidence()
    shown = f"DDEX message {header.id or 'without an id'} of {created}"
    if not ours:
        to = ", ".join(header.recipients) or "nobody by name"
        text = "A label's delivery is addressed to somebody else than this archive: its deals are with them."
        terms = "\n".join(_quoted(grant) for grant in found)
        return Evidence(questions=(Question(text, (), f"{shown}, to {to}:\n{terms}"[:_LONGEST], _ORIGIN),))
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


def _moment(text: str) -> str:
    """Return a time in UTC, to the second; empty if it is none. Without a zone it is taken as UTC."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        # Not strftime: it writes years before 1000 with fewer digits.
        return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"
    except (ValueError, OverflowError):
        return ""
