"""A NewReleaseMessage of DDEX' Electronic Release Notification (ERN 3.8 and 4.x) as values.

Elements are found by their names without namespace, so that every version is read by the same rules. What ERN
3.8 says in ``…DetailsByTerritory``, ERN 4 says in the element itself, and 4.3 partly in
``SoundRecordingEdition``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from phonotheque.sources.ddex_elements import content_of, elements, ids_of, text_of
from phonotheque.sources.small_files import local_name

_PLAYED = (
    "SoundRecording",
    "Video",
)  # resources that take a place on a release; pictures and texts take none
_TRACK_RELEASES = ("TrackRelease", "VideoTrackRelease", "ClipRelease")
_ROLES = {"": 0, "MainArtist": 0, "Artist": 0, "FeaturedArtist": 1}
_DISCS = (
    None,
    "Component",
    "ComponentRelease",
    "ReleaseComponent",
)  # types of groups; others are works, sides
_DATES = ("OriginalReleaseDate", "ReleaseDate", "GlobalOriginalReleaseDate", "GlobalReleaseDate")
_RESOURCE_DATES = ("FirstPublicationDate", "OriginalResourceReleaseDate", "ResourceReleaseDate")


@dataclass(frozen=True, slots=True)
class Delivered:
    """A file that the message names, relative to it, with the checksums given, by algorithm."""

    name: str
    sums: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Edition:
    """One form of a recording: its codes, its files, the year of its ℗ line."""

    isrcs: tuple[str, ...]
    files: tuple[Delivered, ...]
    year: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A SoundRecording. ``supplemental``: not delivered, only named as part of another one."""

    reference: str
    title: str
    credit: str
    artists: tuple[str, ...]
    composers: tuple[str, ...]
    duration: str
    label: str
    genres: tuple[str, ...]
    date: str
    editions: tuple[Edition, ...]
    supplemental: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a resource stands on a release."""

    resource: str
    disc: int | None
    number: int | None


@dataclass(frozen=True, slots=True)
class Release:
    """A release, or (``of_track``) what is only said of one track of another release."""

    reference: str
    of_track: bool
    types: tuple[str, ...]
    title: str
    credit: str
    artists: tuple[str, ...]
    icpn: str
    other_id: str
    isrc: str
    ids: tuple[tuple[str, str], ...]  # all of these, as ids_of() gives them
    catalogue_number: str
    label: str
    genres: tuple[str, ...]
    date: str
    year: str  # of its ℗ or © line
    places: tuple[Place, ...]


@dataclass(frozen=True, slots=True)
class Header:
    """Who sent a message to whom, by ids and names, and when it was made: as it says."""

    id: str
    senders: tuple[str, ...]
    recipients: tuple[str, ...]
    created: str


@dataclass(frozen=True, slots=True)
class Message:
    """What a message says of music; what it says of rights is read by sources/ddex_deals.py."""

    header: Header
    resources: frozenset[str]  # references of all of them
    recordings: dict[str, Recording]
    releases: tuple[Release, ...]


def message_of(root: Any) -> Message:
    """Return the message whose root element this is."""
    parties = {
        text_of(party, "PartyReference"): _party_name(party) for party in elements(root, "PartyList", "Party")
    }
    kinds, recordings = {}, {}
    for resource in (element for found in elements(root, "ResourceList") for element in found):
        reference = text_of(resource, "ResourceReference")
        if not reference:
            continue
        kinds[reference] = local_name(resource)
        if local_name(resource) == "SoundRecording":
            recordings[reference] = _recording(resource, reference, parties)
    releases = tuple(
        _release(element, parties, kinds)
        for found in elements(root, "ReleaseList")
        for element in found
        if local_name(element) in ("Release", *_TRACK_RELEASES)
    )
    return Message(header_of(root), frozenset(kinds), recordings, releases)


def header_of(root: Any) -> Header:
    """Return the header of any message."""

    def parties(role: str) -> tuple[str, ...]:
        found = list(elements(root, "MessageHeader", role))
        ids = [content_of(each) for party in found for each in elements(party, "PartyId")]
        return tuple(dict.fromkeys(filter(None, [*ids, *(_party_name(party) for party in found)])))

    header = ("MessageHeader", "MessageCreatedDateTime")
    message_id = text_of(root, "MessageHeader", "MessageId")
    return Header(message_id, parties("MessageSender"), parties("MessageRecipient"), text_of(root, *header))


def _recording(element: Any, reference: str, parties: dict[str, str]) -> Recording:
    scopes = _scopes(element)
    artists, composing = _artists(scopes, parties)
    editions = [child for child in element if local_name(child) == "SoundRecordingEdition"]
    return Recording(
        reference=reference,
        title=_title(scopes),
        credit=_default(scopes, "DisplayArtistName"),
        artists=artists,
        composers=tuple(dict.fromkeys([*composing, *_contributors(scopes, parties)])),
        duration=text_of(element, "Duration"),
        label=_first(scopes, "LabelName"),
        genres=_genres(scopes),
        date=next((date for name in _RESOURCE_DATES if (date := _first(scopes, name))), ""),
        editions=tuple(_edition([edition, *scopes]) for edition in editions) or (_edition(scopes),),
        supplemental=element.get("IsSupplemental") == "true",
    )


def _edition(scopes: list[Any]) -> Edition:
    isrcs = [
        content_of(code)
        for scope in scopes
        for name in ("ResourceId", "SoundRecordingId")
        for code in elements(scope, name, "ISRC")
    ]
    files = [
        delivered
        for scope in scopes
        for details in scope
        if local_name(details) in ("TechnicalDetails", "TechnicalSoundRecordingDetails")
        and text_of(details, "IsPreview") != "true"
        for file in details.iter("{*}File")
        if (delivered := _delivered(file))
    ]
    return Edition(tuple(dict.fromkeys(filter(None, isrcs))), tuple(files), _first(scopes, "PLine", "Year"))


def _delivered(file: Any) -> Delivered | None:
    """Return a file from ERN 4's URI, or ERN 3.8's FilePath and FileName."""
    name = text_of(file, "URI") or text_of(file, "URL") or text_of(file, "FileName")
    folder = text_of(file, "FilePath")
    if not name:
        return None
    if folder and not text_of(file, "URI"):
        name = f"{folder.rstrip('/')}/{name}"
    sums = [
        (
            text_of(given, "Algorithm") or text_of(given, "HashSumAlgorithmType") or "no named method",
            text_of(given, "HashSumValue") or text_of(given, "HashSum"),
        )
        for given in elements(file, "HashSum")
    ]
    return Delivered(name, tuple((algorithm, value) for algorithm, value in sums if value))


def _release(element: Any, parties: dict[str, str], kinds: dict[str, str]) -> Release:
    scopes = _scopes(element)
    types = tuple(content_of(found) for scope in scopes for found in elements(scope, "ReleaseType"))
    artists, _ = _artists(scopes, parties)
    ids = [found for scope in scopes for found in elements(scope, "ReleaseId")]
    every = ids_of(ids)
    return Release(
        reference=text_of(element, "ReleaseReference"),
        of_track=local_name(element) in _TRACK_RELEASES or any(kind in _TRACK_RELEASES for kind in types),
        types=types,
        title=_title(scopes),
        credit=_default(scopes, "DisplayArtistName"),
        artists=artists,
        icpn=_first(ids, "ICPN"),
        other_id=next((value for kind, value in every if kind == "other"), ""),
        isrc=_first(ids, "ISRC"),
        ids=every,
        catalogue_number=_first(ids, "CatalogNumber"),
        label=_first(scopes, "LabelName") or parties.get(_default(scopes, "ReleaseLabelReference"), ""),
        genres=_genres(scopes),
        date=next((date for name in _DATES if (date := _first(scopes, name))), ""),
        year=_first(scopes, "PLine", "Year") or _first(scopes, "CLine", "Year"),
        places=tuple(_places(scopes, kinds)),
    )


def _places(scopes: list[Any], kinds: dict[str, str]) -> list[Place]:
    """Return the resources of a release in order, with their places, from its groups or its plain list."""
    groups = [group for scope in scopes for group in elements(scope, "ResourceGroup")]
    if groups:
        return [place for group in groups for place in _of_group(group, kinds)]
    references = [
        *(found for scope in scopes for found in elements(scope, "ReleaseResourceReference")),
        *(
            found
            for scope in scopes
            for found in elements(scope, "ReleaseResourceReferenceList", "ReleaseResourceReference")
            if found.get("ReleaseResourceType", "PrimaryResource") == "PrimaryResource"
        ),
    ]
    names = dict.fromkeys(content_of(found) for found in references)
    played = [name for name in names if kinds.get(name, _PLAYED[0]) in _PLAYED]
    return [Place(name, None, number) for number, name in enumerate(played, start=1)]


def _of_group(root: Any, kinds: dict[str, str]) -> Iterator[Place]:
    """Take a release's group apart: groups directly in it are discs, unless their type says otherwise."""
    discs = [group for group in elements(root, "ResourceGroup") if group.get("ResourceGroupType") in _DISCS]
    for order, group in enumerate(_in_sequence(discs), start=1):
        yield from _of_disc(group, _sequence(group) or order, kinds)
    yield from _of_disc(root, None, kinds, without=discs)


def _of_disc(
    group: Any, disc: int | None, kinds: dict[str, str], without: list[Any] | None = None
) -> Iterator[Place]:
    items = [
        (name, number)
        for name, number in _items(group, without or [])
        if kinds.get(name, _PLAYED[0]) in _PLAYED
    ]
    direct = all(local_name(child) != "ResourceGroup" or child in (without or []) for child in group)
    numbers = [number for _, number in items]
    # Numbers within a work begin again at 1: then only the order counts.
    given = direct and None not in numbers and len(set(numbers)) == len(numbers)
    for order, (name, number) in enumerate(items, start=1):
        yield Place(name, disc, number if given else order)


def _items(group: Any, without: list[Any]) -> Iterator[tuple[str, int | None]]:
    members = [
        child
        for child in group
        if local_name(child) in ("ResourceGroup", "ResourceGroupContentItem") and child not in without
    ]
    for member in _in_sequence(members):
        if local_name(member) == "ResourceGroup":
            yield from _items(member, without)
        elif name := text_of(member, "ReleaseResourceReference"):
            yield name, _sequence(member)


def _in_sequence(elements: list[Any]) -> list[Any]:
    """Sort by SequenceNumber if every element has one; else they stay in the order of the text."""
    if any(_sequence(element) is None for element in elements):
        return elements
    return sorted(elements, key=lambda element: _sequence(element) or 0)


def _sequence(element: Any) -> int | None:
    return _number(text_of(element, "SequenceNumber"))


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 8 else None


def _artists(scopes: list[Any], parties: dict[str, str]) -> tuple[tuple[str, ...], list[str]]:
    """Return the displayed artists, the main ones first, and those displayed as composers."""
    found: list[tuple[int, int, int, str]] = []
    composing = []
    for order, artist in enumerate(
        element for scope in scopes for element in elements(scope, "DisplayArtist")
    ):
        name = parties.get(text_of(artist, "ArtistPartyReference")) or _party_name(artist)
        role = text_of(artist, "DisplayArtistRole") or text_of(artist, "ArtistRole")
        if role.startswith("Composer"):
            composing.append(name)
        else:
            sequence = _number(artist.get("SequenceNumber"))
            found.append((_ROLES.get(role, 2), order if sequence is None else sequence, order, name))
    shown = dict.fromkeys(name for *_, name in sorted(found) if name)
    return tuple(shown), [name for name in composing if name]


def _contributors(scopes: list[Any], parties: dict[str, str]) -> Iterator[str]:
    """Yield the composers among the contributors."""
    for scope in scopes:
        for element in scope:
            if not local_name(element).endswith("Contributor"):  # Contributor, IndirectResourceContributor …
                continue
            roles = [content_of(child) for child in element if local_name(child).endswith("Role")]
            name = parties.get(text_of(element, "ContributorPartyReference")) or _party_name(element)
            if name and any(role.startswith("Composer") for role in roles):
                yield name


def _party_name(element: Any) -> str:
    """Return the first name of a party: as displayed, as traded, or put together from its parts."""
    for name in elements(element, "PartyName"):
        parts = f"{text_of(name, 'NamesBeforeKeyName')} {text_of(name, 'KeyName')}".strip()
        if shown := text_of(name, "FullName") or text_of(name, "TradingName") or parts:
            return shown
    return text_of(element, "TradingName")


def _title(scopes: list[Any]) -> str:
    if shown := _default(scopes, "DisplayTitleText"):
        return shown
    titles = [title for scope in scopes for title in elements(scope, "Title")]
    displayed = [title for title in titles if title.get("TitleType") == "DisplayTitle"]
    given = [title for scope in scopes for title in elements(scope, "DisplayTitle")]
    reference = [title for scope in scopes for title in elements(scope, "ReferenceTitle")]
    for title in (*_default_first(given), *displayed, *reference, *titles):
        subtitles = [f" ({text})" for sub in elements(title, "SubTitle") if (text := content_of(sub))]
        if text := text_of(title, "TitleText"):
            return text + "".join(subtitles)
    return ""


def _genres(scopes: list[Any]) -> tuple[str, ...]:
    genres = [
        text
        for scope in scopes
        for genre in elements(scope, "Genre")
        for text in (text_of(genre, "GenreText"), text_of(genre, "SubGenre"))
    ]
    return tuple(dict.fromkeys(filter(None, genres)))


def _scopes(element: Any) -> list[Any]:
    """Return what speaks of this element: itself, and what ERN 3.8 says of it worldwide, else first."""
    details = [child for child in element if local_name(child).endswith("DetailsByTerritory")]
    worldwide = [each for each in details if text_of(each, "TerritoryCode") == "Worldwide"]
    return [element, *(worldwide or details)[:1]]


def _default(scopes: list[Any], name: str) -> str:
    """Return the text that is marked as the default, else the first."""
    found = [element for scope in scopes for element in elements(scope, name)]
    return next((text for element in _default_first(found) if (text := content_of(element))), "")


def _default_first(elements: list[Any]) -> list[Any]:
    return sorted(elements, key=lambda element: element.get("IsDefault") != "true")


def _first(scopes: list[Any], *path: str) -> str:
    return next((text for scope in scopes if (text := text_of(scope, *path))), "")
