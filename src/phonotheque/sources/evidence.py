"""Gathering what is said about a file's rights: its own tags, notes beside it, rules of its folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache, partial
from itertools import groupby
from pathlib import Path

from phonotheque.model.audio import Tags
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.rights import Evidence, Question
from phonotheque.rights.combine import combine
from phonotheque.rights.folder import RULE_FILES, FolderRules, load_folder_rules
from phonotheque.rights.sidecars import read_sidecar
from phonotheque.rights.tags import from_tags


def gather(path: bytes, notes: tuple[bytes, ...], tags: Tags) -> Evidence:
    """Return everything found about the rights in ``path``. Unreadable or broken notes become questions.

    Among folder rules the nearest folder that says something about the file wins; the file's own tags and
    the notes beside it are independent of them.
    """
    beside = [note for note in notes if os.fsdecode(os.path.basename(note)) not in RULE_FILES]
    found = [from_tags(tags)]
    found += [_asked_if_broken(note, partial(read_sidecar, Path(os.fsdecode(note)))) for note in beside]
    for folder, rules in groupby((note for note in notes if note not in beside), os.path.dirname):
        files = tuple(rules)
        said = _asked_if_broken(files[0], partial(_ruled, path, folder, files))
        if said.statements or said.questions:
            found.append(said)
            break
    return combine(*found)


def _asked_if_broken(note: bytes, read: Callable[[], Evidence]) -> Evidence:
    try:
        return read()
    except PhonothequeError as error:
        return _cannot_read(note, error.message)
    except OSError as error:
        return _cannot_read(note, error.strerror or str(error))


def _ruled(path: bytes, folder: bytes, rule_files: tuple[bytes, ...]) -> Evidence:
    # Times are part of the key: a worker outlives a correction that the archivist makes meanwhile.
    rules = _rules(os.fsdecode(folder), tuple(os.stat(file).st_mtime_ns for file in rule_files))
    if rules is None:
        return Evidence()
    return rules.evidence_for(os.fsdecode(os.path.relpath(path, folder)))


@lru_cache(maxsize=64)
def _rules(folder: str, _mtimes: tuple[int, ...]) -> FolderRules | None:
    return load_folder_rules(Path(folder))


def _cannot_read(note: bytes, reason: str) -> Evidence:
    name = os.path.basename(note).decode("utf-8", "replace")
    question = Question(
        text=f"{name} could not be read: {reason}", candidates=(), evidence="", evidence_origin=f"file:{name}"
    )
    return Evidence(questions=(question,))
