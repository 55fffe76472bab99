"""What a worker makes of a piece of a source: rows for the tables of the catalogue, and what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa

from phonotheque.catalogue.datasets import SCHEMAS
from phonotheque.catalogue.normalise import listen_keys
from phonotheque.catalogue.normalise_tracks import OF_TRACKS, normal_tracks
from phonotheque.catalogue.schema import RECORDS
from phonotheque.model.errors import UsageError

_MOST_SHOWN = 200  # characters of a rejected value that are kept


@dataclass(frozen=True, slots=True)
class _Release:
    """What the next ``count`` tracks have in common, and where in the source they are."""

    fields: Mapping[str, Any]
    count: int
    position: int | None
    record_id: str | None
    of_record: int | None


# MBID, ISRC, title and artist of what was listened to, and the place of the record that says so.
_Listened = tuple[str | None, str | None, str | None, str | None, int | None]


class Gather:
    """Collects what a source says. Not shared between threads."""

    def __init__(self, source: str, accession: str, file: str, *, as_of: str = "") -> None:
        """``file`` is its name for messages; ``as_of`` the ISO date of counts that carry none themselves."""
        self.source = source
        self.accession = accession
        self.file = file
        self.as_of = as_of
        self.position: int | None = None  # of the record being read; set it, and complaints name it
        self.record_id: str | None = None
        self._rows: dict[str, list[dict[str, Any]]] = {
            name: [] for name in SCHEMAS if name not in ("facts", "records")
        }
        self._records: list[tuple[str, str]] = []  # kind and id
        self._raw: list[bytes | memoryview] = []
        self._latest: dict[str | None, int] = {}  # place of the last record of each id
        self._releases: list[_Release] = []
        self._tracks: dict[str, list[Any]] = {name: [] for name in OF_TRACKS}
        self._common = {"source": source, "accession": accession}
        self._listens: Counter[_Listened] = Counter()
        self._of_records: dict[str, list[int | None]] = {"things": [], "nonfree": []}

    def record(self, kind: str, record_id: str, raw: str | bytes | memoryview) -> None:
        """Keep a record as it came; bytes must be valid UTF-8, and stay as they are until ``tables``.

        Call it before anything that the record says: where a record comes twice, all that the second says is
        left out with it.
        """
        self._latest[record_id] = len(self._records)
        self._raw.append(raw.encode() if isinstance(raw, str) else raw)
        self._records.append((kind, record_id))

    def nonfree(self, kind: str, record_id: str, licence: str, splices: str) -> None:
        """Keep what was taken out of a record because it is under other terms (splices.py)."""
        row = {"kind": kind, "record_id": record_id, "licence": licence, "splices": splices}
        self._rows["nonfree"].append(self._common | row)
        self._of_records["nonfree"].append(self._latest.get(record_id))

    def track(self, **fields: Any) -> None:
        """Add a row of ``schema.TRACK_FACTS``; ``source`` and ``accession`` are known.

        Values that are not valid are left out and noted as rejects of scope ``value``.
        """
        for name, column in self._tracks.items():
            column.append(fields.get(name))
        self._add(fields, 1)

    def release(self, shared: Mapping[str, Any], tracks: Mapping[str, Sequence[Any]]) -> None:
        """Add the tracks of one release: the fields that all of them share, and columns of the others.

        The columns are of equal length, of fields in ``OF_TRACKS``; one is ``source_id``. It means what
        adding the tracks one by one means, and is quicker.
        """
        if strange := tracks.keys() - self._tracks.keys():
            raise UsageError(f"facts: {', '.join(sorted(strange))} belong to a release, not to its tracks.")
        count = len(tracks["source_id"])
        if any(len(values) != count for values in tracks.values()):
            raise UsageError("facts: the columns of a release differ in length.")
        for name, column in self._tracks.items():
            column += tracks[name] if name in tracks else [shared.get(name)] * count
        self._add(shared, count)

    def thing(self, **fields: Any) -> None:
        """Add a row of ``schema.THINGS``."""
        self._rows["things"].append(self._common | fields)
        self._of_records["things"].append(self._latest.get(fields.get("record_id")))

    def listen(
        self,
        count: int = 1,
        *,
        recording_mbid: str | None = None,
        isrc: str | None = None,
        title: str | None = None,
        artist: str | None = None,
    ) -> None:
        """Count listens of whatever these name. Valid identifiers only: parse them first."""
        of_record = self._latest.get(self.record_id)
        self._listens[(recording_mbid, isrc, title, artist, of_record)] += count

    def reject(
        self,
        scope: str,
        reason: str,
        *,
        position: int | None = None,
        record_id: str | None = None,
        field: str | None = None,
        value: object = None,
    ) -> None:
        """Note what was left out: a whole ``record`` or one ``value``, by default of the one being read."""
        self._rows["rejects"].append(
            self._common
            | {
                "file": self.file,
                "position": self.position if position is None else position,
                "scope": scope,
                "record_id": record_id or self.record_id,
                "field": field,
                "value": None if value is None else str(value)[:_MOST_SHOWN].replace("\0", "�"),
                "reason": reason,
            }
        )

    def tables(self) -> dict[str, pa.Table]:
        """Return what was gathered, by the names of ``datasets.SCHEMAS``. Call it once, at the end.

        Raises UsageError for a hash of a track that is none: hashes are computed here, not typed in.
        """
        facts = normal_tracks(
            [{**self._common, **release.fields} for release in self._releases],
            [release.count for release in self._releases],
            self._tracks,
            self._complain,
        )
        self._rows["listens"] = [self._listen_row(*counted) for counted in self._listens.items()]
        tables = {name: _table(rows, SCHEMAS[name]) for name, rows in self._rows.items()}
        return {"facts": facts, "records": self._record_table(), **tables}

    def of_records(self) -> dict[str, pa.Array]:
        """Return, for each row of these tables, the place of the record that says it; null if none does."""
        releases = ([release.of_record] * release.count for release in self._releases)
        places = self._of_records | {
            "facts": list(chain.from_iterable(releases)),
            "listens": [of_record for *_, of_record in self._listens],
        }
        return {name: pa.array(values, pa.int32()) for name, values in places.items()}

    def _add(self, shared: Mapping[str, Any], count: int) -> None:
        of_record = self._latest.get(shared.get("record_id"))
        self._releases.append(_Release(shared, count, self.position, self.record_id, of_record))

    def _record_table(self) -> pa.Table:
        kinds, ids = zip(*self._records, strict=True) if self._records else ((), ())
        count = len(self._records)
        offsets = pa.array([0, *accumulate(map(len, self._raw))], pa.int32()).buffers()[1]
        # All texts one after another: it is as it will lie in the table, and copied once only.
        raw = pa.Array.from_buffers(pa.string(), count, [None, offsets, pa.py_buffer(b"".join(self._raw))])
        raw.validate(full=True)  # that it is UTF-8
        columns = {
            "source": pa.repeat(self.source, count),
            "accession": pa.repeat(self.accession, count),
            "kind": pa.array(kinds, pa.string()),
            "record_id": pa.array(ids, pa.string()),
            "raw": raw,
        }
        return pa.Table.from_arrays([columns[name] for name in RECORDS.names], schema=RECORDS)

    def _listen_row(self, listened: _Listened, count: int) -> dict[str, Any]:
        mbid, isrc, title, artist, _ = listened
        title_key, people = listen_keys(title, artist)
        return {
            "recording_mbid": mbid,
            "isrc": isrc,
            "title": title,
            "artist": artist,
            "listens": count,
            "source": self.source,
            "as_of": self.as_of,
            "title_key": title_key,
            "people": people,
        }

    def _complain(self, number: int, field: str, value: object, reason: str) -> None:
        release = self._releases[number]
        self.position, self.record_id = release.position, release.record_id
        self.reject("value", reason, field=field, value=value)


def _table(rows: Sequence[dict[str, Any]], schema: pa.Schema) -> pa.Table:
    columns = [_array([row.get(field.name) for row in rows], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _array(values: list[Any], kind: pa.DataType) -> pa.Array:
    if values.count(None) == len(values):
        return pa.nulls(len(values), kind)
    return pa.array(values, type=kind)
