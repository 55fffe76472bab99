"""Auditing one bag of a public tree: tag files and torrent verified, lines judged, files looked for.

Tag files are brought into a scratch folder, verified there, and only then believed. At no time is more in
memory than the manifests of one bag.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any, Final

from phonotheque.editions.about import About, Counting
from phonotheque.editions.audit import Fault, Terms, Tombstones, What, judge
from phonotheque.editions.edition import BagEntry
from phonotheque.editions.metainfo import TorrentMeta
from phonotheque.editions.sealing import CATALOGUE_WAVE
from phonotheque.editions.shelves import bags_folder
from phonotheque.mirrors.audit_catalogue import CatalogueLook, audit_catalogue
from phonotheque.mirrors.audit_index import IndexRows
from phonotheque.mirrors.audit_lines import Row, compare, read_lines, wrong_names
from phonotheque.mirrors.mining_rules import MiningRules
from phonotheque.mirrors.origin import FolderOrigin, Origin, fetch, is_there
from phonotheque.mirrors.transfer import MAX_TORRENT_BYTES, check_torrent
from phonotheque.model.errors import NetworkError, NotFoundError, VerificationError
from phonotheque.model.progress import Progress
from phonotheque.model.rights import Answer
from phonotheque.model.territory import WORLDWIDE, Territory, parse_territory
from phonotheque.vault.bag import README, RECORDINGS
from phonotheque.vault.bagfolder import (
    DECLARATION,
    INFO,
    MANIFEST,
    MAX_TAG_BYTES,
    TAG_MANIFEST,
    BagContents,
    files_in,
    read_bag,
    read_tag_manifest,
)

_MAX_RECORDINGS: Final = 4 * 1024**3  # bytes
_MAX_README: Final = 1024**2
_AT_ONCE: Final = 256  # files looked for before their faults are told
_AUDIENCE: Final = "Phonotheque-Audience"  # in bag-info.txt, of bags that are not for everybody
_SEALED: Final = "Bagging-Date"
_NEEDED: Final = (DECLARATION, INFO, MANIFEST, RECORDINGS)
_TAG_FILES: Final = (*_NEEDED, README)  # that a bag has besides its tag manifest


@dataclass(frozen=True, slots=True)
class Standard:
    """What all bags of a tree are measured by. ``country`` narrows every audience to it."""

    on: date
    stones: Tombstones
    mining: MiningRules | None
    country: Territory | None
    every_byte: bool
    look: bool  # whether files are looked for at all
    scratch: Path
    executor: Executor
    about: Mapping[str, About] | None = None  # what the edition says of each bag


def home_of(entry: BagEntry) -> str:
    """Return where a public tree shows a bag."""
    return f"{bags_folder(entry.audience)}/{entry.id}"


class _BrokenError(Exception):
    """The bag cannot be believed any further. Only within this file."""


def audit_bag(
    origin: Origin,
    entry: BagEntry,
    rows: IndexRows | None,
    standard: Standard,
    on_fault: Callable[[Fault], None],
    progress: Progress,
) -> bool:
    """Audit one bag; return whether it is there at all. Raises NetworkError when a server cannot be read."""
    home = home_of(entry)
    try:
        tagmanifest = fetch(origin, f"{home}/{TAG_MANIFEST}", MAX_TAG_BYTES)
    except NotFoundError:
        if not _is_shown(origin, home):
            return False
        reason = "is not there, and the bag is: nothing in it can be verified"
        on_fault(Fault(What.MISSING, entry.id, TAG_MANIFEST, reason))
        return True
    except VerificationError as error:
        on_fault(Fault(What.DAMAGED, entry.id, TAG_MANIFEST, error.message))
        return True
    audit = _BagAudit(origin, entry, rows, standard, on_fault, progress)
    with suppress(_BrokenError):  # why was told
        audit.run(tagmanifest)
    return True


def _is_shown(origin: Origin, home: str) -> bool:
    """Tell whether there is something where a bag should be, though its tag manifest is not."""
    if isinstance(origin, FolderOrigin):
        return os.path.lexists(Path(origin.where, home))
    return any(is_there(origin, f"{home}/{name}") for name in _TAG_FILES)


class _BagAudit:
    """One bag under audit: what its verified tag files say."""

    def __init__(
        self,
        origin: Origin,
        entry: BagEntry,
        rows: IndexRows | None,
        standard: Standard,
        on_fault: Callable[[Fault], None],
        progress: Progress,
    ) -> None:
        self.origin, self.entry, self.rows = origin, entry, rows
        self.standard, self.on_fault, self.progress = standard, on_fault, progress
        self.home, self.folder = home_of(entry), standard.scratch / entry.id
        self.audience = standard.country or parse_territory(entry.audience)

    def fault(self, what: What, path: str, reason: str) -> None:
        self.on_fault(Fault(what, self.entry.id, path, reason))

    def run(self, tagmanifest: bytes) -> None:
        """Verify the tag files and the torrent, then audit what they say of the payload."""
        self.folder.mkdir()
        try:
            tags = self._tag_files(tagmanifest)
            bag = self._believe(lambda: read_bag(self.folder), MANIFEST)
            sizes = self._torrent(bag)
            self._audience_said(bag)
            terms = Terms(
                bag=self.entry.id,
                wave=self.entry.wave,
                audience=self.audience,
                on=self.standard.on,
                sealed=self._sealed(bag),
                stones=self.standard.stones,
            )
            self._lines(bag, sizes, terms)
            self._files(bag, sizes)
            self._unlisted({*bag.manifest, *tags, TAG_MANIFEST})
        finally:
            for file in self.folder.iterdir():
                file.unlink()
            self.folder.rmdir()

    def _believe(self, read: Callable[[], Any], path: str) -> Any:
        try:
            return read()
        except VerificationError as error:
            self.fault(What.DAMAGED, path, error.message)
            raise _BrokenError from error

    def _tag_files(self, tagmanifest: bytes) -> Mapping[str, str]:
        found = hashlib.sha256(tagmanifest).hexdigest()
        if found != self.entry.tagmanifest_sha256:
            reason = f"its SHA-256 is {found}; edition.json lists {self.entry.tagmanifest_sha256}"
            self.fault(What.DAMAGED, TAG_MANIFEST, reason)
            raise _BrokenError
        (self.folder / TAG_MANIFEST).write_bytes(tagmanifest)
        tags: Mapping[str, str] = self._believe(lambda: read_tag_manifest(self.folder), TAG_MANIFEST)
        for path in sorted(tags.keys() - set(_TAG_FILES)):
            self.fault(What.NO_LINE, path, "is no file that a bag is made of, and no line can tell of it")
        whole = [self._fetch_tag_file(path, tags[path]) for path in _TAG_FILES if path in tags]
        lacking = [name for name in _NEEDED if name not in tags]
        for name in lacking:
            self.fault(What.NO_LINE, name, f"{TAG_MANIFEST} does not list it, so nothing in it is signed")
        if lacking or not all(whole):
            raise _BrokenError
        return tags

    def _fetch_tag_file(self, path: str, sha256: str) -> bool:
        """Bring a tag file into the scratch folder, if it is one that is read; tell whether it is whole."""
        most = {RECORDINGS: _MAX_RECORDINGS, README: _MAX_README}.get(path, MAX_TAG_BYTES)
        digest, size = hashlib.sha256(), 0
        place = self.folder / path if path in _NEEDED else Path("/dev/null")
        try:
            with place.open("wb") as stream:
                for chunk in self.origin.open_range(f"{self.home}/{path}", 0, most + 1):
                    digest.update(chunk)
                    size += len(chunk)
                    stream.write(chunk)
        except NotFoundError:
            self.fault(What.MISSING, path, "is not there")
            return False
        except VerificationError as error:
            self.fault(What.DAMAGED, path, error.message)
            return False
        except NetworkError as error:
            return self._unreadable(path, error)
        if size > most or digest.hexdigest() != sha256:
            self.fault(What.DAMAGED, path, f"its SHA-256 is not the {sha256} of {TAG_MANIFEST}")
            return False
        return True

    def _unreadable(self, path: str, error: NetworkError) -> bool:
        """Go on past a file that a disk does not give; of a server that does not answer, nothing is known."""
        if not isinstance(self.origin, FolderOrigin):
            raise error
        self.fault(What.UNREADABLE, path, error.message)
        return False

    def _torrent(self, bag: BagContents) -> Mapping[str, tuple[int, str]]:
        """Compare the torrent with the bag; return size and root of each payload file as it has them."""
        wanted = self.entry.torrent
        place = f"targets/{wanted.path}"
        try:
            if wanted.size > MAX_TORRENT_BYTES:
                raise VerificationError(f"is larger than a torrent may be: {wanted.size} bytes")
            data = fetch(self.origin, place, wanted.size)
            meta = check_torrent(data, replace(self.entry, audience=WORLDWIDE))  # privacy: see below
        except NotFoundError:
            self.fault(What.MISSING, place, "is not there")
            raise _BrokenError from None
        except VerificationError as error:
            self.fault(What.DAMAGED, place, error.message)
            raise _BrokenError from error
        if self.entry.audience != WORLDWIDE and not meta.private:
            self.fault(What.AUDIENCE, place, "lets anybody find the bag: it is not private (BEP 27)")
        return self._payload_of(meta, bag)

    def _payload_of(self, meta: TorrentMeta, bag: BagContents) -> dict[str, tuple[int, str]]:
        listed = {*bag.manifest, *bag.tagmanifest, TAG_MANIFEST}
        held = {file.path: (file.size, file.root.hex()) for file in meta.files}
        for path in sorted(held.keys() - listed):
            self.fault(What.UNLISTED, path, "is in the bag's torrent, and in no manifest")
        for path in sorted(listed - held.keys()):
            self.fault(What.CLAIM, path, "is in the bag's manifests, and not in its torrent")
        payload = {path: fact for path, fact in held.items() if path in bag.manifest}
        size = sum(size for size, _ in payload.values())
        entry = self.entry
        for what, found, said in (
            ("bytes", size, entry.payload_bytes),
            ("files", len(bag.manifest), entry.payload_files),
        ):
            if found != said:
                self.fault(What.CLAIM, "", f"holds {found} {what} of payload; edition.json says {said}")
        return payload

    def _audience_said(self, bag: BagContents) -> None:
        said = self._info(bag, _AUDIENCE) or self.entry.audience
        if said != self.entry.audience:
            reason = f"the bag is for {said}, as it says itself; edition.json says {self.entry.audience}"
            self.fault(What.AUDIENCE, INFO, reason)

    def _info(self, bag: BagContents, label: str) -> str | None:
        """Return what bag-info.txt says under a label, in any case (RFC 8493 §2.2.2); told if twice."""
        said = [value for name, value in bag.info if name.lower() == label.lower()]
        if len(said) > 1:
            self.fault(What.CLAIM, INFO, f"says {label} {len(said)} times")
            raise _BrokenError
        return said[0] if said else None

    def _sealed(self, bag: BagContents) -> date:
        said = self._info(bag, _SEALED) or ""
        try:
            sealed = date.fromisoformat(said)
        except ValueError:
            self.fault(What.CLAIM, INFO, f"Bagging-Date is no day: {said!r:.40}")
            raise _BrokenError from None
        if sealed > self.standard.on:
            self.fault(What.CLAIM, INFO, f"was sealed on {sealed}, after the day of the audit")
        return sealed

    def _lines(self, bag: BagContents, sizes: Mapping[str, tuple[int, str]], terms: Terms) -> None:
        """Judge every line of recordings.jsonl; tell of files without one, and of lines without a file."""
        seen: set[str] = set()
        rows, counting = self._rows(), Counting()
        for number, record in read_lines(self.folder, self.fault):
            counting.add(record)
            path = record.get("path")
            if not isinstance(path, str) or path not in bag.manifest or path in seen:
                shown = path if isinstance(path, str) else f"{RECORDINGS}, line {number}"
                reason = "has two lines in recordings.jsonl" if path in seen else "is in no manifest"
                self.fault(What.NO_FILE, shown, reason)
                continue
            seen.add(path)
            facts = (record.get("size"), record.get("pieces_root"), record.get("sha256"))
            if facts != (*sizes.get(path, (None, None)), bag.manifest[path]):
                self.fault(What.CLAIM, path, "its line gives another size or hash than manifest and torrent")
            row = rows.pop(path, None) if rows is not None else None
            self._judge(record, path, terms, row[2] if row else None)
            if rows is not None and self.entry.wave != CATALOGUE_WAVE and (differs := compare(record, row)):
                self.fault(What.CLAIM, path, differs)
            self.progress.advance(files=1, size=sizes.get(path, (0, ""))[0])
        for path in sorted(bag.manifest.keys() - seen):
            self.fault(What.NO_LINE, path, "no line of recordings.jsonl tells of it: it has no basis")
        said = (self.standard.about or {}).get(self.entry.id)
        counted = counting.about(self.entry.id, self.entry.tagmanifest_sha256)
        if said is not None and said.seconds is None:  # as in editions of earlier versions
            counted = replace(counted, seconds=None)
        if said not in (None, counted):
            self.fault(What.CLAIM, "", "the edition's bags.jsonl says of it what its lines do not")
        for path in sorted(rows or ()):
            self.fault(What.CLAIM, path, "the edition's index lists it, and the bag does not hold it")
        if self.entry.wave == CATALOGUE_WAVE:
            looked = CatalogueLook(self.standard.look, self.standard.every_byte)
            for what, path, reason in audit_catalogue(self.origin, self.home, bag.manifest, sizes, looked):
                self.fault(what, path, reason)

    def _rows(self) -> dict[str, Row] | None:
        """Return the index's rows of this bag; None, and told, if it has none that can be believed."""
        if self.rows is None:
            return None
        try:
            return self.rows.of(self.entry.id)
        except VerificationError as error:
            self.fault(What.CLAIM, "", error.message)
            return None

    def _judge(self, record: Mapping[str, Any], path: str, terms: Terms, belongs_to: str | None) -> None:
        if self.entry.wave == CATALOGUE_WAVE:
            if record.get("kind") != "catalogue":
                self.fault(What.CATALOGUE, path, "is in a bag of the catalogue, and its line is of no table")
            return
        judged = judge(record, terms, belongs_to)
        for fault in judged.faults:
            self.on_fault(fault)
        if reason := wrong_names(record):
            self.fault(What.TOMBSTONE, path, f"{reason}: nobody could tell whether it was taken back")
        if (mining := self.standard.mining) is None:
            return
        # Reserving more than the lines do is right: what was reserved since is declared at once.
        reserved = mining.reserved(self.home, path)
        if reserved is False and judged.mining is not Answer.YES:
            self.fault(What.MINING, path, "tdmrep.json says that it may be mined, and no basis allows it")
        elif reserved is None and judged.mining is Answer.NO:
            self.fault(What.MINING, path, "mining it is reserved, and tdmrep.json does not say so there")

    def _files(self, bag: BagContents, sizes: Mapping[str, tuple[int, str]]) -> None:
        """Look for every payload file: its size, or every byte."""
        if not self.standard.look:
            return
        wanted = iter(
            [(path, sizes[path][0], sha256) for path, sha256 in bag.manifest.items() if path in sizes]
        )
        while some := list(islice(wanted, _AT_ONCE)):
            for (path, _, _), wrong in zip(some, self.standard.executor.map(self._look, some), strict=True):
                if isinstance(wrong, NetworkError):
                    self._unreadable(path, wrong)
                elif wrong is not None:
                    self.fault(*wrong)

    def _look(self, file: tuple[str, int, str]) -> tuple[What, str, str] | NetworkError | None:
        path, size, sha256 = file
        digest, got = hashlib.sha256(), 0
        start, length = (0, size + 1) if self.standard.every_byte else (max(0, size - 1), 2)
        try:
            for chunk in self.origin.open_range(f"{self.home}/{path}", start, length):
                digest.update(chunk)
                got += len(chunk)
        except NotFoundError:
            return What.MISSING, path, "is not there"
        except VerificationError as error:
            return What.DAMAGED, path, error.message
        except NetworkError as error:
            return error
        if start + got != size:
            return What.DAMAGED, path, f"does not have the {size} bytes that the torrent lists"
        if self.standard.every_byte and digest.hexdigest() != sha256:
            return What.DAMAGED, path, f"its SHA-256 is {digest.hexdigest()}, not {sha256}"
        return None

    def _unlisted(self, listed: set[str]) -> None:
        """Tell of what lies in a bag's folder and is in no manifest. A server shows no such list."""
        if not isinstance(self.origin, FolderOrigin):
            return
        folder = Path(self.origin.where, self.home)

        def failed(below: str, error: OSError) -> None:
            self.fault(What.UNREADABLE, below, str(error.strerror))

        for path, what in files_in(folder, failed):
            if path not in listed:
                shown = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
                self.fault(What.UNLISTED, shown, what or "lies in the bag, and no manifest lists it")
