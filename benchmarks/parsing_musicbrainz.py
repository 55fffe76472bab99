"""python -m benchmarks.parsing_musicbrainz [SAMPLES]: MusicBrainz' releases, beside ``json.loads``.

One core reads the same lines twice, in turns: ``json.loads`` for each line, whose result is thrown away; and
the source, which also checks identifiers, makes display texts and matching keys, takes out what is not CC0,
and builds the tables.

SAMPLES is a folder with ``release.json``, ``release_multidisc.json``, ``recording_credits.json`` of the web
service (Picard's tests have them); without it all is made up. They are multiplied with other ids and other
titles: of ten releases one is Japanese, and half of the others have tags, genres and an annotation. In three
shapes: as they are; completed with what the dumps have on every track (its credit and its recording's, ISRCs,
aliases, genres, tags); and with relations, which are most of a dump: as many on each recording as make a
line, packed by xz, as long as in the dumps of 2026 (23 GB for 5.1 million releases).
"""

from __future__ import annotations

import argparse
import json
import random
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.measure import Contender, alternate
from phonotheque.sources.cutting import PIECE
from phonotheque.sources.gather import Gather
from phonotheque.sources.musicbrainz import SOURCE
from phonotheque.sources.registry import Piece

_SAMPLES = ("release.json", "release_multidisc.json", "recording_credits.json")
_RELATIONS = 7  # on each recording
_ROUNDS = 5
_WORDS = ("Air", "Blue", "Chanson", "Dance", "Étude", "Fire", "Heart", "Love", "Night", "Ocean", "Rain")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.parsing_musicbrainz", description=__doc__)
    parser.add_argument("samples", nargs="?", type=Path)
    parser.add_argument("--megabytes", type=int, default=50)
    given = parser.parse_args()
    releases, relations = _samples(given.samples) if given.samples else ([_made_up()], [_relation()])
    shapes = {
        "as from the web service": releases,
        "with the dumps’ fields, no relations": [_completed(release, []) for release in releases],
        "with relations, as in the dumps": [
            _completed(release, (relations * _RELATIONS)[:_RELATIONS]) for release in releases
        ],
    }
    print("| lines | MB | kB a line | tracks | json.loads, MB/s | source, MB/s | ratio |")
    print("|---|---|---|---|---|---|---|")
    for shape, of_it in shapes.items():
        print(_row(shape, of_it, given.megabytes))


def _row(shape: str, releases: list[dict[str, Any]], megabytes: int) -> str:
    content = b"\n".join(_lines(releases, megabytes * 1_000_000))
    pieces = list(_pieces(content))
    tracks = sum(len(_read(piece).tables()["facts"]) for piece in pieces)

    def plain() -> None:
        for piece in pieces:
            for line in piece.content.splitlines():
                json.loads(line)

    def ours() -> None:
        for piece in pieces:
            _read(piece).tables()

    costs = alternate([Contender("json.loads", plain), Contender("source", ours)], _ROUNDS)
    size = len(content) / 1e6
    theirs, mine = costs["json.loads"].cpu, costs["source"].cpu
    rates = f"{size / theirs:.0f} | {size / mine:.0f} | {theirs / mine:.2f}"
    lines = content.count(b"\n") + 1
    return f"| {shape} | {size:.0f} | {size * 1000 / lines:.1f} | {tracks:,} | {rates} |"


def _read(piece: Piece) -> Gather:
    gather = Gather(SOURCE.name, str(uuid.UUID(int=0)), piece.file.name)
    SOURCE.read(piece, gather)
    return gather


def _pieces(content: bytes) -> Iterator[Piece]:
    start, number, first = 0, 0, 1
    while start < len(content):
        end = content.find(b"\n", start + PIECE)
        run = content[start:] if end < 0 else content[start : end + 1]
        yield Piece(Path("release"), number, "release", first, run)
        start, number, first = start + len(run), number + 1, first + run.count(b"\n")


def _lines(releases: list[dict[str, Any]], size: int) -> Iterator[bytes]:
    """Yield lines of ``size`` bytes together: the releases again and again, with other ids and titles."""
    chance = random.Random(1)
    made = 0
    while made < size:
        release = _varied(chance.choice(releases), chance)
        line = json.dumps(release, ensure_ascii=False, separators=(",", ":")).encode()
        made += len(line) + 1
        yield line


def _varied(value: Any, chance: random.Random) -> Any:
    if isinstance(value, list):
        return [_varied(part, chance) for part in value]
    if not isinstance(value, dict):
        return value
    varied = {name: _varied(part, chance) for name, part in value.items()}
    if "id" in varied and "sort-name" not in varied:  # the same artists come again and again
        varied["id"] = str(uuid.UUID(int=chance.getrandbits(128)))
    if varied.get("title"):
        varied["title"] = (
            f"{varied['title']} {chance.choice(_WORDS)} {chance.choice(_WORDS)} {chance.randrange(999)}"
        )
    return varied


def _completed(release: dict[str, Any], relations: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a release with what every track has in the dumps, for the most part empty."""
    release = {name: value for name, value in release.items() if not name.startswith("user-")}
    credit = [
        {
            "artist": {
                "disambiguation": "",
                "id": part["artist"]["id"],
                "name": part["artist"]["name"],
                "sort-name": part["artist"]["sort-name"],
                "type": "Group",
                "type-id": "e431f5f6-b5d2-343d-8b36-72607fffb74b",
            },
            "joinphrase": part["joinphrase"],
            "name": part["name"],
        }
        for part in release.get("artist-credit") or _made_up()["artist-credit"]
    ]
    aliased = [part | {"artist": part["artist"] | {"aliases": []}} for part in credit]
    empty: dict[str, Any] = {"aliases": [], "genres": [], "isrcs": [], "relations": relations, "tags": []}
    media = [
        medium
        | {
            "tracks": [
                track
                | {
                    "artist-credit": aliased,
                    "recording": empty | track["recording"] | {"artist-credit": credit},
                }
                for track in medium["tracks"]
            ]
        }
        for medium in release["media"]
    ]
    return {"artist-credit": aliased} | release | {"media": media}


def _samples(folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return releases, each as often as its kind is common, and relations of a recording."""
    western, japanese, related = (_read_json(folder / name) for name in _SAMPLES)
    untagged = _without(western, {"tags", "genres", "user-tags", "user-genres", "annotation"})
    return [*[western, untagged] * 9, *[japanese] * 2], related["relations"]


def _without(value: Any, names: set[str]) -> Any:
    if isinstance(value, list):
        return [_without(part, names) for part in value]
    if isinstance(value, dict):
        return {name: _without(part, names) for name, part in value.items() if name not in names}
    return value


def _read_json(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _relation() -> dict[str, Any]:
    artist = {"id": str(uuid.UUID(int=2)), "name": "A Player", "sort-name": "Player, A", "disambiguation": ""}
    return {
        "artist": artist,
        "attribute-ids": {},
        "attribute-values": {},
        "attributes": ["electric guitar"],
        "begin": None,
        "direction": "backward",
        "end": None,
        "ended": False,
        "source-credit": "",
        "target-credit": "",
        "target-type": "artist",
        "type": "instrument",
        "type-id": "59054b12-01ac-43ee-a618-285fd397e461",
    }


def _made_up() -> dict[str, Any]:
    one = str(uuid.UUID(int=1))
    artist = {"id": one, "name": "The Band", "sort-name": "Band, The", "disambiguation": "", "country": "GB"}
    recording = {"id": one, "title": "Song", "length": 200_000, "video": False, "disambiguation": ""}
    return {
        "id": one,
        "title": "Album",
        "artist-credit": [{"name": "The Band", "joinphrase": "", "artist": artist}],
        "barcode": "4547366518764",
        "country": "GB",
        "date": "1973-03-24",
        "genres": [{"name": "rock", "count": 5}],
        "tags": [],
        "annotation": None,
        "label-info": [
            {"catalog-number": "AB 1", "label": {"id": one, "name": "Label", "sort-name": "Label"}}
        ],
        "release-group": {"id": one, "title": "Album", "primary-type": "Album", "secondary-types": []},
        "media": [
            {
                "position": 1,
                "track-count": 10,
                "format": "CD",
                "tracks": [
                    {
                        "id": one,
                        "number": str(number),
                        "position": number,
                        "title": "Song",
                        "length": 200_000,
                        "recording": recording,
                    }
                    for number in range(1, 11)
                ],
            }
        ],
    }


if __name__ == "__main__":
    main()
