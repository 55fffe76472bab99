"""How many copies others are known to hold, by a list that somebody made: what nobody has is at risk."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from phonotheque.catalogue.engine import quoted
from phonotheque.model.errors import NotFoundError, UsageError

# By a recording's id, an ISRC, or the SHA-256 of a file: whatever the list names.
_LOAD: Final = """
    CREATE TABLE elsewhere AS
    WITH named AS (
        SELECT recording, copies FROM listed JOIN recordings ON recordings.id = lower(name)
        UNION ALL
        SELECT recording, copies FROM listed JOIN isrcs ON isrcs.isrc = upper(replace(name, '-', ''))
        UNION ALL
        SELECT recording, copies FROM listed JOIN files ON files.sha256 = lower(name)
    )
    SELECT recording, max(copies)::BIGINT AS copies FROM named GROUP BY recording
"""
_COLUMNS: Final = {"id": "VARCHAR", "copies": "BIGINT"}
_LONGEST: Final = 10_000  # characters of the first line of a list


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A CSV or Parquet file with the columns ``id`` and ``copies``."""

    path: Path

    def load(self, engine: duckdb.DuckDBPyConnection) -> None:
        """Make a table ``elsewhere`` of recordings (the views recordings, isrcs and files must be there).

        Raises NotFoundError when the file is not there, UsageError when it is not such a list.
        """
        if not self.path.is_file():
            raise NotFoundError(f"{self.path}: there is no such file.", "Name a list of id and copies.")
        try:
            engine.execute(f"CREATE TABLE listed AS {self._query()}")
            engine.execute(
                "SELECT error('a number of copies below zero') FROM listed WHERE copies < 0 OR copies IS NULL"
            ).fetchall()
        except duckdb.Error as error:
            raise UsageError(
                f"{self.path} is not a list of copies: {str(error).splitlines()[0]}",
                "Give a CSV or Parquet file with the columns id and copies.",
            ) from error
        engine.execute(_LOAD)

    def _query(self) -> str:
        source = f"read_parquet({quoted(self.path)})"
        if self.path.suffix != ".parquet":
            columns = ", ".join(
                f"{quoted(name)}: '{_COLUMNS.get(name, 'VARCHAR')}'" for name in self._heading()
            )
            source = (
                f"read_csv({quoted(self.path)}, header = true, auto_detect = false, delim = ',', "
                f"quote = '\"', columns = {{{columns}}})"
            )
        return f"SELECT trim(id::VARCHAR) AS name, copies::BIGINT AS copies FROM {source}"  # noqa: S608 — quoted

    def _heading(self) -> list[str]:
        with self.path.open(encoding="utf-8-sig", errors="replace") as stream:
            heading = next(csv.reader([stream.readline(_LONGEST)]), [])
            names = [name.strip() for name in heading]
        if missing := [name for name in _COLUMNS if name not in names]:
            raise UsageError(
                f"{self.path} has no column {missing[0]}: its first line is {','.join(names)[:100]!r}.",
                "Give a CSV file whose first line names the columns id and copies.",
            )
        return names
