"""Gathering what is said about a file's rights: its tags, notes beside it, its folders' rules, its item."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import lru_cache, partial
from itertools import groupby, islice
from pathlib import Path

from phonotheque.model.audio import Tags
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.rights import DENIALS, Covers, Evidence, Question
from phonotheque.rights.combine import combine
from phonotheque.rights.folder import RULE_FILES, FolderRules, load_folder_rules
from phonotheque.rights.sidecars import read_sidecar
from phonotheque.rights.tags import from_tags
from phonotheque.sources.folder import DEBIAN_COPYRIGHT
from phonotheque.sources.item_rights import is_item, is_listing, item_evidence


def gather(path: bytes, notes: tuple[bytes, ...], tags: Tags) -> Evidence:
    """Return everything found about the rights in ``path``. Unreadable or broken notes become questions.

    Among folder rules the nearest folder that grants something or asks about the file wins, and so among
    items of the Internet Archive; the file's own tags and the notes beside it are independent of them. What
    takes away counts from every folder above the file.
    """
    items = [note for note in notes if is_item(note)]
    ruling = [note for note in notes if os.fsdecode(os.path.basename(note)) in RULE_FILES]
    beside = [note for note in notes if note not in (*items, *ruling) and not is_listing(note)]
    found = [from_tags(tags)]
    found += [_asked_if_broken(note, partial(read_sidecar, Path(os.fsdecode(note)))) for note in beside]
    of_items = (_asked_if_broken(note, partial(item_evidence, path, note)) for note in items)
    found += islice((said for said in of_items if said.statements or said.questions), 1)
    found += _ruled_by(path, ruling)
    return combine(*found)


def _ruled_by(path: bytes, rule_files: Iterable[bytes]) -> Iterator[Evidence]:
    """Yield what folder rules say of a file, the nearest folder first."""
    ruled = False
    for folder, rules in groupby(rule_files, _ruled_folder):
        files = tuple(rules)
        said = _asked_if_broken(files[0], partial(_ruled, path, folder, files))
        denials = tuple(statement for statement in said.statements if statement.kind in DENIALS)
        yield Evidence(denials, said.questions if said.unread else (), said.unread) if ruled else said
        ruled = ruled or denials != said.statements or bool(said.questions)


def gather_beside(path: bytes, notes: tuple[bytes, ...]) -> Evidence:
    """Return everything found about the rights in a sidecar: in what names it, alone or by a pattern.

    What speaks of a recording or of a composition only does not speak of the picture or the text beside it.
    """
    found = gather(path, notes, Tags())
    both = tuple(statement for statement in found.statements if statement.covers is Covers.BOTH)
    return replace(found, statements=both)


def speaks_of_rights(note: Path) -> bool:
    """Whether a text states terms, or asks about them: then it is evidence. Raises OSError."""
    said = read_sidecar(note)
    return bool(said.statements or said.questions)


def _asked_if_broken(note: bytes, read: Callable[[], Evidence]) -> Evidence:
    try:
        return read()
    except PhonothequeError as error:
        return _asking(note, f"What speaks of its rights could not be read: {error.message}")
    except OSError as error:
        return _asking(note, f"{_shown(note)} could not be read: {error.strerror or error}")


def _ruled_folder(rule_file: bytes) -> bytes:
    folder = os.path.dirname(rule_file)
    packaged = rule_file == os.path.join(os.path.dirname(folder), DEBIAN_COPYRIGHT)
    return os.path.dirname(folder) if packaged else folder


def _ruled(path: bytes, folder: bytes, rule_files: tuple[bytes, ...]) -> Evidence:
    # Times are part of the key: a worker outlives a correction that the archivist makes meanwhile.
    rules = _rules(os.fsdecode(folder), tuple(os.stat(file).st_mtime_ns for file in rule_files))
    if rules is None:
        return Evidence()
    return rules.evidence_for(os.fsdecode(os.path.relpath(path, folder)))


@lru_cache(maxsize=64)
def _rules(folder: str, _mtimes: tuple[int, ...]) -> FolderRules | None:
    return load_folder_rules(Path(folder))


def _asking(note: bytes, text: str) -> Evidence:
    origin = f"file:{_shown(note)}"
    question = Question(text=text, candidates=(), evidence="", evidence_origin=origin)
    return Evidence(questions=(question,), unread=True)


def _shown(note: bytes) -> str:
    return os.path.basename(note).decode("utf-8", "replace")
