"""The artwork and lyrics of a recording's files, in them and beside them, for ``phono show``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from phonotheque.audio.tag_names import is_lyrics
from phonotheque.cli.common import human_size
from phonotheque.ledger.bags import where_bagged
from phonotheque.ledger.schema import decisions
from phonotheque.ledger.sidecars import sidecars_of
from phonotheque.model.rights import Act


def beside_files(ledger: Connection, rows: Sequence[Row[Any]]) -> dict[int, dict[str, Any]]:
    """Return, by file id, the pictures in each file, whether it holds lyrics, and what lies beside it."""
    found = sidecars_of(ledger, [row.id for row in rows])
    ids = sorted({sidecar.file_id for sidecars in found.values() for sidecar in sidecars})
    bagged = where_bagged(ledger, ids)
    shared = (decisions.c.act == Act.DISTRIBUTE.value) & decisions.c.file_id.in_(ids)
    answers = {row.file_id: row for row in ledger.execute(select(decisions).where(shared))}
    beside = {}
    for row in rows:
        sidecars = [
            {
                "sha256": one.sha256,
                "name": one.name,
                "kind": one.kind.value,
                "role": one.role,
                "mime": one.mime,
                "width": one.width,
                "height": one.height,
                "size": one.size,
                "held": one.held,
                "bag": "/".join(bagged[one.file_id]) if one.file_id in bagged else None,
                "may_be_shared": answers[one.file_id].answer if one.file_id in answers else "unknown",
                "because": answers[one.file_id].reason if one.file_id in answers else None,
            }
            for one in found[row.id]
        ]
        lyrics = [key for key in row.tags.get("raw", {}) if is_lyrics(key)]
        beside[row.id] = {"artwork": row.artwork, "lyrics": lyrics, "sidecars": sidecars}
    return beside


def beside_lines(held: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a person reads of it: a label and a line for each."""
    for picture in held["artwork"]:
        yield "Artwork", f"in the file: {_described(picture)}"
    if held["lyrics"]:
        yield "Lyrics", f"in the file: {', '.join(held['lyrics'])}"
    for one in held["sidecars"]:
        state = "held" if one["held"] else "known, not kept"
        may = "may be shared" if one["may_be_shared"] == "yes" else "may not be shared"
        because = f": {one['because']}" if one["because"] else ""
        where = f"; in bag {one['bag']}" if one["bag"] else ""
        label = {"picture": "Artwork", "lyrics": "Lyrics"}.get(one["kind"], "Document")
        yield label, f"{one['name']} ({_described(one)}), {state}{where}; {may}{because}"


def _described(picture: dict[str, Any]) -> str:
    pixels = f", {picture['width']} × {picture['height']}" if picture["width"] else ""
    return f"{picture['role']}, {picture['mime']}{pixels}, {human_size(picture['size'])}"
