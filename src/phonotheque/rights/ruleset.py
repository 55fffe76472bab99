"""What a file of rules says about the files below its folder, whichever format the rules were written in."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phonotheque.model.errors import PhonothequeError
from phonotheque.model.rights import Evidence, Kind
from phonotheque.model.sidecars import kind_of
from phonotheque.rights.combine import joined
from phonotheque.rights.globs import Glob
from phonotheque.rights.sidecars import read_bounded, shown

MAX_RULES_BYTES = 1024 * 1024
_BY_TERMS = (Kind.LICENCE, Kind.PUBLIC_DOMAIN, Kind.DEPOSIT, Kind.OWN_WORK)


@dataclass(frozen=True, slots=True)
class Rule:
    """One table or stanza: the patterns it is for, and what it says.

    ``unnamed``: it names no files, and so speaks of the music, and not of pictures and texts beside it.
    """

    globs: tuple[Glob, ...]
    evidence: Evidence
    unnamed: bool = False

    def is_for(self, path: str) -> bool:
        """Tell whether one of the patterns matches a path relative to the folder."""
        if self.unnamed and kind_of(os.fsencode(path.rpartition("/")[2])) is not None:
            return False
        return any(glob.matches(path) for glob in self.globs)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one file, in its order: the last that matches holds.

    With ``side_by_side``, rules about different things (recording and composition, other countries) hold
    together, and a later one replaces only what speaks of the same.
    """

    rules: tuple[Rule, ...]
    side_by_side: bool = False

    def evidence_for(self, path: str) -> Evidence:
        """Return what the rules say about one file, by its path relative to the folder."""
        standing: dict[object, Evidence] = {}
        for rule in self.rules:
            if rule.is_for(path):
                standing[_subject(rule.evidence) if self.side_by_side else None] = rule.evidence
        return joined(*standing.values())


def _subject(evidence: Evidence) -> object:
    """Return what a rule speaks of, so that rules for recording and composition stand side by side.

    What grants by its terms replaces what does so for the same time; other kinds stand beside it.
    """
    return frozenset(
        (s.covers, s.territory, s.valid_from, s.valid_until, None if s.kind in _BY_TERMS else s.kind)
        for s in evidence.statements
    )


def compiled(patterns: Iterable[str], dialect: Callable[[str], Glob], where: str) -> tuple[Glob, ...]:
    """Return the patterns of one rule, in the dialect of its format; or a PhonothequeError."""
    try:
        return tuple(map(dialect, patterns))
    except ValueError as error:
        raise PhonothequeError(f"{where}: the pattern {error}", "Use shorter, simpler patterns.") from error


def load_toml(path: Path) -> dict[str, Any]:
    """Return a TOML file's tables. OSError if it cannot be read, PhonothequeError if it is not TOML."""
    content = read_bounded(path, MAX_RULES_BYTES)
    if len(content) > MAX_RULES_BYTES:
        raise too_large(path)
    try:
        return tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        message = f"{shown(path)}: byte {error.start} is not UTF-8, which TOML is written in"
        raise PhonothequeError(message, "Save the file as UTF-8.") from error
    except tomllib.TOMLDecodeError as error:
        raise PhonothequeError(f"{shown(path)}: {error}", "Correct the file; see docs/rights.md.") from error
    except RecursionError as error:
        raise PhonothequeError(
            f"{shown(path)}: its values are nested too deeply", "Correct the file."
        ) from error


def too_large(path: Path) -> PhonothequeError:
    """Return the error for a file of rules that no person wrote."""
    message = f"{shown(path)}: it is larger than {MAX_RULES_BYTES // 1024} KiB"
    return PhonothequeError(message, "Use fewer, wider patterns, or rules in more than one folder.")


def strings(value: object) -> tuple[str, ...] | None:
    """Return a string, or a list of strings, as a tuple; None for anything else."""
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return None


def first_unknown(table: Iterable[str], known: Iterable[str]) -> str | None:
    """Return the first key of a table that its format does not have."""
    names = frozenset(known)
    return next((key for key in table if key not in names), None)
