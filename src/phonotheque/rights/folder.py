"""Rules for a whole folder: ``rights.toml``, ``REUSE.toml``, and Debian's ``copyright``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from phonotheque.model.rights import Evidence
from phonotheque.rights.combine import joined
from phonotheque.rights.debian_copyright import read_debian_copyright
from phonotheque.rights.reuse_toml import read_reuse_toml
from phonotheque.rights.rights_toml import read_rights_toml
from phonotheque.rights.ruleset import RuleSet

RULE_FILES = ("rights.toml", "REUSE.toml", "copyright")

_READERS: tuple[tuple[str, Callable[[Path], RuleSet]], ...] = (
    ("rights.toml", read_rights_toml),
    ("REUSE.toml", read_reuse_toml),
    ("copyright", lambda path: read_debian_copyright(path, "copyright")),
    ("debian/copyright", lambda path: read_debian_copyright(path, "debian/copyright")),
)


@dataclass(frozen=True, slots=True)
class FolderRules:
    """What the rule files of one folder say about the files below it."""

    sets: tuple[RuleSet, ...]

    def evidence_for(self, relative_path: str) -> Evidence:
        """Return what they say about a file, by its path relative to the folder, with ``/``."""
        return joined(*(rules.evidence_for(relative_path) for rules in self.sets))


def load_folder_rules(folder: Path) -> FolderRules | None:
    """Return the rules written in a folder, None if there are none.

    Raises PhonothequeError for a file that breaks its format, naming the place and what to do, and OSError
    for one that cannot be read: a rule that cannot be read is never taken for one that is not there.
    """
    sets = []
    for name, read in _READERS:
        try:
            sets.append(read(folder / name))
        except (FileNotFoundError, NotADirectoryError):
            continue
    return FolderRules(tuple(sets)) if sets else None
