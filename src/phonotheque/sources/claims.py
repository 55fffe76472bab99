"""What an archive knows about a file or an ISRC that somebody claims: since when, from whom, who differs.

Nothing is written, and the file stays out of the archive. Being first here proves nothing: it is told with
what contradicts it, for a person to judge.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, select

from phonotheque.audio.sameness import Likeness
from phonotheque.audio.tags import collect_tags
from phonotheque.catalogue.conflicts import explain
from phonotheque.catalogue.lookup import Catalogue
from phonotheque.catalogue.manifest import current
from phonotheque.catalogue.registrants import Registrant, registrant
from phonotheque.catalogue.views import Provenance, RecordingView
from phonotheque.ledger.schema import accessions, files
from phonotheque.ledger.statements import Recorded, all_statements, standing_statements
from phonotheque.ledger.withdrawals import Item, ItemKind, Withdrawal, covering, withdrawal
from phonotheque.model.audio import Tags
from phonotheque.model.errors import NotFoundError
from phonotheque.model.rights import Act, Decision
from phonotheque.model.text import fold, people, title_key
from phonotheque.rights.decide import decide
from phonotheque.sources.already import Answer, Asked, Match, already
from phonotheque.vault.archive import Archive
from phonotheque.vault.place import open_regular
from phonotheque.vault.segment_index import SegmentIndex

_MOST: Final = 20  # recordings, files, or sayers of one thing that are told of; the earliest are


@dataclass(frozen=True, slots=True)
class Seen:
    """That something came in: when (ISO 8601, UTC), in which accession, from which source, by whom."""

    at: str
    accession: str
    source: str
    agent: str
    location: str


@dataclass(frozen=True, slots=True)
class Bearer:
    """A recording that is meant by what was claimed.

    ``certain``: it bears the code, or has a file with the same sound; else it is only perhaps what is meant.
    ``said_by`` are who says so, the earliest first; ``sayers`` how many of them there are. ``otherwise``
    tells, in sentences, what the catalogue could not bring together about it.
    """

    id: str
    title: str | None
    artist: str | None
    duration_ms: int | None
    isrcs: tuple[str, ...]
    releases: tuple[str, ...]
    said_by: tuple[Seen, ...]
    sayers: int
    otherwise: tuple[str, ...]
    certain: bool = True


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file of the archive that is, or sounds like, the one in question, and what is stated about it."""

    sha256: str
    name: str
    held: bool
    match: Match | None  # None for a file of a recording that bears the ISRC
    first_seen: Seen | None
    statements: tuple[Recorded, ...]
    decision: Decision

    @property
    def certain(self) -> bool:
        """Whether it is what was claimed, and not only perhaps."""
        return self.match is None or self.match.evidence.likeness is Likeness.SAME


@dataclass(frozen=True, slots=True)
class Claim:
    """All that is known.

    ``differing`` are artists under which the same thing is told, when they have nobody in common; ``titles``
    are what it is called, when that is not the same. ``perhaps_withdrawn`` are the withdrawals of what only
    may be the same.
    """

    asked: str
    isrcs: tuple[str, ...]
    tags: Tags | None  # of a file that was asked about: what it says of itself
    answer: Answer | None
    reason: str  # why a file could not be compared
    bearers: tuple[Bearer, ...]
    more: int  # recordings that are not told of
    files: tuple[HeldFile, ...]
    registrants: tuple[Registrant, ...]
    differing: tuple[str, ...]
    titles: tuple[str, ...]
    withdrawals: tuple[Withdrawal, ...]
    perhaps_withdrawn: tuple[Withdrawal, ...]
    uncatalogued: int  # files that match, of which the catalogue was not told yet

    @property
    def known(self) -> bool:
        """Whether the archive knows anything of it."""
        return bool(self.bearers or self.files)

    @property
    def first_seen(self) -> Seen | None:
        """When the archive first heard of it, and from whom; not of what only may be it."""
        seen = [bearer.said_by[0] for bearer in self.bearers if bearer.certain and bearer.said_by]
        seen += [file.first_seen for file in self.files if file.certain and file.first_seen is not None]
        return min(seen, key=lambda one: one.at, default=None)


def claim_of_isrc(archive: Archive, isrc: str, *, on: date) -> Claim:
    """Return what is known of an ISRC in its normal form."""
    with archive.ledger.connect() as ledger:
        views, more, _ = _bearing(archive, [isrc])
        held = [sha256 for view in views for sha256 in view.files]
        return _claim(archive, ledger, isrc, views, more, {}, _files(ledger, held, {}, on), isrcs=(isrc,))


def claim_of_file(archive: Archive, index: SegmentIndex, path: Path, *, on: date) -> Claim:
    """Return what is known of a file, in the archive or not, of its sound, and of the codes in its tags.

    Raises NotFoundError when there is no such file, OSError when it cannot be read.
    """
    try:
        with open_regular(path) as stream:
            tags = collect_tags(stream).tags
    except FileNotFoundError:
        raise NotFoundError(f"There is no {path}.", "Name a file, or an ISRC such as FRZ039801231.") from None
    with archive.ledger.connect() as ledger:
        (asked,) = already(index, ledger, [path], speeds=False)
        matches = {match.copy.sha256: match for match in asked.matches[:_MOST]}
        views, more, of_files = _bearing(archive, tags.isrcs, matches)
        found = _files(ledger, matches, matches, on)
        return _claim(
            archive, ledger, str(path), views, more, of_files, found, isrcs=tags.isrcs, tags=tags, asked=asked
        )


def _claim(
    archive: Archive,
    ledger: Connection,
    name: str,
    views: Sequence[RecordingView],
    more: int,
    of_files: Mapping[str, str],
    found: tuple[HeldFile, ...],
    *,
    isrcs: tuple[str, ...],
    tags: Tags | None = None,
    asked: Asked | None = None,
) -> Claim:
    taken = _accessions(
        ledger, {by.accession for view in views for fact in view.facts for by in fact.said_by}
    )
    same = {of_files.get(file.sha256) for file in found if file.certain}
    certain = [view for view in views if view.id in same or set(isrcs) & set(view.isrcs)]
    bearers = [_bearer(view, isrcs, taken, certain=view in certain) for view in views]
    # A file tells something of what is held only where it is that, or bears its code.
    told = tags if tags is not None and certain else None
    withdrawn = _withdrawals(ledger, certain, [file for file in found if file.certain])
    return Claim(
        asked=name,
        isrcs=isrcs,
        tags=tags,
        answer=asked.answer if asked else None,
        reason=asked.reason if asked else "",
        bearers=tuple(sorted(bearers, key=lambda one: (one.said_by[0].at if one.said_by else "~", one.id))),
        more=more,
        files=found,
        registrants=_registrants(archive, isrcs, _artists(views, isrcs, tags), [view.id for view in views]),
        differing=_differing(certain, told),
        titles=_titles(certain, told),
        withdrawals=withdrawn,
        perhaps_withdrawn=tuple(one for one in _withdrawals(ledger, views, found) if one not in withdrawn),
        uncatalogued=sum(file.match is not None and file.sha256 not in of_files for file in found),
    )


def _bearing(
    archive: Archive, isrcs: Iterable[str], hashes: Iterable[str] = ()
) -> tuple[list[RecordingView], int, dict[str, str]]:
    """Return the first recordings that have a file or bear a code, and how many more there are.

    The last are the recordings of the files, by SHA-256; of some the catalogue does not know yet.
    """
    if current(archive.catalogue) is None:
        return [], 0, {}
    with Catalogue.open(archive.catalogue) as catalogue:
        of_files: dict[str, str] = {}
        for sha256 in hashes:
            try:
                of_files[sha256] = catalogue.show(sha256).id
            except NotFoundError:
                continue  # the next phono add tells the catalogue of it
        bearing = [hit.id for isrc in isrcs for hit in catalogue.by_isrc(isrc)]
        wanted = list(dict.fromkeys([*of_files.values(), *bearing]))
        views = [catalogue.show(one) for one in wanted[:_MOST]]
    recordings = [view for view in views if isinstance(view, RecordingView)]
    return recordings, max(0, len(wanted) - _MOST), of_files


def _bearer(view: RecordingView, isrcs: Sequence[str], taken: Mapping[str, Seen], *, certain: bool) -> Bearer:
    """Tell of a recording, and of who says that it bears the codes; without codes, of who says anything."""
    bears = set(isrcs) & set(view.isrcs)
    facts = [fact for fact in view.facts if fact.field == "isrcs" and fact.value in bears] or view.facts
    sayers: dict[Provenance, None] = dict.fromkeys(by for fact in facts for by in fact.said_by)
    seen = sorted({taken[by.accession] for by in sayers if by.accession in taken}, key=lambda one: one.at)
    return Bearer(
        id=view.id,
        title=view.title,
        artist=view.artist,
        duration_ms=view.duration_ms,
        isrcs=view.isrcs,
        releases=tuple(release.name or release.id for release in view.releases[:_MOST]),
        said_by=tuple(seen[:_MOST]),
        sayers=len(seen),
        otherwise=tuple(explain(conflict) for conflict in view.conflicts[:_MOST]),
        certain=certain,
    )


def _files(
    ledger: Connection, hashes: Iterable[str], matches: Mapping[str, Match], on: date
) -> tuple[HeldFile, ...]:
    wanted = list(dict.fromkeys(hashes))[:_MOST]
    rows = ledger.execute(select(files).where(files.c.sha256.in_(wanted)).order_by(files.c.id)).all()
    taken = _accessions(ledger, {row.accession_id for row in rows})
    recorded = all_statements(ledger, [row.id for row in rows])
    standing = standing_statements(ledger, [row.id for row in rows])
    found = []
    for row in rows:
        seen = taken.get(row.accession_id)
        found.append(
            HeldFile(
                sha256=row.sha256,
                name=row.name,
                held=row.held,
                match=matches.get(row.sha256),
                first_seen=None if seen is None else Seen(**(asdict(seen) | {"at": row.added_at})),
                statements=tuple(recorded[row.id]),
                decision=decide(standing[row.id], Act.DISTRIBUTE, on=on),
            )
        )
    return tuple(sorted(found, key=lambda file: wanted.index(file.sha256)))


def _accessions(ledger: Connection, ids: Iterable[str]) -> dict[str, Seen]:
    wanted = sorted(ids)
    query = select(accessions).where(accessions.c.id.in_(wanted))
    rows: Sequence[Any] = ledger.execute(query).all() if wanted else []
    return {row.id: Seen(row.started_at, row.id, row.source, row.agent, row.location) for row in rows}


def _registrants(
    archive: Archive, isrcs: Sequence[str], by: Mapping[str, Sequence[str]], asked: Sequence[str]
) -> tuple[Registrant, ...]:
    snapshot = current(archive.catalogue)
    if snapshot is None:
        return ()
    return tuple(registrant(snapshot, isrc, by=by, asked=asked) for isrc in isrcs[:_MOST])


def _withdrawals(
    ledger: Connection, views: Iterable[RecordingView], found: Sequence[HeldFile]
) -> tuple[Withdrawal, ...]:
    """Return what was ever asked to be taken back of these recordings, files and sounds."""
    items = [Item(ItemKind.RECORDING, view.id) for view in views]
    items += [Item(ItemKind.SHA256, file.sha256) for file in found]
    sounds = select(files.c.pcm_sha256).where(files.c.sha256.in_([file.sha256 for file in found]))
    items += [Item(ItemKind.PCM, sound) for sound in ledger.execute(sounds).scalars() if sound]
    return tuple(withdrawal(ledger, one) for one in sorted(covering(ledger, items)))


def _artists(
    views: Iterable[RecordingView], isrcs: Sequence[str], tags: Tags | None
) -> dict[str, Sequence[str]]:
    """Return who the recordings that bear a code are by, and the file, as it says; with ids where known."""
    named: dict[str, tuple[str, list[str]]] = {}
    for view in views:
        for artist in view.artists if set(isrcs) & set(view.isrcs) else ():
            if artist.name:
                named.setdefault(fold(artist.name), (artist.name, []))[1].append(artist.id)
    for name in tags.artists if tags else ():
        named.setdefault(fold(name), (name, []))
    return dict(list(named.values())[:_MOST])


def _differing(views: Iterable[RecordingView], tags: Tags | None) -> tuple[str, ...]:
    """Return the credits when they are of artists who have nobody in common, one for each such group.

    Names that only belong together, as “A”, “B” and “A & B” do, are one group: its fullest credit is told.
    """
    told = {view.artist: set(people([view.artist], view.title or "")) for view in views if view.artist}
    if tags is not None and tags.artists:
        told.setdefault(", ".join(tags.artists), set(people(tags.artists, tags.title or "")))
    groups: list[tuple[set[str], list[str]]] = []  # who they are, and the credits that name some of them
    for credit, named in sorted((credit, named) for credit, named in told.items() if named):
        met = [group for group in groups if group[0] & named]
        groups = [group for group in groups if group not in met]
        together = [one for _, some in met for one in some]
        groups.append((named.union(*(who for who, _ in met)), [*together, credit]))
    if len(groups) < 2:
        return ()
    return tuple(sorted(min(some, key=lambda one: (-len(told[one]), one)) for _, some in groups))


def _titles(views: Iterable[RecordingView], tags: Tags | None) -> tuple[str, ...]:
    """Return the titles, one of each spelling, when they are not the same."""
    said = [view.title for view in views] + ([tags.title] if tags else [])
    told = {title_key(title): title for title in sorted(filter(None, said), reverse=True)}
    return tuple(sorted(told.values())) if len(told) > 1 else ()
