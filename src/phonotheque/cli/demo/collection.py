"""The folder of music that the demonstration begins with, and what there is to expect of it.

Four small releases in the usual formats, and beside them everything that goes wrong in real folders: a copy
encoded again, a recording without any statement of rights, a damaged one, a locked one, and something that
is not music at all. The artists and their ISRCs are invented: no country is ``ZZ``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path, PurePosixPath

from phonotheque.cli.demo.encoding import ALAC, FLAC, LOCKED, MP3, MP3_SMALL, OPUS, Format, encode
from phonotheque.cli.demo.labels import Basis, Label, gradient, write_rights, write_tags
from phonotheque.cli.demo.melodies import consort, keyboard, songs, travels
from phonotheque.cli.demo.performance import Stereo, perform
from phonotheque.cli.demo.score import Piece
from phonotheque.cli.demo.synthesis import RATE
from phonotheque.model.progress import QUIET, Progress

LISTENS = "listens.csv"
_SUFFIXES = {"flac": ".flac", "ogg": ".opus", "mp3": ".mp3", "ipod": ".m4a"}


class Kind(StrEnum):
    """What a made file is there to show."""

    GOOD = "good"  # whole, tagged, and free to share
    DUPLICATE = "duplicate"  # another encoding of a good one
    UNSTATED = "unstated"  # whole, but nobody says that it may be shared
    DAMAGED = "damaged"  # free to share, but some of its bytes are wrong
    LOCKED = "locked"  # its sample entry says that it is encrypted
    NOT_AUDIO = "not-audio"


@dataclass(frozen=True, slots=True)
class Made:
    """One file of the collection. ``path`` is relative to its folder; ``listens`` are invented."""

    path: PurePosixPath
    kind: Kind
    why: str  # one sentence for a person
    title: str
    artist: str = ""
    isrc: str | None = None
    seconds: float = 0.0
    listens: int = 0


@dataclass(frozen=True, slots=True)
class Collection:
    """The folder that was made, and each file in it with its reason to be there."""

    folder: Path
    files: tuple[Made, ...]
    listens: Path  # CSV: isrc, title, artist, listens

    def of(self, kind: Kind) -> tuple[Made, ...]:
        """Return the files of one kind."""
        return tuple(made for made in self.files if made.kind is kind)

    @property
    def recordings(self) -> int:
        """How many different recordings can be taken in."""
        return len({made.isrc for made in self.files if made.isrc is not None})

    @property
    def size(self) -> int:
        """Bytes of all the files that are meant as music."""
        return sum((self.folder / made.path).stat().st_size for made in self.files)


@dataclass(frozen=True, slots=True)
class _Track:
    piece: Piece
    form: Format
    listens: int


@dataclass(frozen=True, slots=True)
class _Release:
    artist: str
    date: str
    album: str
    basis: Basis
    tracks: tuple[_Track, ...]
    cover: bytes | None = None


_RELEASES = (
    _Release(
        "The Clockwork Consort",
        "2021-05-14",
        "Old Tunes for Small Machines",
        Basis.TAG,
        (
            _Track(consort.GREENSLEEVES, FLAC, 48_211),
            _Track(consort.MINUET, FLAC, 7_954),
            _Track(consort.FOLIA, FLAC, 2_310),
            _Track(consort.CANON, FLAC, 120_467),
        ),
        cover=gradient(240, (24, 58, 92), (226, 148, 74)),
    ),
    _Release(
        "Lanterne magique",
        "2022-12-06",
        "Boîte à musique",
        Basis.FOLDER,
        (
            _Track(songs.AH_VOUS_DIRAI_JE, MP3, 19_380),
            _Track(songs.FRERE_JACQUES, MP3, 11_045),
            _Track(songs.AU_CLAIR_DE_LA_LUNE, MP3, 1_522),
            _Track(songs.STILLE_NACHT, MP3, 31_776),
        ),
    ),
    _Release(
        "Четыре ветра",
        "2023-03-21",
        "Lettres d’ailleurs",
        Basis.SIDECAR,
        (
            _Track(travels.SAKURA, OPUS, 5_218),
            _Track(travels.JASMINE, OPUS, 3_467),
            _Track(travels.KOROBEINIKI, OPUS, 64_902),
            _Track(travels.BHUPALI, OPUS, 214),
        ),
    ),
    _Release(
        "Player Piano No. 9",
        "2024-09-02",
        "Perforated Rolls",
        Basis.TAG,
        (
            _Track(keyboard.PRELUDE, OPUS, 15_633),
            _Track(keyboard.FUR_ELISE, MP3, 92_840),
            _Track(keyboard.ENTERTAINER, OPUS, 26_154),
            _Track(keyboard.GYMNOPEDIE, ALAC, 38_029),
        ),
    ),
)


def make_collection(folder: Path, *, progress: Progress = QUIET) -> Collection:
    """Play and write the whole collection into ``folder``, which is made if needed; takes some ten seconds.

    The same versions of numpy and PyAV give the same bytes. Raises OSError or PhonothequeError when the disk
    cannot take it.
    """
    progress.start("making music", total_files=sum(len(release.tracks) for release in _RELEASES) + 5)
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for made in (*_releases(folder), *_loose(folder)):
        progress.advance(files=1, size=(folder / made.path).stat().st_size)
        files.append(made)
    return Collection(folder, tuple(files), _write_listens(folder / LISTENS, files))


def _releases(folder: Path) -> Iterator[Made]:
    for release in _RELEASES:
        where = PurePosixPath(release.artist, f"{release.date[:4]} - {release.album}")
        for number, track in enumerate(release.tracks, start=1):
            name = f"{number:02} {track.piece.title}{_SUFFIXES[track.form.container]}"
            label = _label(release, number)
            yield _record(folder, where / name, track, label, Kind.GOOD, f"shared by {release.basis.value}")


def _loose(folder: Path) -> Iterator[Made]:
    """Make what lies about in a folder that nobody sorted."""
    where = PurePosixPath("Unsorted")
    copied, release = _RELEASES[0].tracks[0], _RELEASES[0]
    sound = perform(copied.piece)
    label = _label(release, 1)
    yield _write(
        folder,
        where / "greensleeves-112k.mp3",
        sound,
        MP3_SMALL,
        label,
        Kind.DUPLICATE,
        f"the same recording as {release.artist}’s FLAC, encoded again",
    )
    yield _record(
        folder,
        where / "Ode an die Freude.mp3",
        _Track(songs.ODE, MP3, 71_388),
        _single(songs.ODE, "Unknown Orchestra", "ZZPHN2000001", Basis.NONE),
        Kind.UNSTATED,
        "nobody says that it may be shared, so it is kept and never published",
    )
    sailor = _record(
        folder,
        where / "Drunken Sailor (old disk).flac",
        _Track(songs.DRUNKEN_SAILOR, FLAC, 4_377),
        _single(songs.DRUNKEN_SAILOR, "Harbour Sessions", "ZZPHN1900001", Basis.TAG),
        Kind.DAMAGED,
        "200 bytes in its middle are wrong: kept, with a note of the damage",
    )
    _damage(folder / sailor.path)
    yield sailor
    yield _locked(folder, where / "Locked song.m4p", sound[: 12 * RATE])
    yield _text(folder, where / "Not music.mp3")


def _record(folder: Path, path: PurePosixPath, track: _Track, label: Label, kind: Kind, why: str) -> Made:
    """Play a track and write it."""
    return _write(folder, path, perform(track.piece), track.form, label, kind, why, track.listens)


def _write(
    folder: Path,
    path: PurePosixPath,
    sound: Stereo,
    form: Format,
    label: Label,
    kind: Kind,
    why: str,
    listens: int = 0,
) -> Made:
    """Encode a sound, label it, and say what was made."""
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    encode(sound, target, form)
    write_tags(target, label)
    write_rights(target, label)
    return Made(path, kind, why, label.title, label.artist, label.isrc, len(sound) / RATE, listens)


def _label(release: _Release, number: int) -> Label:
    """Return the label of a release's track. Its ISRC ends in its number: no two releases share a year."""
    piece = release.tracks[number - 1].piece
    return Label(
        piece.title,
        release.artist,
        release.album,
        release.date,
        piece.composer,
        f"ZZPHN{release.date[2:4]}{number:05}",
        number,
        len(release.tracks),
        release.basis,
        release.cover,
    )


def _single(piece: Piece, artist: str, isrc: str, basis: Basis) -> Label:
    return Label(piece.title, artist, piece.title, f"20{isrc[5:7]}", piece.composer, isrc, 1, 1, basis)


def _damage(path: Path) -> None:
    """Invert 200 bytes in the middle of a file, as a failing disk might."""
    with path.open("r+b") as file:
        middle = path.stat().st_size // 2
        file.seek(middle)
        wrong = bytes(byte ^ 0xFF for byte in file.read(200))
        file.seek(middle)
        file.write(wrong)


def _locked(folder: Path, path: PurePosixPath, sound: Stereo) -> Made:
    encode(sound, folder / path, LOCKED)
    why = "its container says that it is encrypted: refused, and never unlocked"
    return Made(path, Kind.LOCKED, why, "Locked song", seconds=len(sound) / RATE)


def _text(folder: Path, path: PurePosixPath) -> Made:
    (folder / path).write_text("This is a letter that somebody gave the wrong name.\n" * 40, encoding="utf-8")
    return Made(path, Kind.NOT_AUDIO, "a text with the wrong name: refused", "Not music")


def _write_listens(path: Path, files: list[Made]) -> Path:
    """Write the invented listen counts, most heard first."""
    heard = sorted((made for made in files if made.listens), key=lambda made: -made.listens)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("isrc", "title", "artist", "listens"))
        rows.writerows((made.isrc, made.title, made.artist, made.listens) for made in heard)
    return path
