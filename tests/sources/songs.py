"""A source to take in, for tests, and stand-ins for its worker processes."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.sources.cutting import BrokenFileError
from phonotheque.sources.gather import Gather
from phonotheque.sources.registry import Piece

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
LINES = 2  # of a piece


@dataclass(frozen=True)
class Songs:
    """Reads JSON lines, two a piece; a line may ask for trouble. Every piece that is read leaves a mark."""

    interrupted_after: int | None = None  # pieces
    name: str = "songs"
    summary: str = "a folder of JSON lines"

    def files(self, location: Path) -> list[Path]:
        found = sorted(location.glob("*.jsonl"))
        if not found:
            raise NotFoundError(f"{location} holds no songs.", "Give a folder of .jsonl files.")
        return found

    def pieces(self, location: Path, file: Path) -> Iterator[Piece]:
        lines = file.read_bytes().splitlines(keepends=True)
        for number in range(0, len(lines), LINES):
            if number // LINES == self.interrupted_after:
                raise KeyboardInterrupt
            if lines[number] == b"BREAK\n":
                raise BrokenFileError(f"{file.name}: breaks off.")
            content = b"".join(lines[number : number + LINES])
            yield Piece(file, number // LINES, "song", number + 1, content)

    def read(self, piece: Piece, gather: Gather) -> None:
        with (piece.file.parent / "marks").open("a") as marks:
            marks.write(f"{piece.file.stem}{piece.number}\n")
        for position, line in enumerate(piece.content.splitlines(), piece.first):
            song = json.loads(line)
            if song.get("kills"):
                os._exit(9)
            own_id = str(song["id"])
            gather.position, gather.record_id = position, own_id
            if not song.get("unrecorded"):
                gather.record("song", own_id, line if not song.get("lies") else line + b" ")
            for track in song.get("tracks", [own_id]):
                gather.track(
                    record_id=own_id, source_id=track, title=song.get("title"), artists=["Ann Field"]
                )
            for kind in song.get("things", ["work"]):
                gather.thing(record_id=own_id, kind=kind, name=song.get("title"))
            if "nonfree" in song:
                gather.nonfree("song", own_id, song["nonfree"], "[]")
            if count := song.get("listens"):
                gather.listen(count, title=song["title"], artist="Ann Field")
            if "isrc" in song:
                gather.reject("value", "is no ISRC", field="isrc", value=song["isrc"])

    def audio(self, location: Path) -> list[Path]:
        return []


class Here(Executor):
    """Does the work at once, in this process: what was handed over is done, whenever the run is stopped."""

    def submit(
        self, work: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Future[Result]:
        future: Future[Result] = Future()
        try:
            future.set_result(work(*args, **kwargs))
        except VerificationError as error:
            future.set_exception(error)
        return future


class ShortOfMemory(Here):
    """Its workers are killed by every second piece of a file."""

    def submit(
        self, work: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Future[Result]:
        (works,) = args
        if isinstance(works, list) and works[0].piece.number == 1:
            died: Future[Result] = Future()
            died.set_exception(BrokenProcessPool())
            return died
        return super().submit(work, *args, **kwargs)


class DiesBeforeItTells(Here):
    """Its workers are killed when they have read several pieces, and then by the first piece of ``a``."""

    def submit(
        self, work: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Future[Result]:
        (works,) = args
        assert isinstance(works, list)
        first = works[0].piece
        if len(works) > 1 or (first.file.stem, first.number) != ("a", 0):
            future = super().submit(work, *args, **kwargs)
            if len(works) == 1:
                return future
        died: Future[Result] = Future()
        died.set_exception(BrokenProcessPool())
        return died


def song(number: object, **more: Any) -> dict[str, Any]:
    return {"id": number, "title": f"Song {number}"} | more


def put(folder: Path, *lines: dict[str, Any] | str, name: str = "a.jsonl") -> Path:
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    (folder / name).write_text("".join(f"{text}\n" for text in texts))
    return folder / name
