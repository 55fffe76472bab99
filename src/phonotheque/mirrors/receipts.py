"""What became of handed-over files in an edition: where they are, on which terms, or taken back.

Needs no archive: the edition is read as any mirror reads it, from a public tree, a mirror or a web address,
and believed as far as its signatures go.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any

from phonotheque.editions.edition import BagEntry, Edition
from phonotheque.editions.sealing import CATALOGUE_WAVE
from phonotheque.editions.shelves import bags_folder
from phonotheque.mirrors.follow import Followed, follow
from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.rights import Act, Answer, Statement
from phonotheque.model.territory import WORLD, Territory, parse_territory
from phonotheque.rights.decide import decide
from phonotheque.rights.records import read_statement, statement_record
from phonotheque.vault.bag import RECORDINGS
from phonotheque.vault.bagfolder import MAX_TAG_BYTES, TAG_MANIFEST, read_tag_manifest

_MAX_RECORDINGS = 4 << 30
_NOT_COMPARED = ("evidence", "evidence_origin", "asserted_by", "stated_at", "evidence_sha256", "holder")
_ADVICE = "The tree is damaged there: try the publisher's, or another mirror."


@dataclass(frozen=True, slots=True)
class Place:
    """Where a file, or an access copy made from it, is in an edition, and what of its terms differs."""

    kind: str  # "as-deposited" or "access-copy"
    bag: str
    path: str
    sha256: str
    audience: str
    differs: tuple[str, ...]


@dataclass(slots=True)
class Became:
    """What became of one file of a receipt."""

    path: str
    sha256: str
    places: list[Place] = field(default_factory=list)
    withdrawn: str | None = None  # when and why

    @property
    def state(self) -> str:
        """Return "as-deposited", "access-copy", "withdrawn" or "absent"."""
        kinds = {place.kind for place in self.places}
        for kind in ("as-deposited", "access-copy"):
            if kind in kinds:
                return kind
        return "withdrawn" if self.withdrawn else "absent"


_Sought = dict[str, list[tuple[Became, list[Statement]]]]  # by SHA-256


@dataclass(frozen=True, slots=True)
class Checked:
    """A receipt compared with an edition. ``unread`` are bags that are not there, as on a mirror."""

    edition: Edition
    fingerprint: str
    stale: tuple[str, ...]
    files: tuple[Became, ...]
    unread: tuple[str, ...]


def check_receipt(
    receipt: Mapping[str, Any],
    granted: Sequence[Statement],
    origin: Origin,
    *,
    now: datetime,
    trust: str | None = None,
    progress: Progress = QUIET,
) -> Checked:
    """Compare a receipt (sources/receipt.py) with the newest edition of an origin.

    Raises VerificationError for an edition that does not verify or is another archive's, and what reading
    the origin raises.
    """
    with tempfile.TemporaryDirectory(prefix="phono-receipt-") as scratch:
        followed = follow(origin, Path(scratch, "trust"), now=now, trust=trust)
        edition = followed.edition
        if edition.archive.id != receipt["archive"]["id"]:
            raise VerificationError(
                f"{origin.where} is the edition of another archive, “{edition.archive.name}”.",
                f"The receipt is from “{receipt['archive']['name']}”: give the address of its edition.",
            )
        became: _Sought = {}
        for file in receipt["files"]:
            terms = [granted[number] for number in file["granted"]]
            became.setdefault(file["sha256"], []).append((Became(file["path"], file["sha256"]), terms))
        unread = _look(origin, followed, became, Path(scratch), progress)
    _taken_back(edition, became)
    files = tuple(found for same in became.values() for found, _ in same)
    return Checked(edition, followed.fingerprint, followed.stale, files, unread)


def _look(
    origin: Origin, followed: Followed, sought: _Sought, scratch: Path, progress: Progress
) -> tuple[str, ...]:
    """Find the files in every bag; return the bags that are not there."""
    bags = [bag for bag in followed.edition.bags if bag.wave != CATALOGUE_WAVE]
    on, unread = date.fromisoformat(followed.edition.date[:10]), []
    progress.start("Looking", total_files=sum(bag.payload_files for bag in bags))
    for bag in bags:
        try:
            for record in _records(origin, bag, scratch):
                _note(bag, record, sought, on)
        except NotFoundError:
            unread.append(bag.id)
        progress.advance(files=bag.payload_files)
    return tuple(unread)


def _note(bag: BagEntry, record: Mapping[str, Any], sought: _Sought, on: date) -> None:
    """Note where a file is that was handed over, or an access copy of one."""
    as_deposited = sought.get(str(record.get("sha256")))
    copied = sought.get(str(record.get("master_sha256"))) if record.get("kind") == "access" else None
    kind = "as-deposited" if as_deposited else "access-copy"
    for became, statements in as_deposited or copied or []:
        became.places.append(_place(kind, bag, record, statements, on))


def _records(origin: Origin, bag: BagEntry, scratch: Path) -> Iterator[dict[str, Any]]:
    """Yield the lines of a bag's recordings.jsonl once the whole of it is verified."""
    folder = scratch / "bag"
    folder.mkdir(exist_ok=True)
    shown = f"{bags_folder(bag.audience)}/{bag.id}"
    tags = fetch(origin, f"{shown}/{TAG_MANIFEST}", MAX_TAG_BYTES)
    if hashlib.sha256(tags).hexdigest() != bag.tagmanifest_sha256:
        raise VerificationError(f"{bag.id}/{TAG_MANIFEST} is not what edition.json lists.", _ADVICE)
    (folder / TAG_MANIFEST).write_bytes(tags)
    wanted = read_tag_manifest(folder).get(RECORDINGS)
    digest, place = hashlib.sha256(), folder / RECORDINGS
    with place.open("wb") as stream:
        for chunk in origin.open_range(f"{shown}/{RECORDINGS}", 0, _MAX_RECORDINGS):
            digest.update(chunk)
            stream.write(chunk)
    if digest.hexdigest() != wanted:
        raise VerificationError(f"{bag.id}/{RECORDINGS} is not what its manifest lists.", _ADVICE)
    with place.open("rb") as lines:
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError as error:
                raise VerificationError(f"{bag.id}/{RECORDINGS} has a line that is no JSON.") from error
            if isinstance(record, dict):
                yield record


def _place(kind: str, bag: BagEntry, record: Mapping[str, Any], granted: list[Statement], on: date) -> Place:
    audience = parse_territory(bag.audience)
    differs = tuple(_differences(record, granted, audience, on))
    return Place(kind, bag.id, str(record.get("path")), str(record.get("sha256")), bag.audience, differs)


def _differences(
    record: Mapping[str, Any], granted: list[Statement], audience: Territory, on: date
) -> Iterator[str]:
    """Yield how the terms of a published file are not those that were granted."""
    rights = record.get("rights")
    lines = rights.get("statements", []) if isinstance(rights, Mapping) else []
    published = [read_statement(line) for line in lines]
    told = [_compared(statement) for statement in published]
    for statement in granted:
        if _compared(statement) not in told:
            what = " ".join(statement.acts) or statement.licence or statement.kind.value
            yield f"what was granted is not named: {statement.kind} {what}"
    granting = [_compared(statement) for statement in granted]
    others = ", ".join(
        sorted({each.evidence_origin for each in published if _compared(each) not in granting})
    )
    for act in Act:
        by_edition = decide(published, act, on=on, territory=audience)
        by_grant = decide(granted, act, on=on, territory=audience)
        where = "everywhere" if audience == WORLD else f"in {audience}"
        if by_edition.answer is Answer.YES and by_grant.answer is not Answer.YES:
            rests = f"; it rests on: {others}" if others else ""
            yield f"it lets people {act} it {where}, which was not granted{rests}"
        if act is Act.DISTRIBUTE and by_edition.answer is not Answer.YES:
            yield f"it is published {where} without a basis"


def _compared(statement: Statement) -> dict[str, Any]:
    record = statement_record(statement)
    return {name: value for name, value in record.items() if name not in _NOT_COMPARED}


def _taken_back(edition: Edition, sought: _Sought) -> None:
    for stone in edition.tombstones:
        if stone.reinstated is None:
            for sha256 in stone.sha256:
                for became, _ in sought.get(sha256, []):
                    became.withdrawn = f"{stone.date[:10]}, {stone.territory}: {stone.reason}"
