"""The query of ``--only``: which bags a mirror wants, by what an edition's public files say of them.

Terms stand between blanks, and all must hold: ``licence:cc0,public-domain year:..1960 -wave:artwork``. Of
several values one is enough; a term that begins with ``-`` must not hold. Three kinds of fields are asked
of ``bags.jsonl``, ``edition.json`` and the index: whether all files of a bag are such, or as many as
``share:80%`` says; what the bag is; whether it holds something by that name.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from phonotheque.editions.about import About
from phonotheque.editions.edition import BagEntry
from phonotheque.model.errors import UsageError, VerificationError
from phonotheque.model.sizes import parse_size
from phonotheque.model.territory import parse_territory
from phonotheque.vault.names import portable_segment

_MAX_QUERY: Final = 2000  # characters
_MAX_TERMS: Final = 100
_TOKEN: Final = re.compile(r'(?:[^\s"]|"[^"]*")+')
_COMMA: Final = re.compile(r',(?=(?:[^"]*"[^"]*")*[^"]*$)')  # not between quotation marks
_WAVES: Final = {"catalogue": 0, "audio": 1, "artwork": 2}
_KINDS: Final = ("master", "access", "sidecar", "catalogue")
_OF_FILES: Final = ("licence", "year", "kind")
_OF_BAGS: Final = ("audience", "bag", "edition", "listens", "recordings", "size", "wave")
_NAMED: Final = ("artist", "recording", "release")
FIELDS: Final = (*_OF_FILES, *_OF_BAGS, *_NAMED, "share")

_Range = tuple[int | None, int | None]  # both ends belong to it


@dataclass(frozen=True, slots=True)
class Term:
    """One term, as it was written. ``texts`` are its values in small letters, ``ranges`` those of numbers."""

    text: str
    field: str
    negated: bool
    texts: tuple[str, ...] = ()
    ranges: tuple[_Range, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for; without terms, everything. ``share``: per cent of a bag's files that must match."""

    terms: tuple[Term, ...] = ()
    share: int = 100

    @property
    def named(self) -> tuple[Term, ...]:
        """The terms that only the index can answer."""
        return tuple(term for term in self.terms if term.field in _NAMED)


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an edition's bags: None where the edition does not say so, or it cannot be had.

    ``named`` are, by the text of a term, the bags that hold something by that name.
    """

    about: Mapping[str, About] | None = None
    named: Mapping[str, frozenset[str]] | None = field(default_factory=dict)


def parse_query(text: str, where: str = "--only") -> Query:
    """Read a query. Raises UsageError, which names the term that makes no sense, and ``where`` it stands."""
    if len(text) > _MAX_QUERY:
        raise UsageError(f"{where}: the query is longer than {_MAX_QUERY} characters.", "Ask for less.")
    if text.count('"') % 2:
        begin = max(text.rfind(blank, 0, text.rindex('"')) for blank in " \t\n") + 1
        raise _wrong(where, text[begin:], "has a quotation mark without its other half")
    terms, share = list[Term](), None
    for token in _TOKEN.findall(text):
        term = _term(token, where)
        if term.field == "share":
            if share is not None or term.negated:
                raise _wrong(where, term.text, "can stand once, and without a minus")
            share = _percent(term, where)
        else:
            terms.append(term)
    if len(terms) > _MAX_TERMS:
        raise UsageError(f"{where}: the query has more than {_MAX_TERMS} terms.", "Ask for less.")
    return Query(tuple(terms), 100 if share is None else share)


def unwanted(query: Query, entry: BagEntry, known: Known) -> str:
    """Return why a bag is not asked for, naming the term; empty if it is."""
    for term in query.terms:
        if term.field in _OF_FILES:
            why = _files_differ(term, query.share, entry, known)
        elif term.field in _NAMED:
            why = _names_differ(term, entry, known)
        else:
            such = _is_such(term, entry)
            why = "" if such != term.negated else "it is" if such else "it is not"
        if why:
            return f"not asked for by {term.text}: {why}"
    return ""


def find_named(index: Path, terms: Iterable[Term]) -> dict[str, frozenset[str]]:
    """Return, by the text of each term, the bags in which an edition's index has something by that name.

    Artists and releases are the folders in which people find them. The index is read some thousands of rows
    at a time. Raises VerificationError where it is no index.
    """
    found: dict[str, set[str]] = {term.text: set() for term in terms}
    if not found:
        return {}
    wanted = {term.text: _matcher(term) for term in terms}
    try:
        with pq.ParquetFile(index) as table:
            for batch in table.iter_batches(columns=["bag", "path", "recording"]):
                for text, matches in wanted.items():
                    bags = batch["bag"].filter(pc.fill_null(matches(batch), False))
                    found[text] |= set(pc.unique(bags).to_pylist())
    except (pa.ArrowException, KeyError) as error:
        raise VerificationError(f"{index.name} is no index of an edition: {error}.") from error
    return {text: frozenset(bags) for text, bags in found.items()}


def _term(token: str, where: str) -> Term:
    negated = token.startswith("-")
    name, colon, rest = token.removeprefix("-").partition(":")
    name = {"license": "licence"}.get(name.lower(), name.lower())
    if not colon:
        raise _wrong(where, token, "names no field")
    if name not in FIELDS:
        raise _wrong(where, token, f"names no field that there is ({', '.join(FIELDS)})")
    values = [value.replace('"', "").strip() for value in _COMMA.split(rest)]
    if not all(values):
        raise _wrong(where, token, "has no value, or an empty one")
    if name in ("year", "size", "listens", "recordings", "edition"):
        return Term(token, name, negated, ranges=tuple(_range(token, name, one, where) for one in values))
    return Term(token, name, negated, texts=tuple(_text(token, name, one, where) for one in values))


def _text(token: str, name: str, value: str, where: str) -> str:
    match name:
        case "wave" if value.lower() not in _WAVES and value not in map(str, _WAVES.values()):
            raise _wrong(where, token, f"names none of the waves {', '.join(_WAVES)}")
        case "kind" if value.lower() not in _KINDS:
            raise _wrong(where, token, f"names none of the kinds {', '.join(_KINDS)}")
        case "recording":
            try:
                return str(uuid.UUID(value))
            except ValueError:
                raise _wrong(where, token, "names a recording by what is no UUID") from None
        case "audience":
            try:
                return str(parse_territory(value.upper()))
            except ValueError as error:
                raise _wrong(where, token, f"names no territory ({error})") from None
    return value.lower()


def _range(token: str, name: str, value: str, where: str) -> _Range:
    low, dots, high = value.partition("..")
    first = _number(token, name, low, where) if low else None
    last = _number(token, name, high, where) if high else None
    if not dots:
        return first, first
    if (first is None and last is None) or (first is not None and last is not None and first > last):
        raise _wrong(where, token, "has a range in which nothing lies, or that bounds nothing")
    return first, last


def _number(token: str, name: str, text: str, where: str) -> int:
    if name == "size":
        try:
            return parse_size(text)
        except UsageError as error:
            raise _wrong(where, token, f"has no size: {error.message}") from None
    if not re.fullmatch(r"[0-9]{4}" if name == "year" else r"[0-9]{1,18}", text, re.ASCII):
        raise _wrong(where, token, f"has no {'year' if name == 'year' else 'number'}: “{text:.40}”")
    return int(text)


def _percent(term: Term, where: str) -> int:
    match = re.fullmatch(r"([0-9]{1,3})%", term.texts[0], re.ASCII)
    if match is None or not 1 <= int(match[1]) <= 100 or len(term.texts) > 1:
        raise _wrong(where, term.text, "is no share from 1% to 100%")
    return int(match[1])


def _files_differ(term: Term, share: int, entry: BagEntry, known: Known) -> str:
    about = None if known.about is None else known.about.get(entry.id)
    if about is None or about.tagmanifest_sha256 != entry.tagmanifest_sha256:
        return "the edition does not say what is in it"
    such = _count(term, about)
    fit = about.files - such if term.negated else such
    if about.files and fit * 100 >= share * about.files:
        return ""
    return f"{such or 'none'} of its {about.files} files {'is' if such == 1 else 'are'}"


def _count(term: Term, about: About) -> int:
    """Return how many files of a bag are such: in all that is stated of one, or in any for a term with -."""
    match term.field:
        case "year":
            return sum(number for year, number in about.years.items() if _lies_in(term.ranges, year))
        case "kind":
            return sum(number for kind, number in about.kinds.items() if kind in term.texts)
        case _:
            judge: Callable[[Iterator[bool]], bool] = any if term.negated else all
            return sum(
                number
                for terms, number in about.terms.items()
                if terms and judge(_is_licence(term.texts, one.lower()) for one in terms)
            )


def _is_licence(wanted: Iterable[str], one: str) -> bool:
    """Tell whether a licence has one of these names, with or without its version, or fits one with a “*”."""
    for name in wanted:
        if "*" in name:
            if re.fullmatch(".*".join(map(re.escape, name.split("*"))), one):
                return True
        elif one == name or (one.startswith(f"{name}-") and one[len(name) + 1].isdigit()):
            return True
    return False


def _is_such(term: Term, entry: BagEntry) -> bool:
    match term.field:
        case "wave":
            return any(_WAVES.get(text, text) in (entry.wave, str(entry.wave)) for text in term.texts)
        case "audience":
            return entry.audience in term.texts
        case "bag":
            return any(
                re.fullmatch(".*".join(map(re.escape, text.split("*"))), entry.id.lower())
                for text in term.texts
            )
        case "size":
            return _lies_in(term.ranges, entry.bytes)
        case "edition":
            return _lies_in(term.ranges, entry.edition)
        case "recordings":
            return _lies_in(term.ranges, entry.recordings)
        case _:
            return entry.listens is not None and _lies_in(term.ranges, entry.listens)


def _names_differ(term: Term, entry: BagEntry, known: Known) -> str:
    if known.named is None or term.text not in known.named:
        return "the edition's index, which would tell, is not there"
    if (entry.id in known.named[term.text]) != term.negated:
        return ""
    return "it holds that" if term.negated else "it holds nothing of it"


def _matcher(term: Term) -> Callable[[pa.RecordBatch], pa.Array]:
    """Return what tells for the rows of an index which of them a term names."""
    if term.field == "recording":
        wanted = pa.array(sorted(term.texts), pa.string())
        return lambda batch: pc.is_in(batch["recording"], value_set=wanted)
    named = "|".join(
        "[^/]*".join(re.escape(_as_folder(part)) for part in text.split("*")) for text in term.texts
    )
    above = "" if term.field == "artist" else "[^/]+/([0-9]{4} - )?"
    return lambda batch: pc.match_substring_regex(batch["path"], f"^data/{above}({named})/", ignore_case=True)


def _as_folder(name: str) -> str:
    """Return a name as it is written where it is a folder's; blanks at its ends may stand beside a “*”."""
    if not name.strip(" ."):
        return name
    before, after = name[: len(name) - len(name.lstrip())], name[len(name.rstrip()) :]
    return before + portable_segment(name) + after


def _lies_in(ranges: Iterable[_Range], number: int) -> bool:
    return any((low is None or low <= number) and (high is None or number <= high) for low, high in ranges)


def _wrong(where: str, term: str, what: str) -> UsageError:
    return UsageError(
        f"{where}: “{term:.200}” {what}.",
        'Write it like: licence:cc0,public-domain year:..1960 artist:"Some Name" -wave:artwork',
    )
