"""What agreements say of files: known before a file is read, because it decides whether it may be kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from phonotheque.ledger.agreements import bases_of, link_file
from phonotheque.ledger.statements import record_evidence
from phonotheque.model.rights import Evidence


@dataclass(frozen=True, slots=True)
class Basis:
    """What one agreement says of a file at a path. ``key`` names the agreement, ``what`` the file in it.

    ``sums`` are checksums that the file must have, by algorithm as hashlib names it: of any other file the
    agreement says nothing.
    """

    key: str
    what: str
    evidence: Evidence
    sums: tuple[tuple[str, str], ...] = ()

    @property
    def found_at(self) -> bytes:
        """Where its statements are recorded as found: apart from those of notes beside the file."""
        return found_at(self.key, self.what)


@dataclass(frozen=True, slots=True)
class Granting:
    """What agreements say of the files of a folder, by absolute path, and as what they are taken in.

    ``only_these``: nothing but what an agreement lists is taken in, as it lists it, and nothing else is read
    of its rights.
    """

    source: str
    of: Mapping[bytes, tuple[Basis, ...]] = field(default_factory=dict)
    only_these: bool = False

    def unrecorded(self, ledger: Connection, seen: Mapping[bytes, int]) -> set[bytes]:
        """Return which of these paths, seen before as these files, have an agreement not recorded yet."""
        known = bases_of(ledger, {seen[path] for path in seen if path in self.of})
        return {
            path
            for path, file_id in seen.items()
            if any(basis.key not in known[file_id] for basis in self.of.get(path, ()))
        }


def found_at(key: str, what: str) -> bytes:
    """Return where statements of an agreement are recorded as found."""
    return f"{key}#{what}".encode()


def record_bases(
    ledger: Connection, file_id: int, bases: Iterable[Basis], *, accession: str, at: str
) -> None:
    """Record what agreements say of a file, in place of what they said before."""
    for basis in bases:
        link_file(ledger, basis.key, file_id, basis.what, accession=accession, at=at)
        record_evidence(ledger, file_id, basis.evidence, found_at=basis.found_at, at=at)
