"""What a mirror can say of a recording: by the edition it obeys, its index, and the bags that lie here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select

from phonotheque.catalogue.views import Fact, Provenance, RecordingView
from phonotheque.ledger.holdings import HELD, HoldingState
from phonotheque.ledger.schema import holding_files, holdings
from phonotheque.model.rights import Statement
from phonotheque.web.room.hearing_mirror import record_of, statements_of
from phonotheque.web.room.listed import Listed, ListedFile
from phonotheque.web.room.published import Kept as KeptEdition
from phonotheque.web.room.sounds import Kept, Place, Sound
from phonotheque.web.room.state import Room

_MOST_VALUES: Final = 100  # of a field that a bag tells


@dataclass(frozen=True, slots=True)
class Mirrored:
    """The files of a recording, and what the first of the bags here that tells of it says."""

    sounds: tuple[Sound, ...]
    kept: tuple[Kept, ...]
    record: Mapping[str, Any] | None


NOTHING: Final = Mirrored((), (), None)


def mirrored(room: Room, recording: str) -> Mirrored | None:
    """Return what there is of a recording (public id); None where the edition lists nothing of it.

    Raises NotListedYetError while the index is being read, VerificationError where it is broken.
    """
    edition = room.published.current()
    if edition is None:
        return None
    place = room.archive.public / "targets" / edition.edition.index.path
    listed = room.published.kept(place, Listed)
    found = [file for file in (listed.files(recording) if listed else []) if file.bag in edition.bags]
    if not found:
        return None
    with room.archive.ledger.connect() as ledger:
        here = _here(ledger, found)
        kept = tuple(_kept(room, edition, ledger, found, here))
    told = [(file, record_of(room.archive, file.bag, file.path, file.sha256)) for file in found]
    sounds = tuple(_sound(file, record, edition, here) for file, record in told)
    record = next((record for _, record in told if record is not None), None)
    return Mirrored(tuple(sorted(sounds, key=lambda one: one.kind != "master")), kept, record)


def view_of(recording: str, of: Mirrored) -> RecordingView:
    """Return a recording as a bag tells of it; of one in no bag here only its id is known."""
    record = of.record or {}
    seconds = next((sound.seconds for sound in of.sounds if sound.seconds), None)
    return RecordingView(
        id=recording,
        mbid=None,
        title=_text(record.get("title")),
        artist=" & ".join(_texts(record.get("artists"))) or None,
        artists=(),
        duration_ms=None if seconds is None else round(seconds * 1000),
        date=_text(record.get("date")),
        isrcs=tuple(_texts(record.get("isrcs"))),
        listens=None,
        listens_by=(),
        files=tuple(sound.sha256 for sound in of.sounds if sound.kind == "master"),
        releases=(),
        facts=tuple(_facts(record)),
        conflicts=(),
    )


def dates_of(of: Mirrored) -> dict[str, str]:
    """Return when the accessions were begun that a bag names."""
    return {
        by["accession"]: by["date"]
        for said in _dicts((of.record or {}).get("said_by"))
        for by in _dicts(said.get("by"))
        if isinstance(by.get("accession"), str) and isinstance(by.get("date"), str)
    }


def _here(ledger: Connection, found: Sequence[ListedFile]) -> dict[tuple[str, str], HoldingState]:
    """Return which of the files lie here, by bag and path, and how the bags stand."""
    query = (
        select(holding_files.c.bag_id, holding_files.c.path, holdings.c.state)
        .join(holdings, holdings.c.bag_id == holding_files.c.bag_id)
        .where(
            holding_files.c.sha256.in_([file.sha256 for file in found]),
            holdings.c.state.in_([state.value for state in HELD]),
        )
    )
    return {(row.bag_id, row.path): HoldingState(row.state) for row in ledger.execute(query)}


def _kept(
    room: Room,
    edition: KeptEdition,
    ledger: Connection,
    found: Sequence[ListedFile],
    here: Mapping[tuple[str, str], HoldingState],
) -> Iterator[Kept]:
    copies = room.published.copies(edition)
    names = sorted({file.bag for file in found})
    query = select(holdings.c.bag_id, holdings.c.verified_at).where(holdings.c.bag_id.in_(names))
    verified = {row.bag_id: row.verified_at for row in ledger.execute(query)}
    for name in names:
        states = {state for (bag, _), state in here.items() if bag == name}
        count = copies.of(name) if copies else None
        whole = HoldingState.COMPLETE in states
        yield Kept(
            bag=name,
            audience=edition.bags[name].audience,
            here=whole,
            checked_at=verified.get(name) if whole else None,
            elsewhere=0,
            claimed=count.claimed if count else 0,
            proven=count.proven if count else 0,
            proven_since=count.proven_since if count else None,
            counted=count is not None,
            partly=bool(states) and not whole,
        )


def _sound(
    file: ListedFile,
    record: Mapping[str, Any] | None,
    edition: KeptEdition,
    here: Mapping[tuple[str, str], HoldingState],
) -> Sound:
    told = record or {}
    provenance = told.get("provenance")
    origin = provenance if isinstance(provenance, dict) else {}
    said: list[Statement] | None = statements_of(record)
    return Sound(
        sha256=file.sha256,
        size=file.size,
        kind="access" if told.get("kind") == "access" else "master",
        master=_text(told.get("master_sha256")) or file.sha256,
        held=(file.bag, file.path) in here,
        pcm_sha256=_text(told.get("pcm_sha256")),
        accession=_text(origin.get("accession")) or "",
        added_at=_text(origin.get("added_at")) or "",
        container=_text(told.get("container")),
        codec=_text(told.get("codec")) or file.path.rpartition(".")[2],
        seconds=_number(told.get("duration")),
        sample_rate=_whole(told.get("sample_rate")),
        channels=_whole(told.get("channels")),
        bit_rate=_whole(told.get("bit_rate")),
        bits=None,
        lossless=False,
        integrity=_text(told.get("integrity")) or "",
        notes=(),
        notice=_text(told.get("copyright")),
        places=(Place(file.bag, file.path, edition.bags[file.bag].audience),),
        statements=tuple(said or ()),
    )


def _facts(record: Mapping[str, Any]) -> Iterator[Fact]:
    for said in _dicts(record.get("said_by"))[:_MOST_VALUES]:
        field, value = _text(said.get("field")), _text(said.get("value"))
        if field and value:
            yield Fact(field, value, tuple(_sayers(said.get("by"))))


def _sayers(by: object) -> Iterator[Provenance]:
    for one in _dicts(by)[:_MOST_VALUES]:
        source, accession, name = (_text(one.get(each)) or "" for each in ("source", "accession", "record"))
        if source:
            yield Provenance(source, accession, name, name)


def _dicts(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    number = _number(value)
    return None if number is None or not 0 <= number < 1e12 else round(number)
