"""What lies beside the files of an export: attribution, licences, manifest, playlists, and what it is."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

from phonotheque.editions.export.attribution import Credit, LicenceNote, as_html, as_text
from phonotheque.editions.export.folder import Destination, Written
from phonotheque.model.errors import NotFoundError
from phonotheque.rights.licence_rules import LICENCE_TEXT

HEADING: Final = "Who made what is in this export, on what terms it may be used, and what was done to it."
_COMMON: Final = Path("/usr/share/common-licenses")  # on Debian and its like
_README: Final = """\
{name}: exported for {purpose} on {day}

- {files}
- ATTRIBUTION.txt, .html, .json   who made what, on which terms, with links: keep it with the files, and
                                  show it where you use them
- LICENSES/                       which licences these are, with their texts as far as they were at hand
- manifest.jsonl                  a line for each file: facts, rights with their evidence, mining, hashes
- export.json                     what was asked for, when, and what came of it

Whoever made this decided by what was recorded on that day, for {where}. Each line of the manifest says why.
"""
_RUN_DOWN: Final = (
    "path",
    "title",
    "credit",
    "composers",
    "album",
    "date",
    "label",
    "isrcs",
    "duration",
    "loudness",
    "licence",
    "line",
)


@dataclass(frozen=True, slots=True)
class LicenceTexts:
    """Which licences an export has, for whose files a text must go along, and where the texts are."""

    used: tuple[LicenceNote, ...]
    needed: frozenset[str]
    found: Mapping[str, Path]

    @property
    def missing(self) -> tuple[str, ...]:
        """Licences whose text has to go along and was not at hand."""
        return tuple(sorted(self.needed - self.found.keys()))


def licence_texts(written: Iterable[Written], folder: Path | None) -> LicenceTexts:
    """Return the licences of what was written; ``folder`` holds texts named like their SPDX ids.

    Raises NotFoundError if that folder is not there.
    """
    if folder is not None and not folder.is_dir():
        raise NotFoundError(f"{folder} is not a folder.", "Name one with texts such as GPL-2.0-or-later.txt.")
    used: dict[str, LicenceNote] = {}
    needed: set[str] = set()
    for one in written:
        credit = one.line["attribution"]
        for note in credit["licences"]:
            used[note["id"]] = LicenceNote(**note)
            if LICENCE_TEXT in credit["conditions"]:
                needed.add(note["id"])
    found = {name: place for name in used if (place := _text_of(name, folder))}
    return LicenceTexts(tuple(used[name] for name in sorted(used)), frozenset(needed), found)


def _text_of(name: str, folder: Path | None) -> Path | None:
    plain = re.sub(r"-(only|or-later)$", "", name)
    places = [folder / f"{one}.txt" for one in (name, plain)] if folder else []
    gnu = re.fullmatch(r"(L?GPL)-(\d)\.(\d)", plain)
    if gnu:
        places.append(_COMMON / f"{gnu[1]}-{gnu[2]}{'' if gnu[3] == '0' else '.' + gnu[3]}")
    return next((place for place in places if place.is_file()), None)


def write_licences(to: Destination, prefix: str, texts: LicenceTexts) -> None:
    """Write ``LICENSES``: the texts at hand, and a list of all licences with their addresses."""
    lines = ["The licences of the files in this export. ATTRIBUTION says which file has which.", ""]
    for note in texts.used:
        at_hand = note.id in texts.found
        where = f"its text is {note.id}.txt" if at_hand else "its text is not included: read it there"
        lines.append(f"{note.id}: {note.name}, {note.url} ({where})")
    to.document(f"{prefix}LICENSES/README.txt", ["\n".join(lines), "\n"])
    for name, place in sorted(texts.found.items()):
        to.document(f"{prefix}LICENSES/{name}.txt", [place.read_text(encoding="utf-8", errors="replace")])


def write_attribution(to: Destination, prefix: str) -> None:
    """Write ATTRIBUTION as text, as a page, and as JSON."""

    def listed() -> Iterator[tuple[str, Credit]]:
        return ((one.path.removeprefix(prefix), _credit(one)) for one in to.entries())

    to.document(f"{prefix}ATTRIBUTION.txt", as_text(listed(), HEADING))
    to.document(f"{prefix}ATTRIBUTION.html", as_html(listed(), HEADING))
    found = ({"path": one.path.removeprefix(prefix), **one.line["attribution"]} for one in to.entries())
    to.document(f"{prefix}ATTRIBUTION.json", _list(found))


def write_playlist(to: Destination, prefix: str) -> None:
    """Write an extended M3U in UTF-8 of all music, by path; paths are relative to it."""
    to.document(f"{prefix}everything.m3u8", chain(["#EXTM3U\n"], map(partial(_entry, prefix), _music(to))))


def write_run_down(to: Destination, prefix: str) -> None:
    """Write the run-down for a programme: CSV and JSON; ``line`` is the credit to be read out or shown."""

    def rows() -> Iterator[dict[str, Any]]:
        return (_run_down(prefix, one) for one in _music(to))

    # With a mark at the beginning, spreadsheets read it as UTF-8.
    to.document(
        f"{prefix}run-down.csv", chain(["\ufeff", _csv(_RUN_DOWN)], (_csv(r.values()) for r in rows()))
    )
    to.document(f"{prefix}run-down.json", _list(rows()))


def write_manifest(to: Destination, prefix: str) -> None:
    """Write a line of JSON for each file."""
    lines = ({**one.line, "path": one.path.removeprefix(prefix)} for one in to.entries())
    to.document(
        f"{prefix}manifest.jsonl", (json.dumps(x, ensure_ascii=False, sort_keys=True) + "\n" for x in lines)
    )


def write_about(to: Destination, prefix: str, about: Mapping[str, Any], at: str) -> None:
    """Write export.json, and README.txt; the moment is that at which anything was last another."""
    place = to.folder / f"{prefix}export.json"
    if place.is_file():
        try:
            known = json.loads(place.read_bytes())
        except ValueError:
            known = {}
        if isinstance(known, dict) and {**known, "made_at": None} == {**about, "made_at": None}:
            at = str(known["made_at"])
    to.document(f"{prefix}export.json", _json({**about, "made_at": at}))
    asked = about["asked_for"]
    files = {
        "folder": "Artist/Year - Release/          the files, as people look for them",
        "webdataset": "shards/*.tar                    WebDataset: KEY.EXTENSION and KEY.json, side by side",
        "parquet": "shards/*.parquet                a row for each file; “audio” holds its bytes",
    }
    readme = _README.format(
        name=about["archive"]["name"],
        purpose=asked["for"],
        day=at[:10],
        where="the whole world" if asked["in"] == "WORLD" else asked["in"],
        files=files.get(asked["format"], files["folder"]),
    )
    to.document(f"{prefix}README.txt", [readme])


def _music(to: Destination) -> Iterator[Written]:
    return (one for one in to.entries() if one.line["kind"] != "sidecar")


def _credit(one: Written) -> Credit:
    said = one.line["attribution"]
    return Credit(
        title=said["title"],
        creator=said["creator"],
        licences=tuple(LicenceNote(**note) for note in said["licences"]),
        basis=tuple(said["basis"]),
        notices=tuple(said["notices"]),
        source=said["source"],
        changes=said["changes"],
        conditions=tuple(said["conditions"]),
    )


def _entry(prefix: str, one: Written) -> str:
    line = one.line
    names = " - ".join(part for part in (line.get("credit"), line["title"]) if part)
    length = round(line["duration"]) if line.get("duration") else -1
    path = one.path.removeprefix(prefix)
    place = f"./{path}" if path.startswith("#") else path  # which would be a comment
    return f"#EXTINF:{length},{' '.join(names.split())}\n{place}\n"


def _run_down(prefix: str, one: Written) -> dict[str, Any]:
    line = {**one.line, "path": one.path.removeprefix(prefix), "line": one.line["attribution"]["line"]}
    line["licence"] = [note["id"] for note in one.line["attribution"]["licences"]]
    return {name: line.get(name) for name in _RUN_DOWN}


def _csv(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(map(_cell, values))
    return line.getvalue()


def _cell(value: Any) -> Any:
    """Return what stands in a cell; a title is kept from being a formula to a spreadsheet."""
    text = "; ".join(value) if isinstance(value, list | tuple) else value
    return f"'{text}" if isinstance(text, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def _list(values: Iterable[Any]) -> Iterator[str]:
    """Write a list as JSON, an item a line."""
    before = "[\n"
    for value in values:
        yield before + json.dumps(value, ensure_ascii=False)
        before = ",\n"
    yield "\n]\n" if before == ",\n" else "[]\n"


def _json(value: Any) -> list[str]:
    return [json.dumps(value, ensure_ascii=False, indent=1), "\n"]
