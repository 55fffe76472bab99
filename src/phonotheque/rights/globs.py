"""Patterns for relative paths, matched in time proportional to wildcards × path, whatever they are.

Three dialects, because three formats define their own; regular expressions made from a stranger's patterns
could take for ever. A pattern beyond all reason is a ValueError.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum


class _Wild(Enum):
    ONE = "one character, not a slash"
    ONE_OF_ANY = "one character"
    SOME = "any characters, no slash"
    ANY = "any characters"
    FOLDERS = "nothing, or whole folders with their slash"


MAX_PATTERN = 4096  # characters
MAX_WILDCARDS = 64

_Token = str | _Wild
_LOOPS = {_Wild.SOME, _Wild.ANY, _Wild.FOLDERS}


@dataclass(frozen=True, slots=True)
class Glob:
    """A compiled pattern for paths with a leading slash: literal up to the first wildcard, then tokens."""

    head: str
    tokens: tuple[_Token, ...]

    def matches(self, path: str) -> bool:
        """Tell whether the pattern matches the whole of a relative path (``/``, any Unicode form)."""
        path = unicodedata.normalize("NFC", f"/{path}")
        if not path.startswith(self.head):
            return False
        states = set(self._reach(0))
        for letter in path[len(self.head) :]:
            states = {after for state in states for after in self._step(state, letter)}
            if not states:
                return False
        return len(self.tokens) in states

    def _reach(self, state: int) -> Iterator[int]:
        """Yield a state and those behind it that need no character."""
        yield state
        while state < len(self.tokens) and self.tokens[state] in _LOOPS:
            state += 1
            yield state

    def _step(self, state: int, letter: str) -> Iterator[int]:
        if state == len(self.tokens):
            return
        match self.tokens[state]:
            case _Wild.ANY:
                yield from self._reach(state)
            case _Wild.SOME if letter != "/":
                yield from self._reach(state)
            case _Wild.FOLDERS:
                yield state
                if letter == "/":
                    yield from self._reach(state + 1)
            case token if (
                token == letter or (token is _Wild.ONE and letter != "/") or token is _Wild.ONE_OF_ANY
            ):
                yield from self._reach(state + 1)
            case _:
                return


def ours(pattern: str) -> Glob:
    """Compile a pattern of ``rights.toml``.

    ``*`` and ``?`` stay within a name, ``**`` spans folders, ``**/`` may be no folder at all, and everything
    else is literal, brackets too. A pattern without ``/`` is for names in any folder below.
    """
    pattern = pattern.removeprefix("./")
    if "/" not in pattern.rstrip("/"):
        pattern = f"**/{pattern}"
    if pattern.endswith("/"):
        pattern += "**"
    wild = {"/**/": ("/", _Wild.FOLDERS), "**": (_Wild.ANY,), "*": (_Wild.SOME,), "?": (_Wild.ONE,)}
    return _compile(pattern.removeprefix("/"), wild)


def reuse(pattern: str) -> Glob:
    r"""Compile a path of REUSE.toml (REUSE 3.3): ``*`` within a name, ``**`` across, ``\`` escapes."""
    return _compile(pattern, {"**": (_Wild.ANY,), "*": (_Wild.SOME,)}, escapes=True)


def debian(pattern: str) -> Glob:
    r"""Compile a pattern of a Files field (DEP-5): ``*`` and ``?`` match slashes too, ``\`` escapes."""
    wild = {"*": (_Wild.ANY,), "?": (_Wild.ONE_OF_ANY,)}
    return _compile(pattern.removeprefix("./"), wild, escapes=True)


def _compile(pattern: str, wild: Mapping[str, tuple[_Token, ...]], *, escapes: bool = False) -> Glob:
    """Return a compiled pattern; of two wildcards that begin alike, ``wild`` lists the longer one first."""
    shown = f"“{pattern[:60]}”"
    if len(pattern) > MAX_PATTERN:
        raise ValueError(f"{shown} has more than {MAX_PATTERN} characters")
    rest = unicodedata.normalize("NFC", f"/{pattern}")
    tokens: list[_Token] = []
    while rest:
        sign = next((sign for sign in wild if rest.startswith(sign)), None)
        if sign is not None:
            tokens.extend(wild[sign])
            rest = rest[len(sign) :]
        elif escapes and rest[0] == "\\" and len(rest) > 1:
            tokens.append(rest[1])
            rest = rest[2:]
        else:
            tokens.append(rest[0])
            rest = rest[1:]
    wilds = [place for place, token in enumerate(tokens) if isinstance(token, _Wild)]
    if len(wilds) > MAX_WILDCARDS:
        raise ValueError(f"{shown} has more than {MAX_WILDCARDS} wildcards")
    start = wilds[0] if wilds else len(tokens)
    return Glob("".join(str(token) for token in tokens[:start]), tuple(tokens[start:]))
