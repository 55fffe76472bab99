"""``bags.jsonl``: what each bag of an edition holds, in numbers, so that whoever has little room can choose.

A line of canonical JSON for each bag, in the order of the edition. All of it follows from the bag's own
``recordings.jsonl``, so that anybody can make it again. Its hash is in ``edition.json``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from phonotheque.model.errors import VerificationError
from phonotheque.model.rights import Kind
from phonotheque.vault.bag import RECORDINGS
from phonotheque.vault.bagfolder import TAG_MANIFEST, read_tag_manifest
from phonotheque.vault.place import naming, write_durably

MAX_LINE: Final = 16 * 1024**2  # bytes
_MOST: Final = 100_000  # licences, or years, of one bag
_LONGEST: Final = 10**9  # seconds of one file: who says more says nothing
# What these say allows sharing; all other kinds only keeping, or they take away.
_BASES: Final = frozenset(
    {Kind.LICENCE, Kind.PUBLIC_DOMAIN, Kind.DATES, Kind.DEPOSIT, Kind.DELIVERY, Kind.OWN_WORK}
)
_YEAR: Final = re.compile(r"[0-9]{4}(?!\d)")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class About:
    """How many of a bag's payload files are what.

    ``terms``: by what is stated of their rights, each a licence (SPDX), or a kind of basis
    (``public-domain``, ``deposit``, …), sorted; none for files of which nothing is stated, as the
    catalogue's. ``years``: by the year of the date in their tags; files without one are in none. ``kinds``:
    ``master``, ``access``, ``sidecar``, ``catalogue``. ``seconds``: how long all its sound lasts, rounded;
    None where that was not counted, as by earlier versions.
    """

    bag: str
    tagmanifest_sha256: str
    files: int
    terms: Mapping[tuple[str, ...], int] = field(default_factory=dict)
    years: Mapping[int, int] = field(default_factory=dict)
    kinds: Mapping[str, int] = field(default_factory=dict)
    seconds: int | None = None


class Counting:
    """Counts what the lines of a bag's ``recordings.jsonl`` say, one after the other."""

    def __init__(self) -> None:
        self._files = 0
        self._terms = Counter[tuple[str, ...]]()
        self._years, self._kinds = Counter[int](), Counter[str]()
        self._milliseconds = 0

    def add(self, record: Mapping[str, Any]) -> None:
        """Count one line."""
        self._files += 1
        self._terms[_terms(record)] += 1
        self._kinds[str(record.get("kind", ""))] += 1
        if match := _YEAR.match(str(record.get("date", ""))):
            self._years[int(match[0])] += 1
        self._milliseconds += _milliseconds(record.get("duration"))

    def about(self, bag: str, tagmanifest_sha256: str) -> About:
        """Return what there is to say of the bag."""
        seconds = round(self._milliseconds / 1000)
        return About(bag, tagmanifest_sha256, self._files, self._terms, self._years, self._kinds, seconds)


def describe(bag: str, tagmanifest_sha256: str, records: Iterable[Mapping[str, Any]]) -> About:
    """Count what all lines of a bag's ``recordings.jsonl`` say."""
    counting = Counting()
    for record in records:
        counting.add(record)
    return counting.about(bag, tagmanifest_sha256)


def describe_folder(folder: Path) -> About:
    """Describe a sealed bag by its tag files. Raises VerificationError if they are not what was sealed."""
    digest = hashlib.sha256()
    records = []
    with (folder / RECORDINGS).open("rb") as lines, naming(folder / RECORDINGS):
        for line in lines:
            digest.update(line)
            records.append(_record(folder, line))
    if read_tag_manifest(folder).get(RECORDINGS) != digest.hexdigest():
        raise _damaged(folder, "is not what was sealed")
    sealed = hashlib.sha256((folder / TAG_MANIFEST).read_bytes()).hexdigest()
    return describe(folder.name, sealed, records)


def write_about(
    bags: Iterable[tuple[Path, str]], path: Path, before: Mapping[str, About] | None = None
) -> None:
    """Write what there is to say of bags, each given by its folder and the SHA-256 of its tag manifest.

    What was said ``before`` of a bag is so still: bags never change. A bag that is not there, and of which
    nothing was said, is left out. Raises VerificationError for a bag whose
    tag files are not those that were sealed.
    """
    known = before or {}
    lines = []
    for folder, sealed in bags:
        said = known.get(folder.name)
        if said is None and not folder.exists():
            continue  # lost, and with it what was said of it: it is listed all the same
        if said is None or said.tagmanifest_sha256 != sealed or (said.seconds is None and folder.exists()):
            said = describe_folder(folder)
        if said.tagmanifest_sha256 != sealed:
            raise _damaged(folder, f"belongs to another {TAG_MANIFEST} than was recorded")
        lines.append(line_of(said))
    write_durably(path, b"".join(lines))


def read_about(path: Path) -> dict[str, About]:
    """Return what is said of bags, by id. Raises VerificationError naming the line that makes no sense."""
    return {about.bag: about for about in _read(path)}


def _read(path: Path) -> Iterator[About]:
    with path.open("rb") as lines, naming(path):
        number = 0
        while line := lines.readline(MAX_LINE + 1):
            number += 1
            try:
                if len(line) > MAX_LINE:
                    raise ValueError(f"it is longer than {MAX_LINE} bytes")
                yield _about(json.loads(line))
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise VerificationError(
                    f"{path.name}, line {number} makes no sense: {error!r:.200}"
                ) from None


def _about(value: Any) -> About:
    if not isinstance(value, dict) or not _SHA256.fullmatch(_text(value["tagmanifest_sha256"])):
        raise ValueError("it names no sealed bag")
    terms = {tuple(sorted(map(_text, one))): _count(number) for one, number in _pairs(value["terms"])}
    years = {_count(year): _count(number) for year, number in _pairs(value["years"])}
    kinds = {_text(kind): _count(number) for kind, number in _pairs(value["kinds"])}
    files = _count(value["files"])
    if sum(terms.values()) != files or sum(years.values()) > files:
        raise ValueError("its numbers do not belong together")
    seconds = _count(value["seconds"]) if "seconds" in value else None
    return About(_text(value["bag"]), value["tagmanifest_sha256"], files, terms, years, kinds, seconds)


def line_of(about: About) -> bytes:
    """Return the line that says so."""
    value = {
        "bag": about.bag,
        "tagmanifest_sha256": about.tagmanifest_sha256,
        "files": about.files,
        "terms": [[list(one), number] for one, number in sorted(about.terms.items())],
        "years": sorted([year, number] for year, number in about.years.items()),
        "kinds": sorted([kind, number] for kind, number in about.kinds.items()),
    } | ({} if about.seconds is None else {"seconds": about.seconds})
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")) + "\n").encode()


def _milliseconds(duration: Any) -> int:
    """Return a length in seconds as whole milliseconds, which add up to the same in any order."""
    if isinstance(duration, bool) or not isinstance(duration, int | float):
        return 0
    return round(1000 * duration) if 0 <= duration < _LONGEST else 0


def _terms(record: Mapping[str, Any]) -> tuple[str, ...]:
    rights = record.get("rights")
    stated = rights.get("statements") if isinstance(rights, dict) else None
    found = {
        str(one.get("licence") or one.get("kind"))
        for one in (stated if isinstance(stated, list) else ())
        if isinstance(one, dict) and one.get("kind") in _BASES
    }
    return tuple(sorted(found))


def _record(folder: Path, line: bytes) -> Mapping[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError):
        record = None
    if not isinstance(record, dict):
        raise _damaged(folder, "has a line that is no JSON object")
    return record


def _pairs(value: Any) -> list[Any]:
    if not isinstance(value, list) or len(value) > _MOST:
        raise ValueError("one of its lists is none, or too long")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.40} is no text")
    return value


def _count(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise TypeError(f"{value!r:.40} is no number of anything")
    return value


def _damaged(folder: Path, what: str) -> VerificationError:
    return VerificationError(f"{folder / RECORDINGS} {what}.", "Run: phono repair, then publish again.")
