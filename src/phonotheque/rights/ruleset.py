"""What a file of rules says about the files below its folder, whichever format the rules were written in."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phonotheque.model.errors import PhonothequeError
from phonotheque.model.rights import DENIALS, Evidence, Kind, Statement
from phonotheque.model.sidecars import kind_of
from phonotheque.rights.combine import joined, same_time
from phonotheque.rights.globs import Glob
from phonotheque.rights.sidecars import read_bounded, shown

MAX_RULES_BYTES = 1024 * 1024
# Facts and duties, and what is reserved: they stand beside whatever says what may be done.
_BESIDE = (Kind.DATES, Kind.MANDATE, *DENIALS)


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

    With ``side_by_side``, rules about different things (recording and composition, other countries, other
    times) hold together, and a later one replaces only what speaks of the same.
    """

    rules: tuple[Rule, ...]
    side_by_side: bool = False

    def evidence_for(self, path: str) -> Evidence:
        """Return what the rules say about one file, by its path relative to the folder."""
        standing: list[Evidence] = []
        for rule in self.rules:
            if rule.is_for(path):
                kept = standing if self.side_by_side else []
                standing = [*(one for one in kept if not _replaces(rule.evidence, one)), rule.evidence]
        return joined(*standing)


def _replaces(later: Evidence, earlier: Evidence) -> bool:
    return any(_of_the_same(new, old) for new in later.statements for old in earlier.statements)


def _of_the_same(new: Statement, old: Statement) -> bool:
    """Tell whether two statements of one file of rules cannot both be meant.

    What says what may be done replaces whatever said so for a part of its time, also if it allows less: by an
    agreement that ends, on site only, or nothing at all. Other kinds replace only their own.
    """
    if (new.covers, new.territory) != (old.covers, old.territory):
        return False
    if new.kind in _BESIDE or old.kind in _BESIDE:
        return (new.kind, new.valid_from, new.valid_until) == (old.kind, old.valid_from, old.valid_until)
    return same_time(new, old)


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
    except ValueError as error:  # of Python: a number with more digits than it reads
        message = f"{shown(path)}: it has a number that is too long: {error}"
        raise PhonothequeError(message, "Correct the file; see docs/rights.md.") from error
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
