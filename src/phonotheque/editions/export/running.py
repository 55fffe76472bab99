"""An export, from what was asked for to what lies in the folder."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from phonotheque.editions.export import shards
from phonotheque.editions.export.bagging import unseal, write_bag, write_manifest_only
from phonotheque.editions.export.choosing import Item, choose
from phonotheque.editions.export.copying import Made, Order, make_copies
from phonotheque.editions.export.documents import (
    LicenceTexts,
    licence_texts,
    write_about,
    write_attribution,
    write_licences,
    write_manifest,
    write_playlist,
    write_run_down,
)
from phonotheque.editions.export.folder import Destination, open_destination
from phonotheque.editions.export.mirrored import choose_mirrored
from phonotheque.editions.export.purposes import Purpose, Terms
from phonotheque.editions.export.telling import Told, tell
from phonotheque.jobs.pool import DEATHS, Poison, process_pool, run_batches
from phonotheque.model.bags import Finding
from phonotheque.model.errors import NotFoundError, UsageError, VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.vault.bagfolder import PAYLOAD
from phonotheque.vault.fixity import check_file
from phonotheque.vault.names import NameAllocator, same_place
from phonotheque.vault.place import feed, naming, replace_durably
from phonotheque.vault.places import at_hand, let_all_go, let_go


class Format(StrEnum):
    """In what shape an export lies in its folder."""

    FOLDER = "folder"
    BAGIT = "bagit"
    WEBDATASET = "webdataset"
    PARQUET = "parquet"


_SHARDED: Final[dict[Format, tuple[str, shards.Write]]] = {
    Format.WEBDATASET: (".tar", shards.write_tar),
    Format.PARQUET: (".parquet", shards.write_parquet),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody wants exported. ``shard`` is in bytes; ``texts`` a folder with texts of licences."""

    terms: Terms
    format: Format
    only: str | None = None
    access: bool = False
    shard: int = shards.SHARD
    texts: Path | None = None

    def __post_init__(self) -> None:
        """Refuse shards of anything but what is for training."""
        if self.format in _SHARDED and self.terms.purpose is not Purpose.TRAINING:
            raise UsageError(
                f"An export for {self.terms.purpose} cannot be {self.format}.", "Choose folder or bagit."
            )


@dataclass(slots=True)
class Exported:
    """What came of it: files in the export, how many of them were made now, kept, taken away."""

    files: int = 0
    bytes: int = 0
    seconds: float = 0.0
    made: int = 0
    kept: int = 0
    removed: int = 0
    untagged: int = 0
    licences: dict[str, int] = field(default_factory=dict)
    licence_texts_missing: tuple[str, ...] = ()
    failures: list[Finding] = field(default_factory=list)


def export(
    archive: Archive, folder: Path, asked: Asked, *, at: datetime, progress: Progress = QUIET
) -> Exported:
    """Bring into ``folder`` what allows it, and take out of it what no longer does.

    The archive's lock must be held: nothing is taken back or moved meanwhile. Interrupted anywhere, the next
    run goes on. Raises UsageError for a folder that is something else. Where nothing
    allows it, the export is empty.
    """
    about = {"archive": archive.settings.archive.id, "for": asked.terms.purpose, "format": asked.format}
    with open_destination(archive, folder, about) as to:
        let_all_go(archive)
        result = Exported()
        prefix = PAYLOAD if asked.format is Format.BAGIT else ""
        (folder / prefix).mkdir(exist_ok=True)
        if prefix:
            unseal(to)
        told = _told(archive, asked, progress)
        progress.start("Exporting", total_files=0, total_bytes=0)
        if asked.format in _SHARDED:
            _write_shards(archive, to, told, asked, result, progress)
        else:
            _write_files(archive, to, told, prefix, result, progress)
        to.clear()
        _finish(archive, to, prefix, asked, result, at)
    return result


def _told(archive: Archive, asked: Asked, progress: Progress) -> Iterator[Told]:
    """Yield what goes out. What is for training stays as it is, to the byte, and has no pictures."""
    tagged = asked.terms.purpose is not Purpose.TRAINING
    if archive.is_mirror:
        found = choose_mirrored(archive, asked.terms, only=asked.only, access=asked.access, pictures=tagged)
    else:
        found = choose(
            archive, asked.terms, only=asked.only, access=asked.access, pictures=tagged, progress=progress
        )
    covered: set[str] = set()
    for item in found:
        if item.kind == "sidecar":
            place = same_place(item.path.rpartition("/")[0])
            if place in covered:
                continue
            covered.add(place)
        yield tell(archive, item, tagged=tagged)


def _write_files(
    archive: Archive,
    to: Destination,
    told: Iterator[Told],
    prefix: str,
    result: Exported,
    progress: Progress,
) -> None:
    wanted: dict[str, Told] = {}  # by the path of what is being made

    def orders() -> Iterator[Order]:
        names = NameAllocator()
        for one in told:
            path = prefix + names.add(one.item.path)
            while to.is_anothers(path):
                path = prefix + names.add(one.item.path)
            progress.grow(files=1, size=one.item.size)
            if to.kept_as_it_is(path, one.made_from, one.line):
                progress.advance(files=1, size=one.item.size)
                continue
            source = _at_hand(archive, one.item, result)
            if source is None:
                progress.advance(files=1)
                continue
            wanted[str(to.folder / path)] = one
            to.will_write(path)
            # A worker of a run that was killed may still be writing: it has names of its own.
            partial = to.partials / f"partial-{uuid.uuid4().hex}{Path(path).suffix}"
            yield Order(
                source.absolute(), one.item.sha256, one.item.size, partial.absolute(),
                (to.folder / path).absolute(), one.labels,
            )  # fmt: skip

    for finished in run_batches(_made, orders(), batch=1, make_pool=process_pool):
        for done in finished:
            if isinstance(done, Poison):
                order, made = done.item, None
                detail = f"killed whoever wrote its tags, {DEATHS} times ({done.how})"
                result.failures.append(Finding("damaged", str(order.source), detail))
            else:
                order, made = done
            path = order.target.relative_to(to.folder.absolute()).as_posix()
            one = wanted.pop(str(to.folder / path))
            if isinstance(made, Made):
                to.wrote(path, one.made_from, made, one.line)
            elif made is not None:
                result.failures.append(made)
            let_go(order.source)
            progress.advance(files=1, size=one.item.size)


def _made(orders: list[Order]) -> list[tuple[Order, Made | Finding]]:
    return list(zip(orders, make_copies(orders), strict=True))


def _write_shards(
    archive: Archive,
    to: Destination,
    told: Iterator[Told],
    asked: Asked,
    result: Exported,
    progress: Progress,
) -> None:
    extension, write = _SHARDED[asked.format]
    for number, shard in enumerate(shards.cut(told, asked.shard)):
        path = f"shards/{asked.terms.purpose}-{number:06d}{extension}"
        size = sum(one.item.size for one in shard)
        progress.grow(files=len(shard), size=size)
        lines = {"files": [shards.line_of(one) for one in shard]}
        origin = shards.made_from(shard)
        if not to.kept_as_it_is(path, origin, lines):
            whole = [one for one in shard if _is_whole(archive, one.item, result)]
            if whole:
                to.claim(path)
                to.will_write(path)
                made = _shard(archive, to, path, whole, write)
                files = [shards.line_of(one) for one in whole]
                to.wrote(path, shards.made_from(whole), made, {"files": files})
        progress.advance(files=len(shard), size=size)


def _is_whole(archive: Archive, item: Item, result: Exported) -> bool:
    """See whether a file can be had and is right, before a shard is begun with it."""
    source = _at_hand(archive, item, result)
    if source is None:
        return False
    wrong = check_file(source, item.size, item.sha256)
    let_go(source)
    if wrong is not None:
        result.failures.append(wrong)
    return wrong is None


def _shard(archive: Archive, to: Destination, path: str, whole: Sequence[Told], write: shards.Write) -> Made:
    partial, target = to.partials / "partial-shard", to.folder / path

    def readable(one: Told) -> Path:
        return at_hand(archive, one.item.source, one.item.size, one.item.sha256)

    with naming(partial):
        write(whole, partial, readable)
    digest = feed(partial, hashlib.sha256()).hexdigest()
    target.parent.mkdir(exist_ok=True)
    replace_durably(partial, target)
    status = target.stat()
    return Made(digest, status.st_size, status.st_mtime_ns, tagged=False)


def _at_hand(archive: Archive, item: Item, result: Exported) -> Path | None:
    try:
        return at_hand(archive, item.source, item.size, item.sha256)
    except (NotFoundError, VerificationError) as error:
        result.failures.append(Finding("damaged", item.path, error.message))
        return None


def _finish(
    archive: Archive, to: Destination, prefix: str, asked: Asked, result: Exported, at: datetime
) -> None:
    texts = licence_texts(to.entries(), asked.texts)
    _count(to, result, texts)
    write_licences(to, prefix, texts)
    write_attribution(to, prefix)
    write_manifest(to, prefix)
    if asked.terms.purpose is not Purpose.TRAINING:
        write_playlist(to, prefix)
    if asked.terms.purpose is Purpose.RADIO:
        write_run_down(to, prefix)
    write_about(to, prefix, _about(archive, asked, result), timestamp(at))
    if asked.format is Format.BAGIT:
        name = archive.settings.archive.name
        write_bag(to, name=name, day=asked.terms.on.isoformat(), purpose=asked.terms.purpose)
    else:
        write_manifest_only(to)


def _count(to: Destination, result: Exported, texts: LicenceTexts) -> None:
    for one in to.entries():
        result.files += 1
        result.bytes += one.size
        result.seconds += one.line.get("duration") or 0.0
        result.untagged += "untagged" in one.line
        for note in one.line["attribution"]["licences"]:
            result.licences[note["id"]] = result.licences.get(note["id"], 0) + 1
    result.made, result.kept, result.removed = to.made, to.kept, to.removed
    result.licence_texts_missing = texts.missing


def _about(archive: Archive, asked: Asked, result: Exported) -> dict[str, Any]:
    counted = asdict(result)
    for name in ("made", "kept", "removed", "failures"):
        counted.pop(name)
    terms = asked.terms
    return {
        "format": "phonotheque-export/1",
        "made_at": None,
        "archive": {"id": archive.settings.archive.id, "name": archive.settings.archive.name},
        "asked_for": {
            "for": terms.purpose,
            "format": asked.format,
            "in": terms.territory,
            "on": terms.on.isoformat(),
            "commercial": terms.commercial,
            "only": asked.only,
            "access_copies": asked.access,
        },
        **counted,
    }
