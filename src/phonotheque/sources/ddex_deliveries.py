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
_AT_ONCE = 50  # messages recorded in one go
_IN_MEMORY = 100  # messages: more than an album's tracks are usually spread over
_NOTHING = Evidence()
_UNDECIDED = (
    "Several messages of a label that were made at the same moment say different things of its release."
)


@dataclass(frozen=True, slots=True)
class _There:
    """A file that lies there, and what a message calls it."""

    path: bytes
    release: str
    what: str
    sums: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Down:
    """A release that a message takes down, and leaves nothing of."""

    message_sha256: str
    message_id: str
    key: str
    main: str


@dataclass(slots=True)
class _Folder:
    """What is remembered of the messages in a folder, which may be many: they are read again when needed."""

    keys: dict[str, None] = field(default_factory=dict)  # of the releases that they speak of
    there: list[_There] = field(default_factory=list)
    down: list[_Down] = field(default_factory=list)


class _Messages:
    """Messages that were kept as evidence, the last few of them in memory."""

    def __init__(self, archive: Archive, names: frozenset[str]) -> None:
        self._archive, self._names = archive, names
        self._last: dict[str, Spoken | None] = {}

    def get(self, sha256: str) -> Spoken | None:
        """Return what a message says; None if it says nothing of rights, as it is read now."""
        if sha256 not in self._last:
            content = read_evidence(self._archive, sha256)
            root, _ = parse_xml(content)
            if len(self._last) >= _IN_MEMORY:
                del self._last[next(iter(self._last))]
            self._last[sha256] = spoken(root, content, self._names)
        return self._last[sha256]


def settle_deliveries(archive: Archive, location: Path, progress: Progress = QUIET) -> Granting:
    """Record what the messages in a folder say of files known already; return what they say of those in it.

    The archive's lock must be held. Messages that cannot be read are passed over: the source tells of them.
    Raises OSError when the archive's own disk fails, VerificationError when a message changes meanwhile.
    """
    names = names_of((*archive.settings.ddex.recipient, archive.settings.archive.name))
    folder, root = _Folder(), location.resolve()
    progress.start("Reading deals")
    for paths in batched(find(location, lambda name: name.lower().endswith(".xml")), _AT_ONCE):
        found = [(path, message) for path in paths if (message := _read(path, names))]
        for path, message in found:
            keep_evidence(archive, path, message.sha256)
            _remember(folder, message, path, root)
        with archive.ledger.begin() as ledger:
            _record(ledger, [message for _, message in found])
        progress.advance(files=len(paths))
    wanted: dict[str, set[str]] = {}
    for each in folder.there:
        wanted.setdefault(each.release, set()).add(each.what)
    with archive.ledger.connect() as ledger:
        _say_misses(ledger, folder.down, progress)
        affected = dict.fromkeys(each for key in folder.keys for each in sorted(_affected(ledger, [key])))
    messages, at = _Messages(archive, names), timestamp(now())
    holding: dict[tuple[str, str], Evidence] = {}
    for keys in batched(affected, IN_A_STATEMENT):
        with archive.ledger.begin() as ledger:
            for key in keys:
                held = _holding(ledger, key, messages)
                _apply(archive, ledger, key, held, at)
                if (before := f"{NOT_FOR_US}{key}") not in affected:
                    _apply(
                        archive, ledger, before, {}, at
                    )  # whoever it names is this archive, as it says now
                holding |= {(key, what): held[what] for what in wanted.get(key, ()) if what in held}
    return Granting(SOURCE, dict(_bases(folder.there, holding)))


def _remember(folder: _Folder, message: Spoken, path: Path, root: Path) -> None:
    for release in message.releases:
        folder.keys[release.key] = None
        if release.down and not any(evidence.statements for evidence in release.said.values()):
            folder.down.append(_Down(message.sha256, message.id, release.key, release.main))
    gather = Gather(SOURCE, "", said(path))  # what it rejects is told by the source
    for named in message.files:
        if there := find_delivered(named.file.name, root, path.parent.resolve(), gather):
            sums = tuple((_plain(algorithm), value.strip().lower()) for algorithm, value in named.file.sums)
            folder.there.append(_There(os.fsencode(there), named.release, named.what, sums))


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


def _holding(ledger: Connection, key: str, messages: _Messages) -> Mapping[str, Evidence]:
    """Return what the message made last says of a release, by recording; nothing if it leaves it out."""
    keys = same_releases(ledger, [key])
    about = deliveries_of(ledger, keys)
    mains = {each.main for each in about if not each.main.startswith(SAME)}
    about += deliveries_of(ledger, same_releases(ledger, mains) - keys)
    newest = max(each.created_at for each in about)
    last = list(dict.fromkeys(each.message_sha256 for each in about if each.created_at == newest))
    said_of = [_of(messages.get(sha256), keys) for sha256 in last]
    if all(each == said_of[0] for each in said_of[1:]):
        return said_of[0]
    text = f"Messages {', '.join(sha256[:12] for sha256 in last)} of {newest or 'no known time'}"
    question = Question(_UNDECIDED, (), text, SOURCE)
    return {what: Evidence(questions=(question,)) for each in said_of for what in each}


def _of(message: Spoken | None, keys: Set[str]) -> Mapping[str, Evidence]:
    """Return what a message says of a release that is called by any of these."""
    releases: tuple[OfRelease, ...] = message.releases if message else ()
    return next(
        (release.said for release in releases if not keys.isdisjoint({release.key, *release.also})), {}
    )


def _say_misses(ledger: Connection, down: Iterable[_Down], progress: Progress) -> None:
    """Name what is taken down or purged, and was never delivered as far as is known."""
    missed: set[tuple[str, str]] = set()
    for each in down:
        if (each.message_sha256, each.main) in missed:
            continue
        about = deliveries_of(ledger, _affected(ledger, [each.key]))
        if all(one.message_sha256 == each.message_sha256 for one in about):
            missed.add((each.message_sha256, each.key))
            sender, _, name = each.key.partition("|")
            progress.say(
                f"Message {each.message_id or each.message_sha256[:12]} of {sender} takes down {name}, of "
                "which no other message is known here: it ends nothing. If a release is here under another "
                "id or sender, phono withdraw takes its files back."
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
    there: Iterable[_There], holding: Mapping[tuple[str, str], Evidence]
) -> Iterator[tuple[bytes, tuple[Basis, ...]]]:
    """Yield the files in a folder with what holds for them, whichever message names them."""
    found: dict[bytes, dict[tuple[str, str], Basis]] = {}
    for each in there:
        evidence = holding.get((each.release, each.what), _NOTHING)
        basis = Basis(basis_of(each.release), each.what, evidence, each.sums)
        found.setdefault(each.path, {})[basis.key, basis.what] = basis
    for place, bases in found.items():
        yield place, tuple(bases.values())


def _plain(algorithm: str) -> str:
    return algorithm.lower().replace("-", "").replace("_", "")
