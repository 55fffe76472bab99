"""The documentation as values: pages, their headings, links, tables, and the commands written in them.

A fenced block marked ``console`` holds a dialogue: lines that begin with “$ ” are commands, lines that begin
with “> ” continue the command before, everything else is what was printed. In a block marked ``sh`` every
line is a command. A command that ends in “# exits N” is meant to exit with N.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(
    [*DOCS.rglob("*.md"), *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md"))]
)

_FENCE = re.compile(r"^( *)(```+)([^\n`]*)\n(.*?)^\1\2 *$", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"(`+)(.+?)\1", re.DOTALL)
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
_EXITS = re.compile(r"\s+# exits (\d+)\s*$")
_GOES_ON = "\\"
_SEPARATORS = re.compile(r"[();<>|&]+")


@dataclass(frozen=True)
class Block:
    """A fenced block: what it is marked as, and its text."""

    kind: str
    text: str


@dataclass(frozen=True)
class Line:
    """One command line as written, and the exit code it is meant to have."""

    text: str
    exits: int = 0


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> list[Block]:
    return [Block((match[3].split() or [""])[0], match[4]) for match in _FENCE.finditer(text_of(page))]


def prose(page: Path) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", text_of(page))


def inline_code(page: Path) -> list[str]:
    return [" ".join(match[2].split()) for match in _CODE.finditer(prose(page))]


def links(page: Path) -> list[str]:
    return _LINK.findall(_CODE.sub("", prose(page)))


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    found: set[str] = set()
    for heading in _HEADING.findall(prose(page)):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "")
        anchor = re.sub(r"[^\w\- ]", "", plain.strip().lower()).replace(" ", "-")
        number = 0
        while (numbered := f"{anchor}-{number}" if number else anchor) in found:
            number += 1
        found.add(numbered)
    return found


def table(page: Path, heading: str) -> list[list[str]]:
    """The rows of the first table below a heading, its own heading row left out, code marks removed."""
    level, _, _ = heading.partition(" ")
    section = f"\n{text_of(page)}".split(f"\n{heading}\n", 1)[1]
    section = re.split(rf"^#{{1,{len(level)}}} ", section, maxsplit=1, flags=re.MULTILINE)[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def codes(cell: str) -> list[str]:
    """What stands in code marks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def command_lines(page: Path) -> list[Line]:
    """Every command of the page's console and sh blocks, in order."""
    found: list[Line] = []
    for block in blocks(page):
        if block.kind in ("console", "sh", "bash", "shell"):
            found += [_line(text) for text in _commands(block)]
    return found


def phono_calls(text: str) -> Iterator[list[str]]:
    """The arguments of each call of phono in a command line."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    call: list[str] = []
    for token in [*lexer, ";"]:
        if not _SEPARATORS.fullmatch(token):
            call.append(token)
            continue
        words = [
            word for at, word in enumerate(call) if not re.fullmatch(r"\w+=.*", word) or "phono" in call[:at]
        ]
        if words[:1] == ["phono"]:
            yield words[1:]
        call = []


def _line(text: str) -> Line:
    match = _EXITS.search(text)
    return Line(_EXITS.sub("", text), int(match[1]) if match else 0)


def _commands(block: Block) -> list[str]:
    found: list[str] = []
    if block.kind != "console":
        joined = block.text.replace("\\\n", " ")
        return [
            line.strip() for line in joined.splitlines() if line.strip() and not line.lstrip().startswith("#")
        ]
    for line in block.text.splitlines():
        if line.startswith("$ "):
            found.append(line[2:])
        elif line.startswith("> ") and found:
            found[-1] = f"{found[-1].removesuffix(_GOES_ON).rstrip()} {line[2:].strip()}"
    return found
