"""What a harvester asks for, checked as OAI-PMH 2.0 demands; what is wrong is one of its errors (§3.6)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import parse_qsl
from uuid import UUID

PREFIX: Final = "oai_dc"
URN: Final = "urn:uuid:"
_MOST: Final = 20  # arguments
_LONGEST: Final = 2_000  # characters of a value
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SECOND: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_SET: Final = re.compile(r"edition-([1-9][0-9]{0,8})")


class Code(StrEnum):
    """The errors of the specification that there can be here."""

    BAD_ARGUMENT = "badArgument"
    BAD_TOKEN = "badResumptionToken"  # noqa: S105
    BAD_VERB = "badVerb"
    NO_FORMAT = "cannotDisseminateFormat"
    NO_ID = "idDoesNotExist"
    NONE_MATCH = "noRecordsMatch"


class OaiError(Exception):
    """One of the errors, in words."""

    def __init__(self, code: Code, words: str) -> None:
        super().__init__(words)
        self.code, self.words = code, words


class Verb(StrEnum):
    """What can be asked."""

    IDENTIFY = "Identify"
    FORMATS = "ListMetadataFormats"
    SETS = "ListSets"
    IDENTIFIERS = "ListIdentifiers"
    RECORDS = "ListRecords"
    RECORD = "GetRecord"


LISTS: Final = frozenset({"from", "until", "set", "metadataPrefix", "resumptionToken"})
_ARGUMENTS: Final[Mapping[Verb, frozenset[str]]] = {
    Verb.IDENTIFY: frozenset(),
    Verb.FORMATS: frozenset({"identifier"}),
    Verb.SETS: frozenset({"resumptionToken"}),
    Verb.IDENTIFIERS: LISTS,
    Verb.RECORDS: LISTS,
    Verb.RECORD: frozenset({"identifier", "metadataPrefix"}),
}


@dataclass(frozen=True, slots=True)
class Question:
    """A request: its verb and its arguments, each there once and known."""

    verb: Verb
    arguments: Mapping[str, str]


def read_question(query: str) -> Question:
    """Read a query or the body of a form."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST, errors="strict")
    except ValueError as error:
        raise OaiError(Code.BAD_ARGUMENT, "The arguments cannot be read as a form in UTF-8.") from error
    verbs = [value for name, value in pairs if name == "verb"]
    if len(verbs) != 1 or verbs[0] not in set(Verb):
        raise OaiError(Code.BAD_VERB, f"Give one verb of: {', '.join(Verb)}.")
    verb = Verb(verbs[0])
    arguments = [(name, value) for name, value in pairs if name != "verb"]
    known = _ARGUMENTS[verb]
    for name, times in Counter(name for name, _ in arguments).items():
        if name not in known:
            raise OaiError(Code.BAD_ARGUMENT, f"{verb} has no argument “{name[:60]}”.")
        if times > 1:
            raise OaiError(Code.BAD_ARGUMENT, f"The argument {name} is given {times} times.")
    found = dict(arguments)
    for name, value in found.items():
        if not value or len(value) > _LONGEST:
            raise OaiError(Code.BAD_ARGUMENT, f"The argument {name} is empty or too long.")
    _check(verb, found)
    return Question(verb, found)


def _check(verb: Verb, found: Mapping[str, str]) -> None:
    if "resumptionToken" in found:
        if len(found) > 1:
            raise OaiError(Code.BAD_ARGUMENT, "resumptionToken is given alone: all else is in it.")
        return
    if verb is Verb.RECORD and "identifier" not in found:
        raise OaiError(Code.BAD_ARGUMENT, "GetRecord demands an identifier.")
    if verb in (Verb.IDENTIFIERS, Verb.RECORDS, Verb.RECORD):
        if "metadataPrefix" not in found:
            raise OaiError(Code.BAD_ARGUMENT, f"{verb} demands a metadataPrefix.")
        if found["metadataPrefix"] != PREFIX:
            raise OaiError(Code.NO_FORMAT, f"There is only {PREFIX} here.")


def interval(found: Mapping[str, str]) -> tuple[int | None, int | None]:
    """Return what ``from`` and ``until`` mean, in seconds since 1970, both included."""
    texts = [found[name] for name in ("from", "until") if name in found]
    if len({len(text) for text in texts}) > 1:
        raise OaiError(Code.BAD_ARGUMENT, "from and until must be equally precise.")
    since = _moment("from", found["from"], end=False) if "from" in found else None
    until = _moment("until", found["until"], end=True) if "until" in found else None
    if since is not None and until is not None and since > until:
        raise OaiError(Code.BAD_ARGUMENT, "from is later than until.")
    return since, until


def _moment(name: str, text: str, *, end: bool) -> int:
    day = bool(_DAY.fullmatch(text))
    try:
        if not day and not _SECOND.fullmatch(text):
            raise ValueError
        moment = datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)
        if day and end:
            moment += timedelta(days=1, seconds=-1)
    except (ValueError, OverflowError) as error:
        words = f"{name} must be like 2026-11-21 or 2026-11-21T10:15:00Z."
        raise OaiError(Code.BAD_ARGUMENT, words) from error
    return int(moment.timestamp())


def edition_of(name: str) -> int:
    """Return the edition that a set is."""
    match = _SET.fullmatch(name)
    if match is None:
        raise OaiError(Code.NONE_MATCH, "There is no such set: ListSets names all there are.")
    return int(match[1])


def recording_of(identifier: str) -> UUID:
    """Return the recording that an identifier names."""
    text = identifier.removeprefix(URN)
    try:
        uuid = UUID(text)
    except ValueError:
        uuid = None
    if uuid is None or f"{URN}{uuid}" != identifier:
        raise OaiError(Code.NO_ID, f"Identifiers here are like {URN}5f0c1f5e-6d0a-4c57-9d5e-0c8f6a1b2c3d.")
    return uuid
