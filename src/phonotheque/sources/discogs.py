"""Monthly dumps of Discogs: ``discogs_YYYYMMDD_{artists,labels,masters,releases}.xml.gz``, CC0.

Every record is kept as it came. A release gives a row of facts for each track; the others are things.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from lxml import etree

from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.sources.cutting import BrokenFileError, elements, unpacked
from phonotheque.sources.discogs_layout import Sections, is_plain, rewritten, usual
from phonotheque.sources.discogs_release import gather_release
from phonotheque.sources.discogs_things import gather_artist, gather_label, gather_master
from phonotheque.sources.gather import Gather
from phonotheque.sources.registry import Piece

_FILE = re.compile(r"discogs_([0-9]{8})_(artists|labels|masters|releases)\.xml(?:\.gz)?")
_FILES = ("artists", "labels", "masters", "releases")
_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*\?>)?\s*<(?:artists|labels|masters|releases)>\s*")
_OPENINGS = {
    "artist": re.compile(rb"(?=<artist>)"),
    "label": re.compile(rb"(?=<label>)"),  # of a record: sublabels have attributes
    "master": re.compile(rb"(?=<master[ >])"),
    "release": re.compile(rb"(?=<release[ >])"),
}
_NEXT_LABEL = (
    b"\n<label>"  # </label> ends sublabels as well, so that only a beginning tells where a record ends
)
_BEFORE_LABEL = re.compile(rb"\n(?=<label>)")
_ID = re.compile("[0-9]{1,18}")
_NUMBER = re.compile(rb'(?:^<[a-z]+ id="|<id>)([0-9]{1,18})["<]')
_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
_THINGS: dict[str, Callable[[etree._Element, Gather], None]] = {
    "artist": gather_artist,
    "label": gather_label,
    "master": gather_master,
}


class Discogs:
    """The source ``discogs:FOLDER``."""

    name = "discogs"
    summary = (
        "a folder of Discogs' monthly dumps: discogs_YYYYMMDD_releases.xml.gz and the like, any of the four"
    )

    def files(self, location: Path) -> list[Path]:
        """Return the dumps in a folder: artists, labels, masters, releases. They must be of one month."""
        advice = (
            "Give a folder with files named like discogs_20200806_releases.xml.gz, as published, or unpacked."
        )
        if not location.exists():
            raise NotFoundError(f"{location}: there is no such folder.", advice)
        if not location.is_dir():
            raise UsageError(f"{location}: this is no folder.", advice)
        found: dict[str, Path] = {}
        dates: set[str] = set()
        for path in sorted(location.iterdir()):
            if match := _FILE.fullmatch(path.name):
                dates.add(match[1])
                found.setdefault(match[2], path)  # .xml before .xml.gz: what is unpacked is read
        if not found:
            raise NotFoundError(f"{location}: there is no dump of Discogs in this folder.", advice)
        if len(dates) > 1:
            raise UsageError(
                f"{location}: there are dumps of several dates: {', '.join(sorted(dates))}.",
                "Keep the dumps of each date in a folder of their own, and add the newest.",
            )
        return [found[entities] for entities in _FILES if entities in found]

    def pieces(self, location: Path, file: Path) -> Iterator[Piece]:
        """Cut a dump into runs of whole records.

        Raises BrokenFileError when the file is not the one that a CHECKSUM.txt beside it tells of, and, after
        all whole records, when its end is missing.
        """
        _verify(file)
        kind, closing = _kind(file), _root_end(_kind(file))
        last = b""
        with unpacked(file) as stream:
            for number, (first, last) in enumerate(_runs(stream, kind)):
                yield Piece(file, number, kind, first, last)
        if not last.rstrip().endswith(closing):
            raise BrokenFileError(
                f"{file}: the file ends without {closing.decode()}: it is truncated.",
                "Fetch it again; the whole records before its end are kept.",
            )

    def read(self, piece: Piece, gather: Gather) -> None:
        """Read the records of a piece one by one."""
        run = _without_root(piece.content, piece.kind)
        if piece.kind == "release" and is_plain(run):
            _read_releases(run, piece.first, gather)
            return
        for gather.position, record in enumerate(_records(run, piece.kind), piece.first):
            _read_any(record, piece.kind, gather)

    def audio(self, location: Path) -> list[Path]:
        """Return nothing: the dumps hold no audio."""
        return []


SOURCE = Discogs()


def _kind(file: Path) -> str:
    match = _FILE.fullmatch(file.name)
    if match is None:
        raise UsageError(f"{file}: this is not named like a dump of Discogs.")
    return match[2].removesuffix("s")


def _root_end(kind: str) -> bytes:
    return f"</{kind}s>".encode()


def _verify(file: Path) -> None:
    """Compare a file with the SHA-256 that Discogs publishes of it, when that lies beside it."""
    sums = file.with_name(f"discogs_{file.name.split('_')[1]}_CHECKSUM.txt")
    if not sums.is_file():
        return
    lines = (line.split() for line in sums.read_text("utf-8", "replace").splitlines())
    published = {words[1].removeprefix("*"): words[0].lower() for words in lines if len(words) == 2}
    if (expected := published.get(file.name)) is None:
        return
    with file.open("rb") as stream:
        if hashlib.file_digest(stream, "sha256").hexdigest() != expected:
            raise BrokenFileError(
                f"{file}: its SHA-256 is not the one in {sums.name}.",
                "Fetch it again; nothing was read from it.",
            )


def _runs(stream: IO[bytes], kind: str) -> Iterator[tuple[int, bytes]]:
    """Yield (number of the first record from 1, bytes) of runs of whole records."""
    if kind != "label":
        yield from elements(stream, f"</{kind}>".encode())
        return
    first, begun = 1, b""
    for _, cut in elements(stream, _NEXT_LABEL):
        run, begun = begun + cut, b""
        if run.endswith(_NEXT_LABEL):
            run, begun = run[: -len(_NEXT_LABEL)], _NEXT_LABEL
        yield first, run
        first += run.count(_NEXT_LABEL)


def _without_root(run: bytes, kind: str) -> bytes:
    """Return a run without what stands before the first and after the last record of a file."""
    header = _HEADER.match(run)
    return run[header.end() if header else 0 :].rstrip().removesuffix(_root_end(kind)).rstrip()


def _records(run: bytes, kind: str) -> Iterator[bytes]:
    """Yield the records of a run, and what may follow the last one that is whole."""
    if kind == "label":
        yield from (record.strip() for record in _BEFORE_LABEL.split(run) if record.strip())
        return
    closing = f"</{kind}>".encode()
    *whole, rest = run.split(closing)
    for record in whole:
        yield record.lstrip() + closing
    if rest := rest.strip():
        yield rest


def _read_releases(run: bytes, first: int, gather: Gather) -> None:
    """Read releases, as long as they are in the layout that Discogs writes, without a tree of each."""
    start, gather.position = 0, first
    view = memoryview(run)  # slices of it are no copies
    while start < len(run):
        if found := usual(run, start):
            sections, begin, start = found
            _gather_release(sections, view[begin:start], gather)
        else:
            end = run.find(b"</release>", start)
            end = len(run) if end < 0 else end + len(b"</release>")
            _read_any(run[start:end].strip(), "release", gather)
            start = end
        gather.position += 1


def _read_any(record: bytes, kind: str, gather: Gather, *, apart: bool = True) -> None:
    """Read a record in any layout, or reject it. Of one that is broken, save the records that it ran into."""
    try:
        element, gather.record_id = _parsed(record, kind)
    except ValueError as error:
        begun = [part.strip() for part in _OPENINGS[kind].split(record) if part.strip()] if apart else []
        if len(begun) > 1:
            for part in begun:
                _read_any(part, kind, gather, apart=False)
        else:
            number = _NUMBER.search(record)
            gather.record_id = None
            gather.reject(
                "record",
                str(error),
                record_id=number[1].decode() if number else None,
                value=record[:400].decode("utf-8", "replace"),
            )
        return
    if kind == "release":
        _gather_release(rewritten(element), record, gather)
        return
    gather.record(kind, gather.record_id, record)
    _THINGS[kind](element, gather)


def _gather_release(sections: Sections, record: bytes | memoryview, gather: Gather) -> None:
    gather.record_id = sections.id
    gather.record("release", sections.id, record)
    gather_release(sections, gather)


def _parsed(record: bytes, kind: str) -> tuple[etree._Element, str]:
    """Return one record and its id. Raises ValueError that says what is wrong with it."""
    try:
        record.decode()
        element = etree.fromstring(record, _PARSER)
    except etree.XMLSyntaxError as error:
        raise ValueError(f"is not well-formed: {error.msg}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"is not UTF-8: {error.reason}") from error
    if element.getroottree().docinfo.doctype:
        raise ValueError("has a document type, which may define entities")
    if element.tag != kind:
        raise ValueError(f"is no <{kind}>")
    number = str(element.get("id") or element.findtext("id") or "").strip()
    if not _ID.fullmatch(number):
        raise ValueError("has no id, or one that is no number")
    return element, number
