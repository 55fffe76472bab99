"""Taking out of the reading room as plain files (web.still) what was taken back, before it is written anew.

Of bags with files that are withheld, the pages go; tables in which recordings are looked up lose them. All
this is derived: the next publishing writes it of what there is then.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Iterable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from phonotheque.catalogue.engine import connect
from phonotheque.editions.sending import send_files
from phonotheque.editions.site import LOOK_UP, ROOM, rows_at_once
from phonotheque.editions.withholding import bags_not_whole, bags_with, hidden_in_bag
from phonotheque.ledger.holdings import GOING, all_holdings
from phonotheque.ledger.withdrawals import all_withdrawals, taken_back_ids
from phonotheque.vault.archive import Archive
from phonotheque.vault.place import fsync_dir, replace_durably

_MEMORY: Final = "1GB"
_LOG = logging.getLogger("phonotheque.editions")


def forget(archive: Archive, withheld: Iterable[str]) -> None:
    """Take these files, "bag/path", out of what the public tree here tells in plain files, and outside.

    Repeated, it changes nothing here. Raises NetworkError where a tree outside cannot be reached.
    """
    if paths := forget_in(archive.public, withheld):
        send_files(archive, paths)


def forget_bag(public: Path, bag: str) -> None:
    """Take a bag out of what plain files of a mirror tell: its page, and the recordings found in it."""
    forget_in(public, [f"{bag}/"])


def forget_withdrawn(archive: Archive, on: date) -> None:
    """Take out all that is withheld on a day. Raises NetworkError, as :func:`forget`."""
    forget(archive, withheld_on(archive, on))


def forget_in(tree: Path, withheld: Iterable[str]) -> list[str]:
    """Take these files, "bag/path", or bags, "bag/", out of what pages tell; return the paths to look at."""
    names = sorted(set(withheld))
    if not names:
        return []
    pages = _remove_pages(tree, {name.partition("/")[0] for name in names})
    return [*pages, *_look_nothing_up(tree, names)]


def withheld_on(archive: Archive, on: date) -> list[str]:
    """Return, as "bag/path", what of published bags is withheld on a day, for whatever reason.

    A mirror withholds whole bags, "bag/": those that have to go.
    """
    with archive.ledger.connect() as ledger:
        if archive.is_mirror:
            return [f"{bag}/" for bag, one in all_holdings(ledger).items() if one.state in GOING]
        standing = [one for one in all_withdrawals(ledger) if one.in_effect]
        bags = bags_with(ledger, {file for one in standing for file in taken_back_ids(ledger, one.id)})
        bags |= bags_not_whole(archive)
        return [f"{bag}/{path}" for bag in sorted(bags) for path in sorted(hidden_in_bag(ledger, bag, on))]


def _remove_pages(public: Path, bags: Iterable[str]) -> list[str]:
    """Remove the pages of bags; return their paths, whether they were there or not: elsewhere they may be."""
    paths = []
    for bag in sorted(bags):
        for language in ROOM:
            if (public / language / "bag").is_dir():
                paths.append(f"{language}/bag/{bag}/index.html")
                if (public / language / "bag" / bag).is_dir():
                    shutil.rmtree(public / language / "bag" / bag)
                    fsync_dir(public / language / "bag")
    return paths


def _look_nothing_up(public: Path, names: list[str]) -> list[str]:
    """Take the recordings of these files out of the tables; return the paths of those that there were.

    A name that ends with a slash is that of a bag, and means all its files.
    Tables that cannot be read are removed.
    """
    tables = sorted((public / LOOK_UP).glob("*.parquet"))
    recordings = public / LOOK_UP / "recordings.parquet"
    if recordings in tables:
        try:
            _filter(tables, recordings, names)
        except (duckdb.Error, pa.ArrowException) as error:
            _LOG.error("Nothing can be looked up in %s until the next publishing: %s", LOOK_UP, error)
            for table in tables:
                table.unlink()
    return [table.relative_to(public).as_posix() for table in tables]


def _filter(tables: list[Path], recordings: Path, names: list[str]) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="phonotheque-") as spill,
        closing(connect(memory_limit=_MEMORY, spill=Path(spill))) as engine,
    ):
        gone = (
            "CREATE TABLE gone AS SELECT DISTINCT recording FROM read_parquet($recordings) "
            "SEMI JOIN (SELECT unnest($names) AS name) ON name IN (bag || '/' || path, bag || '/')"
        )
        engine.execute(gone, {"recordings": str(recordings), "names": names})
        if engine.execute("SELECT count(*) FROM gone").fetchone() == (0,):
            return
        # The table that tells which recordings they are comes last: interrupted, all is done again.
        for table in sorted(tables, key=lambda one: one == recordings):
            new = table.with_name(f".{table.name}.new")
            rest = f"SELECT * FROM {_read(table)} ANTI JOIN gone USING (recording)"  # noqa: S608 — our own
            size = rows_at_once(pq.read_metadata(table).num_rows)
            options = f"FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE {size}"
            try:
                engine.execute(f"COPY ({rest} ORDER BY ALL) TO {_quoted(new)} ({options})")
                replace_durably(new, table)
            finally:
                new.unlink(missing_ok=True)


def _read(table: Path) -> str:
    return f"read_parquet({_quoted(table)})"


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"
