"""Taking one file in: the work of a worker process. One read of the source, one decode of the copy.

The bytes are durable under ``incoming`` before a result is returned, so the ledger may acknowledge them.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from phonotheque.audio.examine import examine
from phonotheque.audio.identify import begins_like_sound, identify
from phonotheque.audio.sidecars import examine_sidecar, limit_of
from phonotheque.jobs.limits import processor_time
from phonotheque.model.audio import AudioFacts, Refusal, RefusalKind
from phonotheque.model.rights import WORLDWIDE, Act, Answer, Evidence
from phonotheque.model.sidecars import Beside, SidecarFacts
from phonotheque.rights.decide import decide
from phonotheque.sources.checksums import ALGORITHMS, Hashes
from phonotheque.sources.evidence import gather, gather_beside, speaks_of_rights
from phonotheque.sources.folder import FoundFile
from phonotheque.sources.granted import Basis
from phonotheque.vault.archive import now
from phonotheque.vault.incoming import incoming_path
from phonotheque.vault.place import copy_hashing, feed, fsync_dir, hard_link, replace_durably, share

_TEMPORARY = ".taking-"
_LONGEST = 3600  # seconds of processor time for one file: days of sound decode in less


class How(StrEnum):
    """What happens to the source file. A move is a copy whose source is removed once the ledger has it."""

    COPY = "copy"
    MOVE = "move"
    LINK = "link"


@dataclass(frozen=True, slots=True)
class TakeIn:
    """One file to take in. ``may_keep``: the archive may keep it whatever is found about its rights.

    ``bases`` are what agreements say of it; with ``as_listed`` nothing else is taken in. ``country`` is where
    the archive is and keeps it; empty: anywhere.
    """

    found: FoundFile
    incoming: Path
    how: How
    may_keep: bool
    loudness: bool = True
    bases: tuple[Basis, ...] = ()
    as_listed: bool = False
    country: str = ""


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of it. ``held``: its bytes are durable under ``incoming``. ``bases``: which are about it."""

    found: FoundFile
    outcome: AudioFacts | SidecarFacts | Refusal
    evidence: Evidence = field(default_factory=Evidence)
    held: bool = False
    bases: tuple[str, ...] = ()


def take_in(batch: list[TakeIn]) -> list[Taken]:
    """Take in a batch of files. Raises OSError only when the archive's own disk fails (full, read-only).

    A file that keeps a processor busy for an hour ends this process, like one that makes a decoder crash.
    """
    taken = []
    for task in batch:
        with processor_time(_LONGEST):
            taken.append(_take_in(task))
    return taken


def remove_leftovers(incoming: Path) -> None:
    """Remove what an interrupted run left half-copied. The archive's lock must be held."""
    for leftover in incoming.glob(f"{_TEMPORARY}*"):
        leftover.unlink()


def _take_in(task: TakeIn) -> Taken:
    source = Path(os.fsdecode(task.found.path))
    # Not named by the process: workers of several machines share the folder, and number theirs alike.
    temporary = task.incoming / f"{_TEMPORARY}{uuid.uuid4().hex}"
    try:
        try:
            sidecar = task.found.sidecar
            refusal = identify(source) if sidecar is None else _refuse_sidecar(source, task.found, sidecar)
            if refusal is not None:
                return Taken(task.found, refusal)
            sha256 = _copy(source, temporary, task.how)
            changed = not still_the_same(task.found)
        except OSError as error:
            if error.filename is not None and os.fsencode(error.filename) != task.found.path:
                raise
            return Taken(task.found, Refusal(RefusalKind.UNREADABLE, _reading_failed(error)))
        if changed:
            return Taken(task.found, Refusal(RefusalKind.UNREADABLE, "changed while it was being read"))
        bases = [basis for basis in task.bases if _is_listed(temporary, sha256, basis)]
        if task.as_listed and not bases:
            return Taken(task.found, Refusal(RefusalKind.UNREADABLE, "is not the file that is listed"))
        facts = _facts(task, temporary, sha256)
        if isinstance(facts, Refusal):
            return Taken(task.found, facts)
        if task.as_listed:
            evidence = Evidence()  # exactly what was agreed, whatever tags and notes say besides
        elif isinstance(facts, SidecarFacts):
            evidence = gather_beside(task.found.path, task.found.notes)
        else:
            evidence = gather(task.found.path, task.found.notes, facts.tags)
        said = [s for each in (evidence, *(basis.evidence for basis in bases)) for s in each.statements]
        keep = decide(said, Act.PRESERVE, on=now().date(), territory=task.country or WORLDWIDE)
        held = task.may_keep or keep.answer is Answer.YES
        if held:
            _keep(temporary, task.incoming, sha256)
        return Taken(task.found, facts, evidence, held, tuple(dict.fromkeys(basis.key for basis in bases)))
    finally:
        temporary.unlink(missing_ok=True)


def _refuse_sidecar(source: Path, found: FoundFile, sidecar: Beside) -> Refusal | None:
    """Return why a sidecar is not read at all: what may be kept of music has no limit, of these it has."""
    limit = limit_of(sidecar, found.path)
    if found.size > limit:
        if begins_like_sound(source):
            return identify(source)
        reason = f"{found.size:,} bytes, more than the {limit:,} that are kept of such a file beside music"
        return Refusal(RefusalKind.LIMIT, reason)
    if sidecar.of_track and found.path.endswith(b".txt") and speaks_of_rights(source):
        return Refusal(RefusalKind.EVIDENCE, "a note about rights, which was read as evidence")
    return None


def _is_listed(copy: Path, sha256: str, basis: Basis) -> bool:
    """Whether a file has the checksums that an agreement gives, which is about no other.

    If it gives only some that cannot be computed here, whether it is about this file is not known: it is not.
    """
    wanted = {name: value for name, value in basis.sums if name in ALGORITHMS}
    if basis.sums and not wanted:
        return False
    if wanted.pop("sha256", sha256) != sha256:
        return False
    hashes = feed(copy, Hashes(wanted)) if wanted else None
    return hashes is None or all(hashes.hexdigest(name) == value for name, value in wanted.items())


def _facts(task: TakeIn, copy: Path, sha256: str) -> AudioFacts | SidecarFacts | Refusal:
    found = task.found
    sidecar = found.sidecar
    if sidecar is None or found.size > limit_of(sidecar, found.path):  # not refused for that: it may be sound
        return examine(copy, sha256=sha256, size=found.size, loudness=task.loudness)
    said = examine_sidecar(copy, sidecar, name=found.path, sha256=sha256, size=found.size)
    if isinstance(said, Refusal) and said.kind is RefusalKind.NOT_AUDIO and begins_like_sound(copy):
        # As alone in a folder: music under the name of a text or picture is music.
        return examine(copy, sha256=sha256, size=found.size, loudness=task.loudness)
    return said


def still_the_same(found: FoundFile) -> bool:
    """Whether a source file is as the walk found it. Raises OSError."""
    status = os.stat(found.path)
    return (status.st_size, status.st_mtime_ns, str(status.st_ino)) == (
        found.size,
        found.mtime_ns,
        found.inode,
    )


def _copy(source: Path, temporary: Path, how: How) -> str:
    # hashlib's objects fit the placing functions' protocol: one pass copies and hashes.
    # A symbolic link cannot be linked to: it names a file that may lie anywhere, so that is copied.
    if how is How.LINK and not source.is_symlink() and hard_link(source, temporary):
        return feed(temporary, hashlib.sha256()).hexdigest()
    if share(source, temporary, allow_link=False):
        return feed(temporary, hashlib.sha256()).hexdigest()
    return copy_hashing(source, temporary, hashlib.sha256, sync=False).hexdigest()


def _keep(temporary: Path, incoming: Path, sha256: str) -> None:
    place = incoming_path(incoming, sha256)
    if not place.parent.exists():
        place.parent.mkdir(exist_ok=True)
        fsync_dir(incoming)
    if temporary.stat().st_nlink == 1:
        temporary.chmod(0o444)
    elif place.exists() and feed(place, hashlib.sha256()).hexdigest() == sha256:
        return  # a master of our own is better than a link that the source's owner may write through
    # Else a hard link: it shares its mode with the source, which is not ours to change.
    replace_durably(temporary, place)


def _reading_failed(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return "vanished before it could be read"
    return error.strerror or str(error)
