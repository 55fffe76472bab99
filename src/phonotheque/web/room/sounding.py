"""What templates ask of how recordings sound here: each with its picture, and several at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from sqlalchemy import select
from starlette.requests import Request

from phonotheque.catalogue.views import Hit, RecordingView
from phonotheque.ledger.schema import files
from phonotheque.ledger.sidecars import SidecarRow, sidecars_of
from phonotheque.model.sidecars import SidecarKind
from phonotheque.web.room.heard import Heard, audio_of, heard, heard_of
from phonotheque.web.room.state import Room

_FEW: Final = 50  # masters of which covers are looked for
_SEVERAL: Final = 200  # recordings of a list that are looked up
_SHOWN: Final = ("front", "medium", "other")  # what pictures show, the best first


def sound_of(request: Request, view: RecordingView) -> Heard:
    """Return what may be heard of a recording, with a picture."""
    room: Room = request.app.state.room
    found = heard(room, request, view)
    return replace(found, cover=cover_of(room, request, view.files)) if found.played else found


def sounds_of(request: Request, hits: Sequence[Hit]) -> dict[str, Heard]:
    """Return, by their ids, what may be heard of recordings that files are known of; of the first 200."""
    room: Room = request.app.state.room
    named = [(hit.id, hit.title, hit.artist) for hit in hits if hit.files][:_SEVERAL]
    found = heard_of(room, request, named) if named else {}
    masters = (one.master for each in found.values() for one in each.files)
    cover = cover_of(room, request, masters)
    return {recording: replace(one, cover=cover) for recording, one in found.items()}


def cover_of(room: Room, request: Request, masters: Iterable[str]) -> str | None:
    """Return the address of the picture to show beside music, given the SHA-256 of masters.

    None where nothing may be shown to this visitor, and on a mirror, whose bags do not tell quickly.
    """
    wanted = list(dict.fromkeys(masters))[:_FEW]
    if room.archive.is_mirror or not wanted:
        return None
    with room.archive.ledger.connect() as ledger:
        ids = list(ledger.execute(select(files.c.id).where(files.c.sha256.in_(wanted))).scalars())
        rows = [row for of_one in sidecars_of(ledger, ids).values() for row in of_one if _is_shown(row)]
    rows.sort(key=lambda row: _SHOWN.index(row.role))
    found = audio_of(room, request, [row.sha256 for row in rows[:_FEW]])
    for row in rows[:_FEW]:
        if any(one.heard for one in found.get(row.sha256, ())):
            return f"/cover/{row.sha256}"
    return None


def _is_shown(row: SidecarRow) -> bool:
    return row.held and row.kind is SidecarKind.PICTURE and row.role in _SHOWN
