"""A folder of DDEX deliveries: which message holds for each release, and what that says of which files.

Each message replaces what earlier ones said of its releases (ERN, “Life cycle changes”): the one made last
holds, in whatever order they come in. Messages are kept as evidence.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import Connection

from phonotheque.ledger.agreements import (
    SAME,
    Delivered,
    deliveries_of,
    files_under,
    record_delivery,
    releases_with,
    same_releases,
)
from phonotheque.ledger.events import record_event
from phonotheque.ledger.statements import record_evidence
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.rights import Evidence, Question
from phonotheque.sources.cutting import BrokenFileError
from phonotheque.sources.ddex import find_delivered
from phonotheque.sources.ddex_rights import NOT_FOR_US, OfRelease, Spoken, names_of, spoken
from phonotheque.sources.decide import redecide
from phonotheque.sources.folder import said
from phonotheque.sources.gather import Gather
from phonotheque.sources.granted import Basis, Granting, found_at
from phonotheque.sources.small_files import BadXmlError, find, parse_xml, read_given
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.evidence import keep_evidence, read_evidence

SOURCE = "ddex"
_UNDECIDED = (
    "Several messages of a label that were made at the same moment say different things of its release."
)


@dataclass(slots=True)
class _Folder:
    """The messages in a folder by their SHA-256, and where the files are that they name."""

    messages: dict[str, Spoken] = field(default_factory=dict)
    paths: dict[str, Path] = field(default_factory=dict)


def settle_deliveries(archive: Archive, location: Path, progress: Progress = QUIET) -> Granting:
    """Record what the messages in a folder say of files known already; return what they say of those in it.

    The archive's lock must be held. Messages that cannot be read are passed over: the source tells of them.
    Raises OSError when the archive's own disk fails.
    """
    names = names_of((*archive.settings.ddex.recipient, archive.settings.archive.name))
    folder = _Folder()
    progress.start("Reading deals")
    for path in find(location, lambda name: name.lower().endswith(".xml")):
        progress.advance(files=1)
        if message := _read(path, names):
            folder.messages[message.sha256], folder.paths[message.sha256] = message, path
            keep_evidence(archive, path, message.sha256)
    holding: dict[str, Mapping[str, Evidence]] = {}
    for some in batched(folder.messages.values(), IN_A_STATEMENT):
        with archive.ledger.begin() as ledger:
            _record(ledger, some)
        for key in dict.fromkeys(release.key for message in some for release in message.releases):
            holding[key] = {}
    at, messages = timestamp(now()), dict(folder.messages)
    with archive.ledger.begin() as ledger:
        _say_misses(ledger, folder.messages.values(), progress)
        for key in sorted(_affected(ledger, holding)):
            holding[key] = _holding(archive, ledger, key, messages, names)
            _apply(archive, ledger, key, holding[key], at)
        for key in holding:
            if (
                before := f"{NOT_FOR_US}{key}"
            ) not in holding:  # whoever it names is this archive, as it says now
                _apply(archive, ledger, before, {}, at)
    return Granting(SOURCE, dict(_bases(location, folder, holding)))


def _read(path: Path, names: frozenset[str]) -> Spoken | None:
    try:
        content = read_given(path)
        root, _ = parse_xml(content)
    except (BadXmlError, BrokenFileError):
        return None  # the source rejects it by its name, or says what to do
    return spoken(root, content, names)


def _record(ledger: Connection, messages: Iterable[Spoken]) -> None:
    at = timestamp(now())
    for message in messages:
        created = message.created or _received(ledger, message, at)
        for release in message.releases:
            of_all = {release.key: release.main} | dict.fromkeys(release.also, f"{SAME}{release.key}")
            for key, main in of_all.items():
                delivered = Delivered(key, message.sha256, main, message.id[:1000], created)
                record_delivery(ledger, delivered, at=at)


def _received(ledger: Connection, message: Spoken, at: str) -> str:
    """Return from when on a message holds that does not say when it was made.

    What it takes down is ended when it first comes in; it grants nothing, and is older than all others else.
    """
    if not any(release.down for release in message.releases):
        return ""
    known = deliveries_of(ledger, {release.key for release in message.releases})
    return next((each.created_at for each in known if each.message_sha256 == message.sha256), at)


def _affected(ledger: Connection, keys: Iterable[str]) -> set[str]:
    """Return releases that messages speak of, and every track that ever came with one of them."""
    mains = (main for key in keys for main in same_releases(ledger, [key]))
    return {each for main in mains for each in same_releases(ledger, releases_with(ledger, main))}


def _holding(
    archive: Archive,
    ledger: Connection,
    key: str,
    messages: dict[str, Spoken],
    names: frozenset[str],
) -> Mapping[str, Evidence]:
    """Return what the message made last says of a release, by recording; nothing if it leaves it out."""
    keys = same_releases(ledger, [key])
    about = deliveries_of(ledger, keys)
    mains = {each.main for each in about if not each.main.startswith(SAME)}
    about += deliveries_of(ledger, same_releases(ledger, mains) - keys)
    newest = max(each.created_at for each in about)
    last = list(dict.fromkeys(each.message_sha256 for each in about if each.created_at == newest))
    said_of = [_of(_message(archive, sha256, messages, names), keys) for sha256 in last]
    if all(each == said_of[0] for each in said_of[1:]):
        return said_of[0]
    text = f"Messages {', '.join(sha256[:12] for sha256 in last)} of {newest or 'no known time'}"
    question = Question(_UNDECIDED, (), text, SOURCE)
    return {what: Evidence(questions=(question,)) for each in said_of for what in each}


def _message(
    archive: Archive, sha256: str, messages: dict[str, Spoken], names: frozenset[str]
) -> Spoken | None:
    """Return a message of this folder, or of an earlier one, from the evidence that was kept."""
    if sha256 not in messages:
        content = read_evidence(archive, sha256)
        root, _ = parse_xml(content)
        if (kept := spoken(root, content, names)) is None:
            return None
        messages[sha256] = kept
    return messages[sha256]


def _of(message: Spoken | None, keys: Set[str]) -> Mapping[str, Evidence]:
    """Return what a message says of a release that is called by any of these."""
    releases: tuple[OfRelease, ...] = message.releases if message else ()
    return next(
        (release.said for release in releases if not keys.isdisjoint({release.key, *release.also})), {}
    )


def _say_misses(ledger: Connection, messages: Iterable[Spoken], progress: Progress) -> None:
    """Name what is taken down or purged, and was never delivered as far as is known."""
    for message in messages:
        missed: set[str] = set()
        for release in message.releases:
            granting = any(evidence.statements for evidence in release.said.values())
            if not release.down or granting or release.main in missed:
                continue
            about = deliveries_of(ledger, _affected(ledger, [release.key]))
            if all(each.message_sha256 == message.sha256 for each in about):
                missed.add(release.key)
                sender, _, name = release.key.partition("|")
                progress.say(
                    f"Message {message.id or message.sha256[:12]} of {sender} takes down {name}, of which no "
                    "other message is known here: it ends nothing. If a release is here under another id or "
                    "sender, phono withdraw takes its files back."
                )


def _apply(archive: Archive, ledger: Connection, key: str, holding: Mapping[str, Evidence], at: str) -> None:
    """Put what holds now in the place of what held for files that are known under a release."""
    basis = basis_of(key)
    files = files_under(ledger, basis)
    for file_id, what in files:
        record_evidence(ledger, file_id, holding.get(what, Evidence()), found_at=found_at(basis, what), at=at)
    if files:
        redecide(ledger, {file_id for file_id, _ in files}, archive.settings, at=at)
        record_event(
            ledger,
            at=at,
            kind="policy assignment",
            subject=basis,
            agent=archive.settings.archive.agent,
            detail={"files": len(files)},
        )


def basis_of(key: str) -> str:
    """Return how a release is named as what a file's rights rest on."""
    return f"{SOURCE}:{key}"


def _bases(
    location: Path, folder: _Folder, holding: Mapping[str, Mapping[str, Evidence]]
) -> Iterator[tuple[bytes, tuple[Basis, ...]]]:
    """Yield the files in a folder with what holds for them, whichever message names them."""
    root = location.resolve()
    found: dict[bytes, dict[tuple[str, str], Basis]] = {}
    for sha256, message in folder.messages.items():
        gather = Gather(SOURCE, "", said(folder.paths[sha256]))  # what it rejects is told by the source
        for named in message.files:
            path = find_delivered(named.file.name, root, folder.paths[sha256].parent.resolve(), gather)
            if path is None:
                continue
            evidence = holding.get(named.release, {}).get(named.what, Evidence())
            sums = tuple((_plain(algorithm), value.strip().lower()) for algorithm, value in named.file.sums)
            basis = Basis(basis_of(named.release), named.what, evidence, sums)
            found.setdefault(os.fsencode(path), {})[basis.key, basis.what] = basis
    for place, bases in found.items():
        yield place, tuple(bases.values())


def _plain(algorithm: str) -> str:
    return algorithm.lower().replace("-", "").replace("_", "")
