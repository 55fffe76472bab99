"""Documents that rest behind rights statements: agreements, letters, scans. Kept by hash, never published."""

from __future__ import annotations

import hashlib
from pathlib import Path

from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.vault.archive import Archive
from phonotheque.vault.fixity import check_file
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.place import copy_hashing, fsync_dir, replace_durably


def keep_evidence(archive: Archive, document: Path, sha256: str | None = None) -> str:
    """Keep a copy of a document; return its SHA-256. The archive's lock must be held.

    ``sha256`` is that of the document as it was verified, where it was. Raises VerificationError if it is
    another by now, NotFoundError if there is none, OSError if it cannot be read or the disk is full.
    """
    if not document.is_file():
        raise NotFoundError(f"There is no document {document}.", "Name the file that shows the basis.")
    archive.evidence.mkdir(mode=0o700, parents=True, exist_ok=True)  # nobody else's, whatever the umask
    # One name: what a run left that was killed goes, and only one runs at a time.
    temporary = archive.evidence / ".keeping"
    temporary.unlink(missing_ok=True)
    try:
        found = copy_hashing(document, temporary, hashlib.sha256).hexdigest()
        if sha256 not in (None, found):
            raise VerificationError(
                f"{document} changed while it was read: its SHA-256 is {found}, not {sha256}.",
                "Leave it as it is, and try again.",
            )
        goal = evidence_path(archive, found)
        if not goal.exists() or check_file(goal, goal.stat().st_size, found) is not None:
            goal.parent.mkdir(exist_ok=True)
            replace_durably(temporary, goal)
            goal.chmod(0o444)
            fsync_dir(archive.evidence)
    finally:
        temporary.unlink(missing_ok=True)
    return found


def evidence_path(archive: Archive, sha256: str) -> Path:
    """Return where a kept document lies."""
    return incoming_path(archive.evidence, sha256)


def read_evidence(archive: Archive, sha256: str) -> bytes:
    """Return a kept document. Raises NotFoundError, and VerificationError if it is not what was kept."""
    path = evidence_path(archive, sha256)
    if not path.exists():
        raise NotFoundError(
            f"The document {sha256} is not in {archive.evidence}.", "Restore it from a backup."
        )
    if finding := check_file(path, path.stat().st_size, sha256):
        raise VerificationError(f"{path}: {finding.detail}", "Restore it from a backup.")
    return path.read_bytes()
