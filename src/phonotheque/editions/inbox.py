"""The inbox: requests of visitors, kept from the moment they are acknowledged until the ledger has them.

Who takes a request in needs no lock: it lies in a folder of its own, ``inbox/<id>``, that appears whole. Into
the ledger it comes when the archive's lock can be had, by the server or by the next command. Nothing is
hidden or decided by that: a request to take something back is filed, as `phono withdraw request` does it,
once it is known exactly what it names; else it waits for somebody who looks that up.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Final

from sqlalchemy import Connection

from phonotheque.editions.covering import Covered, covered_by
from phonotheque.editions.withdrawing import Asked
from phonotheque.editions.withdrawing import request as request_withdrawal
from phonotheque.ledger.requests import (
    Request,
    RequestKind,
    RequestStep,
    RequestStepRecord,
    add_request_step,
    record_request,
    request_with,
    to_be_filed,
)
from phonotheque.ledger.withdrawals import withdrawal
from phonotheque.model.errors import NotFoundError, UsageError, VerificationError
from phonotheque.vault.archive import Archive
from phonotheque.vault.evidence import evidence_path, keep_evidence
from phonotheque.vault.place import fsync_dir, naming

_FILE: Final = "request.json"
_DOCUMENT: Final = "document"
_PIECE: Final = 256 * 1024
_AT_ONCE: Final = 100  # requests that are looked at in one go
_AN_HOUR: Final = 3600  # seconds, in which a request is written, or never will be


@dataclass(frozen=True, slots=True)
class Settled:
    """What came of the inbox: how many the ledger has now, how many were filed, and what makes no sense."""

    taken: int
    filed: int
    unreadable: tuple[str, ...]


def put(archive: Archive, asked: Request, document: BinaryIO | None) -> None:
    """Keep a request: when this returns, it survives a power cut. The same one again changes nothing.

    Raises OSError where the disk is full.
    """
    home = archive.folder / "inbox"
    home.mkdir(mode=0o700, exist_ok=True)
    goal = home / asked.id
    if goal.exists():
        fsync_dir(home)  # who put it there a moment ago may not have come to that yet
        return
    making = home / f".{asked.id}-{uuid.uuid4()}"
    making.mkdir(mode=0o700)
    try:
        if document is not None:
            asked = replace(asked, document_sha256=_write(making / _DOCUMENT, document))
        row = asdict(asked)
        del row["steps"]
        with (making / _FILE).open("xb") as file, naming(making / _FILE):
            file.write(json.dumps(row, ensure_ascii=False, indent=1).encode())
            _sync(file)
        fsync_dir(making)
        try:
            making.rename(goal)
        except OSError:
            if not goal.exists():  # else the same request came in at the same moment
                raise
        fsync_dir(home)
        fsync_dir(archive.folder)
    finally:
        shutil.rmtree(making, ignore_errors=True)


def waiting(archive: Archive) -> list[str]:
    """Return the ids of requests that the ledger does not have yet, in no order."""
    home = archive.folder / "inbox"
    return [one.name for one in home.iterdir() if _is_id(one.name)] if home.is_dir() else []


def read(archive: Archive, request_id: str) -> Request | None:
    """Return a request that waits in the inbox. Raises VerificationError for one that makes no sense."""
    if not _is_id(request_id):
        return None
    path = archive.folder / "inbox" / request_id / _FILE
    try:
        row: dict[str, Any] = json.loads(path.read_bytes())
        asked = Request(**row | {"kind": RequestKind(row["kind"]), "named": tuple(row["named"])})
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise VerificationError(
            f"{path} makes no sense: {error}.", "Look at it, record by hand what it asks, and remove it."
        ) from error
    return asked


def find(archive: Archive, request_id: str) -> tuple[Request | None, bool]:
    """Return a request, and whether the ledger has it."""
    for _ in range(2):  # it may be taken in between the two looks
        with archive.ledger.connect() as ledger:
            if found := request_with(ledger, request_id):
                return found, True
        if asked := read(archive, request_id):
            return asked, False
    return None, False


def take_in(archive: Archive) -> Settled:
    """Bring into the ledger what lies in the inbox: quick. The archive's lock must be held."""
    found, unreadable = [], []
    _remove_half(archive)
    for name in waiting(archive):
        try:
            if asked := read(archive, name):
                found.append(asked)
            else:
                _remove(archive, name)  # it was taken in, and its folder half removed
        except VerificationError as error:
            unreadable.append(error.message)
    taken = 0
    for asked in sorted(found, key=lambda one: (one.received_at, one.id)):
        with archive.ledger.connect() as ledger:
            known = request_with(ledger, asked.id) is not None
        if not known:
            try:
                if asked.document_sha256:
                    document = archive.folder / "inbox" / asked.id / _DOCUMENT
                    keep_evidence(archive, document, asked.document_sha256)
            except (NotFoundError, VerificationError) as error:  # all others are taken in nevertheless
                unreadable.append(error.message)
                continue
            with archive.ledger.begin() as ledger:
                record_request(ledger, asked)
            taken += 1
        _remove(archive, asked.id)
    return Settled(taken, 0, tuple(unreadable))


def settle(archive: Archive, *, at: str) -> Settled:
    """Bring everything into the ledger, and file what can be. The archive's lock must be held."""
    settled = take_in(archive)
    filed = 0
    while found := requests_to_file(archive):
        filed += sum(file_request(archive, one, covers(archive, one), at=at) for one in found)
    return replace(settled, filed=filed)


def requests_to_file(archive: Archive) -> list[Request]:
    """Return some requests that nobody has tried to file yet."""
    with archive.ledger.connect() as ledger:
        return to_be_filed(ledger, _AT_ONCE)


def covers(archive: Archive, asked: Request) -> Covered | str:
    """Return what a request covers, or in words why that is not known. Needs no lock; may take long."""
    try:
        return covered_by(archive, asked.named)
    except (NotFoundError, UsageError) as error:
        return error.message


def file_request(
    archive: Archive,
    asked: Request,
    covered: Covered | str,
    *,
    at: str,
    by: str | None = None,
    also: Callable[[Connection, bool], None] | None = None,
) -> bool:
    """File a request as a withdrawal, or record why that cannot be; tell which. The lock must be held.

    ``also`` records, together with that, what else there is to be said of it.
    """
    agent = by or archive.settings.archive.agent
    with archive.ledger.connect() as ledger:
        now = request_with(ledger, asked.id)
    if now is None or now.withdrawal_id or now.ended:
        return False
    # Derived from the request's id, and not the other way round: tombstones tell it to everybody.
    name = str(uuid.uuid5(uuid.NAMESPACE_OID, asked.id))
    why = covered if isinstance(covered, str) else None
    try:
        if isinstance(covered, Covered):
            _withdraw(archive, asked, covered, name, at)
    except UsageError as error:
        why = error.message
    step = RequestStepRecord(at, RequestStep.FILED, agent, withdrawal_id=name)
    if why is not None:
        step = RequestStepRecord(at, RequestStep.UNCLEAR, agent, note=why)
    with archive.ledger.begin() as ledger:
        add_request_step(ledger, asked.id, step)
        if also is not None:
            also(ledger, why is None)
    return why is None


def _withdraw(archive: Archive, asked: Request, covered: Covered, name: str, at: str) -> None:
    with archive.ledger.connect() as ledger:
        try:
            withdrawal(ledger, name)
            return  # recorded by a run that was killed before it could say so
        except NotFoundError:
            pass
    document = evidence_path(archive, asked.document_sha256) if asked.document_sha256 else None
    request_withdrawal(
        archive,
        Asked(
            by=asked.asked_by,
            reason=asked.reason,
            words=asked.named,
            contact=asked.contact,
            public_reason=asked.public_reason,
            public_name=asked.public_name,
            document=document,
            territory=asked.territory,
            erase=asked.erase,
        ),
        covered,
        at=at,
        name=name,
    )


def _remove_half(archive: Archive) -> None:
    """Remove what a server that was killed had written of requests: they were not acknowledged."""
    home = archive.folder / "inbox"
    for one in home.iterdir() if home.is_dir() else ():
        with suppress(FileNotFoundError):  # it has come to its end meanwhile
            if one.name.startswith(".") and one.stat().st_mtime < time.time() - _AN_HOUR:
                shutil.rmtree(one)


def _remove(archive: Archive, name: str) -> None:
    shutil.rmtree(archive.folder / "inbox" / name)
    fsync_dir(archive.folder / "inbox")


def _write(path: Path, document: BinaryIO) -> str:
    """Write a document durably; return its SHA-256."""
    hasher = hashlib.sha256()
    with path.open("xb") as file, naming(path):
        for piece in _pieces(document):
            hasher.update(piece)
            file.write(piece)
        _sync(file)
    path.chmod(0o600)
    return hasher.hexdigest()


def _pieces(document: BinaryIO) -> Iterator[bytes]:
    while piece := document.read(_PIECE):
        yield piece


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _is_id(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False
