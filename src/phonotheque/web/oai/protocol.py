"""OAI-PMH 2.0 (openarchives.org/OAI/2.0/openarchivesprotocol.htm): answers to checked questions, as XML."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final
from xml.etree import ElementTree

from phonotheque.catalogue.lookup import Catalogue
from phonotheque.vault.archive import Archive
from phonotheque.web.oai import kept
from phonotheque.web.oai.asking import (
    PREFIX,
    URN,
    Code,
    OaiError,
    Question,
    Verb,
    edition_of,
    interval,
    recording_of,
)
from phonotheque.web.oai.dublin_core import OAI_DC, SCHEMA, XSI, describe, files_of, seen
from phonotheque.web.oai.kept import Asked, Record
from phonotheque.web.oai.records import Records
from phonotheque.web.oai.tokens import VALID, Place, read_token, write_token
from phonotheque.web.xml import add, written

OAI: Final = "http://www.openarchives.org/OAI/2.0/"
_XSD: Final = "http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd"
_AT_ONCE: Final = {Verb.IDENTIFIERS: 1000, Verb.RECORDS: 100}
_NO_ADDRESS: Final = "no-address-is-set@archive.invalid"  # RFC 2606 §2: it says itself that it is none


@dataclass(frozen=True, slots=True)
class Repository:
    """What is harvested. ``site`` is its address with the last slash, ``contact`` an e-mail address or “”."""

    archive: Archive
    records: Records
    catalogue: Catalogue | None
    editions: tuple[int, ...]
    site: str
    contact: str
    today: date

    @property
    def base(self) -> str:
        """The base URL of requests."""
        return f"{self.site}oai"

    @property
    def name(self) -> str:
        """What the archive is called."""
        return self.archive.settings.archive.name or "Phonotheque"


def answer(repository: Repository, question: Question) -> bytes:
    """Return the answer to a question. Raises NotReadyError while the records are made."""
    with repository.records.reading() as (opened, at):
        root = _document(at)
        request = add(root, "request", repository.base)
        try:
            arguments = {"verb": question.verb.value, **question.arguments}
            answered = _ANSWERS[question.verb](repository, question, opened, at)
            for name, value in arguments.items():
                request.set(name, value)
            root.append(answered.element)
        except OaiError as error:
            if error.code is not Code.BAD_ARGUMENT:
                for name, value in arguments.items():
                    request.set(name, value)
            add(root, "error", error.words, code=error.code.value)
            return written(root)
    # The records are let go of: what follows takes longer, and asks the catalogue.
    if answered.records:
        _fill(repository, answered)
    return written(root)


def refusal(repository: Repository, error: OaiError) -> bytes:
    """Return the answer to what is no question (badVerb, badArgument)."""
    root = _document(int(datetime.now(UTC).timestamp()))
    add(root, "request", repository.base)
    add(root, "error", error.words, code=error.code.value)
    return written(root)


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer, and the records in it whose descriptions are still to be added, by element."""

    element: ElementTree.Element
    records: Mapping[Record, ElementTree.Element]


def _document(at: int) -> ElementTree.Element:
    # Prefixes are written out: the library keeps those that it is told for everything that it writes.
    spaces = {"xmlns": OAI, "xmlns:xsi": XSI, "xsi:schemaLocation": f"{OAI} {_XSD}"}
    root = ElementTree.Element("OAI-PMH", spaces)
    add(root, "responseDate", moment(at))
    return root


def moment(at: int) -> str:
    """Return a time as OAI-PMH writes it."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _identify(
    repository: Repository, _question: Question, opened: sqlite3.Connection | None, at: int
) -> _Answer:
    element = ElementTree.Element("Identify")
    first = kept.earliest(opened) if opened else None
    for name, text in (
        ("repositoryName", repository.name),
        ("baseURL", repository.base),
        ("protocolVersion", "2.0"),
        ("adminEmail", repository.contact or _NO_ADDRESS),
        ("earliestDatestamp", moment(at if first is None else first)),
        ("deletedRecord", "persistent"),
        ("granularity", "YYYY-MM-DDThh:mm:ssZ"),
        ("compression", "gzip"),
    ):
        add(element, name, text)
    return _Answer(element, {})


def _formats(
    _repository: Repository, question: Question, opened: sqlite3.Connection | None, _at: int
) -> _Answer:
    if "identifier" in question.arguments:
        _known(question, opened)
    element = ElementTree.Element("ListMetadataFormats")
    one = add(element, "metadataFormat")
    for name, text in (("metadataPrefix", PREFIX), ("schema", SCHEMA), ("metadataNamespace", OAI_DC)):
        add(one, name, text)
    return _Answer(element, {})


def _sets(
    repository: Repository, question: Question, _opened: sqlite3.Connection | None, _at: int
) -> _Answer:
    if "resumptionToken" in question.arguments:
        raise OaiError(Code.BAD_TOKEN, "All sets are named at once.")
    element = ElementTree.Element("ListSets")
    for number in repository.editions or (1,):
        one = add(element, "set")
        add(one, "setSpec", f"edition-{number}")
        add(one, "setName", f"What edition {number} brought")
    return _Answer(element, {})


def _record(
    _repository: Repository, question: Question, opened: sqlite3.Connection | None, _at: int
) -> _Answer:
    record = _known(question, opened)
    element = ElementTree.Element("GetRecord")
    one = add(element, "record")
    _header(one, record)
    return _Answer(element, {} if record.deleted else {record: one})


def _known(question: Question, opened: sqlite3.Connection | None) -> Record:
    uuid = recording_of(question.arguments["identifier"])
    record = kept.one(opened, uuid) if opened else None
    if record is None:
        raise OaiError(Code.NO_ID, "No recording of that identifier was ever published here.")
    return record


def _list(repository: Repository, question: Question, opened: sqlite3.Connection | None, at: int) -> _Answer:
    verb, arguments = question.verb, question.arguments
    key = bytes.fromhex(kept.state(opened, "key") or "") if opened else b""
    place: Place | None = None
    if "resumptionToken" in arguments:
        place = read_token(arguments["resumptionToken"], key, verb, at)
        asked = place.asked
    else:
        since, until = interval(arguments)
        asked = Asked(since, until, edition_of(arguments["set"]) if "set" in arguments else None)
    most = _AT_ONCE[verb]
    after = place.after if place else None
    found = kept.listed(opened, asked, after, most + 1) if opened else []
    if not found and place is None:
        raise OaiError(Code.NONE_MATCH, "Nothing was published, changed or taken back then and there.")
    element = ElementTree.Element(verb.value)
    described: dict[Record, ElementTree.Element] = {}
    for record in found[:most]:
        if verb is Verb.IDENTIFIERS:
            _header(element, record)
            continue
        one = add(element, "record")
        _header(one, record)
        if not record.deleted:
            described[record] = one
    _go_on(element, verb, asked, found, place, at, key)
    return _Answer(element, described)


def _go_on(
    element: ElementTree.Element,
    verb: Verb,
    asked: Asked,
    found: list[Record],
    place: Place | None,
    at: int,
    key: bytes,
) -> None:
    """Add the token that goes on from here; an empty one ends what was given in parts (§3.5)."""
    most, given = _AT_ONCE[verb], place.given if place else 0
    if len(found) > most:
        last = found[most - 1]
        token = write_token(Place(verb, asked, (last.stamp, last.id), given + most, at), key)
        add(element, "resumptionToken", token, cursor=str(given), expirationDate=moment(at + VALID))
    elif place is not None:
        add(element, "resumptionToken", cursor=str(given))


def _header(parent: ElementTree.Element, record: Record) -> None:
    header = add(parent, "header", **({"status": "deleted"} if record.deleted else {}))
    add(header, "identifier", f"{URN}{record.id}")
    add(header, "datestamp", moment(record.stamp))
    if record.edition:
        add(header, "setSpec", f"edition-{record.edition}")


def _fill(repository: Repository, answered: _Answer) -> None:
    views = seen(repository.catalogue, answered.records)
    files = files_of(repository.archive, views.values(), repository.today)
    for record, element in answered.records.items():
        metadata = add(element, "metadata")
        describe(metadata, record, views.get(record), files, repository.name, repository.site)


_ANSWERS: Final = {
    Verb.IDENTIFY: _identify,
    Verb.FORMATS: _formats,
    Verb.SETS: _sets,
    Verb.IDENTIFIERS: _list,
    Verb.RECORDS: _list,
    Verb.RECORD: _record,
}
