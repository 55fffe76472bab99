"""What a mirror holds of somebody else's bags: wanted, complete, and every file that was verified."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from types import MappingProxyType

from sqlalchemy import Connection, Table, delete, exists, func, insert, select, update

from phonotheque.ledger.schema import events, holding_files, holding_lost, holdings
from phonotheque.ledger.together import insert_or_replace, insert_unless_there
from phonotheque.model.batches import IN_A_STATEMENT, batched


class HoldingState(StrEnum):
    """Where a bag stands."""

    WANTED = "wanted"  # chosen; some files may be verified already
    COMPLETE = "complete"  # every file verified and on the disk
    PARTIAL = "partial"  # the files on record verified and on the disk, and no more wanted
    WITHDRAWN = "withdrawn"  # taken back by its publisher: neither served nor fetched, for ever
    BARRED = "barred"  # not for the place where the mirror is: as withdrawn, until its files are erased
    DROPPED = "dropped"  # there is no room for it, and others hold it: as barred


DELETION = "deletion"  # the PREMIS type of the event in which a mirror proves why files were erased
HELD = (HoldingState.COMPLETE, HoldingState.PARTIAL)  # verified, and where bags are served from
GOING = (HoldingState.WITHDRAWN, HoldingState.BARRED, HoldingState.DROPPED)
_FOR_NOW = (HoldingState.BARRED.value, HoldingState.DROPPED.value)  # such a bag may come back


@dataclass(frozen=True, slots=True)
class Holding:
    """One bag of a mirror. ``edition`` is the one that added it, ``bytes`` are those of the whole bag.

    ``verified_at`` is None until it is complete, or all that is wanted of it.
    """

    bag_id: str
    edition: int
    bytes: int
    state: HoldingState
    verified_at: str | None


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file that was hashed and found right, relative to its bag."""

    path: str
    size: int
    sha256: str


def want(connection: Connection, bag_id: str, *, edition: int, size: int) -> None:
    """Record that a bag is wanted; one that is already recorded stays so, unless it had gone for now."""
    row = {"bag_id": bag_id, "edition": edition, "bytes": size, "state": HoldingState.WANTED.value}
    insert_unless_there(connection, holdings, row, holdings.c.bag_id)
    gone = (holdings.c.bag_id == bag_id) & holdings.c.state.in_(_FOR_NOW)
    if connection.execute(select(holdings.c.bag_id).where(gone)).first():
        connection.execute(delete(holding_files).where(holding_files.c.bag_id == bag_id))
        _set(connection, bag_id, HoldingState.WANTED, None)


def all_holdings(connection: Connection) -> dict[str, Holding]:
    """Return every holding by bag id, in the order of ids."""
    rows = connection.execute(select(holdings).order_by(holdings.c.bag_id))
    return {
        row.bag_id: Holding(row.bag_id, row.edition, row.bytes, HoldingState(row.state), row.verified_at)
        for row in rows
    }


def holding_of(connection: Connection, bag_id: str) -> Holding | None:
    """Return one holding, None if the bag is not known."""
    row = connection.execute(select(holdings).where(holdings.c.bag_id == bag_id)).first()
    if row is None:
        return None
    return Holding(row.bag_id, row.edition, row.bytes, HoldingState(row.state), row.verified_at)


def state_of(connection: Connection, bag_id: str) -> HoldingState | None:
    """Return where a bag stands, None if it is not known."""
    state = connection.execute(select(holdings.c.state).where(holdings.c.bag_id == bag_id)).scalar()
    return None if state is None else HoldingState(state)


def verified_files(connection: Connection, bag_id: str) -> dict[str, HeldFile]:
    """Return the files of a bag that were verified, by path."""
    rows = connection.execute(select(holding_files).where(holding_files.c.bag_id == bag_id))
    return {row.path: HeldFile(row.path, row.size, row.sha256) for row in rows}


def lost_since(connection: Connection, bag_id: str) -> dict[str, HeldFile]:
    """Return the files of a bag held in part that were verified once, and are not right any more, by path."""
    rows = connection.execute(select(holding_lost).where(holding_lost.c.bag_id == bag_id))
    return {row.path: HeldFile(row.path, row.size, row.sha256) for row in rows}


def verified_parts(connection: Connection) -> dict[str, tuple[int, str]]:
    """Return of each bag that is here in part the bytes that were verified, and since when, all of them."""
    columns, parts = holding_files.c, (HoldingState.WANTED.value, HoldingState.PARTIAL.value)
    query = (
        select(
            columns.bag_id,
            func.sum(columns.size).label("bytes"),
            func.min(columns.verified_at).label("since"),
        )
        .join(holdings, holdings.c.bag_id == columns.bag_id)
        .where(holdings.c.state.in_(parts))
        .group_by(columns.bag_id)
    )
    return {row.bag_id: (int(row.bytes), row.since) for row in connection.execute(query)}


def record_verified(
    connection: Connection,
    bag_id: str,
    files: Iterable[HeldFile],
    *,
    at: str,
    roots: Mapping[str, bytes] = MappingProxyType({}),
) -> None:
    """Record files as verified at ``at``, in place of what was recorded of them before.

    The caller has brought them to the disk (fsync) first. ``roots`` are pieces roots by path, where a torrent
    tells them: by these the files are found when another bag wants them.
    """
    rows = [
        {"bag_id": bag_id, "verified_at": at, "root_start": _start(roots.get(file.path)), **asdict(file)}
        for file in files
    ]
    for table in (holding_files, holding_lost):
        _forget(connection, bag_id, [str(row["path"]) for row in rows], table)
    if rows:
        connection.execute(insert(holding_files), rows)


def complete(connection: Connection, bag_id: str, *, at: str) -> None:
    """Record that every file of a bag was verified."""
    _find_all(connection, bag_id)
    _set(connection, bag_id, HoldingState.COMPLETE, at)


def complete_in_part(
    connection: Connection,
    bag_id: str,
    files: Collection[HeldFile],
    *,
    at: str,
    roots: Mapping[str, bytes] = MappingProxyType({}),
) -> None:
    """Record that these files of a bag, and no others, were verified and are all that is wanted of it."""
    known = verified_files(connection, bag_id)
    _forget(connection, bag_id, known.keys() - {file.path for file in files})
    record_verified(connection, bag_id, files, at=at, roots=roots)
    _set(connection, bag_id, HoldingState.PARTIAL, at)


def bytes_held(connection: Connection) -> dict[str, int]:
    """Return the bytes of each bag that is held: all of a whole one, those that were verified of a part."""
    rows = connection.execute(
        select(holdings.c.bag_id, holdings.c.bytes).where(holdings.c.state == HoldingState.COMPLETE.value)
    )
    whole = {row.bag_id: int(row.bytes) for row in rows}
    query = (
        select(holding_files.c.bag_id, func.sum(holding_files.c.size).label("size"))
        .join(holdings, holdings.c.bag_id == holding_files.c.bag_id)
        .where(holdings.c.state == HoldingState.PARTIAL.value)
        .group_by(holding_files.c.bag_id)
    )
    return whole | {row.bag_id: int(row.size) for row in connection.execute(query)}


def reopen(connection: Connection, bag_id: str, paths: Collection[str]) -> None:
    """Take back that a bag is complete: the files at ``paths`` were found wrong or missing.

    A bag that is held in part stays so, without them; those that were verified are known as lost.
    """
    if state_of(connection, bag_id) is HoldingState.PARTIAL:
        known = verified_files(connection, bag_id)
        for file in (known[path] for path in paths if path in known):
            insert_or_replace(connection, holding_lost, {"bag_id": bag_id, **asdict(file)})
    else:
        _set(connection, bag_id, HoldingState.WANTED, None)
    _forget(connection, bag_id, paths)


def let_go(connection: Connection, bag_id: str, state: HoldingState) -> None:
    """Record that a bag is not to be held any more: it was withdrawn, is barred from here, or was dropped."""
    _find_all(connection, bag_id)
    _set(connection, bag_id, state, None)


def erased(connection: Connection, bag_id: str, paths: Collection[str]) -> None:
    """Forget files whose bytes are gone; a barred or dropped bag of which nothing is left goes with them."""
    _forget(connection, bag_id, paths)
    left = select(holding_files.c.bag_id).where(holding_files.c.bag_id == bag_id).limit(1)
    if connection.execute(left).first() is None:
        gone = (holdings.c.bag_id == bag_id) & holdings.c.state.in_(_FOR_NOW)
        connection.execute(delete(holdings).where(gone))


def bags_with_files(connection: Connection, states: Collection[HoldingState]) -> list[str]:
    """Return the bags in one of these states of which files are on record."""
    query = (
        select(holdings.c.bag_id)
        .where(
            holdings.c.state.in_([state.value for state in states]),
            exists().where(holding_files.c.bag_id == holdings.c.bag_id),
        )
        .order_by(holdings.c.bag_id)
    )
    return list(connection.execute(query).scalars())


def bags_holding(connection: Connection, hashes: Iterable[str]) -> dict[str, str]:
    """Return the bags of which a file with one of these SHA-256 is on record, each with one of them."""
    found: dict[str, str] = {}
    for some in batched(sorted(hashes), IN_A_STATEMENT):
        query = select(holding_files.c.bag_id, holding_files.c.sha256).where(holding_files.c.sha256.in_(some))
        found |= {row.bag_id: row.sha256 for row in connection.execute(query)}
    return found


def held_bags_with(connection: Connection, hashes: Iterable[str]) -> dict[str, str]:
    """Return by SHA-256, for those of these files that a bag held has on record, one such bag's id."""
    found: dict[str, str] = {}
    for some in batched(sorted(hashes), IN_A_STATEMENT):
        query = (
            select(holding_files.c.sha256, holding_files.c.bag_id)
            .join(holdings, holdings.c.bag_id == holding_files.c.bag_id)
            .where(
                holding_files.c.sha256.in_(some),
                holdings.c.state.in_([state.value for state in HELD]),
            )
        )
        found |= {row.sha256: row.bag_id for row in connection.execute(query)}
    return found


def erased_totals(connection: Connection) -> tuple[int, int]:
    """Return how many files were erased with a proof, and their bytes."""
    proofs = connection.execute(select(events.c.detail).where(events.c.type == DELETION)).scalars()
    files, size = 0, 0
    for proof in proofs:
        files += len(proof["erased"])
        size += sum(file["size"] for file in proof["erased"])
    return files, size


def held_like(connection: Connection, wanted: Iterable[tuple[int, bytes]]) -> Iterator[tuple[str, HeldFile]]:
    """Yield the verified files of bags held that may be one of those wanted by size and pieces root (BEP 52).

    With each its bag's id. Where no root is on record, the size has to do: it is for the caller to make sure.
    """
    for some in batched(sorted(set(wanted)), IN_A_STATEMENT // 2):
        starts = [_start(root) for _, root in some]
        query = (
            select(holding_files)
            .join(holdings, holdings.c.bag_id == holding_files.c.bag_id)
            .where(
                holding_files.c.size.in_({size for size, _ in some}),
                holding_files.c.root_start.in_(starts) | holding_files.c.root_start.is_(None),
                holdings.c.state.in_([state.value for state in HELD]),
            )
            .order_by(holding_files.c.bag_id, holding_files.c.path)
        )
        for row in connection.execute(query).all():
            yield row.bag_id, HeldFile(row.path, row.size, row.sha256)


def _start(root: bytes | None) -> int | None:
    return int.from_bytes(root[:8], signed=True) if root else None


def _set(connection: Connection, bag_id: str, state: HoldingState, verified_at: str | None) -> None:
    connection.execute(
        update(holdings).where(holdings.c.bag_id == bag_id).values(state=state.value, verified_at=verified_at)
    )


def _forget(connection: Connection, bag_id: str, paths: Iterable[str], table: Table = holding_files) -> None:
    for some in batched(paths, IN_A_STATEMENT):
        connection.execute(delete(table).where(table.c.bag_id == bag_id, table.c.path.in_(some)))


def _find_all(connection: Connection, bag_id: str) -> None:
    """Look for none of a bag's lost files any more."""
    connection.execute(delete(holding_lost).where(holding_lost.c.bag_id == bag_id))
