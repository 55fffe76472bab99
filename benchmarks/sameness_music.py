"""What of real music is found again: re-encoded, cropped, sped up and slowed down."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from benchmarks.results import print_heading
from phonotheque.audio.decode import UndecodableError
from phonotheque.audio.filters import FilterChain
from phonotheque.audio.fingerprint import BestAlignment, Fingerprinter
from phonotheque.audio.identify import open_regular, sniff
from phonotheque.audio.sameness import ALIKE, COMMON, MOST, Likeness, align, judge, question, sample
from phonotheque.audio.samples import Samples, interleaved
from phonotheque.audio.second_opinion import decode_somehow
from phonotheque.audio.speeds import SPEEDS, fingerprints_at
from phonotheque.vault.segment_index import SegmentIndex
from phonotheque.vault.segments import Item

RATE: Final = 48_000  # Hz, of what is encoded again: Opus takes no other
_SECONDS: Final = 140  # of a song that are looked at: all that fingerprints tell of, and some more
_SHORTEST: Final = 60
_SOUND: Final = {".flac", ".mp3", ".ogg", ".oga", ".opus", ".m4a", ".wav"}
# Beside the steps of a hundredth, one just between two speeds that are tried.
_CHANGED: Final = (0.92, 0.95, 0.97, 0.99, 1.01, 1.03, 1.05, 1.08, 1.0413)

Sound = NDArray[np.int16]  # (samples, 2), at RATE


@dataclass(frozen=True, slots=True)
class _Tried:
    """What came of one change to one song: likeness to the song itself, and to how many others."""

    change: str
    itself: Likeness | None  # None: it was not among the candidates
    ber: float
    others_same: int
    others_perhaps: int


@dataclass(frozen=True, slots=True)
class _Song:
    path: Path
    seconds: float
    fingerprint: bytes


def songs_in(folders: Iterable[Path]) -> list[Path]:
    """Return the files of sound in some folders, in order."""
    return sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in _SOUND)


def fingerprints_of_music(paths: Sequence[Path], workers: int) -> list[bytes]:
    """Return the fingerprints of those files that have one that tells anything, each once."""
    with ProcessPoolExecutor(workers) as pool:
        found = pool.map(_heard, paths, chunksize=4)
        return list(dict.fromkeys(song.fingerprint for song in found if song is not None))


def bench_recall(folder: Path, paths: Sequence[Path], count: int, *, speeds: int, workers: int) -> None:
    """Change songs in many ways, and ask for each in an index of all of them."""
    with ProcessPoolExecutor(workers) as pool:
        heard = [song for song in pool.map(_heard, paths, chunksize=4) if song is not None]
        songs = [song for song in _different(heard) if song.seconds >= _SHORTEST]
        index = _index(folder, songs)
        step = max(1, len(songs) // count)
        chosen = songs[::step][:count]
        print_heading(
            "recall",
            f"{len(chosen)} of {len(songs)} songs, changed, and asked for among all {len(songs)}; "
            f"{min(speeds, len(chosen))} of them at other speeds. Songs whose fingerprints are alike as they "
            "are count as one.",
        )
        work = partial(_try, index.folder, songs)
        tried = [one for some in pool.map(work, chosen) for one in some]
        at_speed = partial(_try_speeds, index.folder, songs)
        tried += [one for some in pool.map(at_speed, chosen[:speeds]) for one in some]
    _print(tried)


def _print(tried: Sequence[_Tried]) -> None:
    print(
        "| change | asked | same | one longer | perhaps | not found | bits that differ, median, most "
        "| others “same” | others “perhaps” |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for change in dict.fromkeys(one.change for one in tried):
        some = [one for one in tried if one.change == change]
        counts = [
            sum(one.itself is kind for one in some)
            for kind in (Likeness.SAME, Likeness.LENGTH, Likeness.PERHAPS, None)
        ]
        rates = [one.ber for one in some if one.itself is not None]
        spread = f"{np.median(rates):.3f}, {max(rates):.3f}" if rates else ""
        print(
            f"| {change} | {len(some)} | {' | '.join(map(str, counts))} | {spread} "
            f"| {sum(one.others_same for one in some)} | {sum(one.others_perhaps for one in some)} |"
        )
    print(flush=True)


def _heard(path: Path) -> _Song | None:
    """Return a file's fingerprint and length; None for what cannot be decoded or tells nothing."""
    listener = Fingerprinter()
    try:
        with open_regular(path) as file:
            stream, _ = decode_somehow(file, [listener], demuxer=sniff(file))
    except UndecodableError:
        return None
    fingerprint = listener.result()
    return _Song(path, stream.duration, fingerprint) if sample(fingerprint) is not None else None


def _different(songs: Sequence[_Song]) -> list[_Song]:
    """Return songs of which no two are alike: what one is asked for could else rightly be another."""
    kept: list[_Song] = []
    for song in songs:
        if all(align(one.fingerprint, song.fingerprint).ber >= ALIKE for one in kept):
            kept.append(song)
    return kept


def _index(folder: Path, songs: Sequence[_Song]) -> SegmentIndex:
    index = SegmentIndex(folder / "songs", {"made": "of songs"})
    items = []
    for number, song in enumerate(songs):
        kept = sample(song.fingerprint)
        assert kept is not None
        items.append(Item(number + 1, kept.needed, kept.values))
    index.add(items, {})
    return index


def _try(folder: Path, songs: Sequence[_Song], song: _Song) -> list[_Tried]:
    sound = _decoded(song.path)
    index = SegmentIndex(folder, {"made": "of songs"})
    tried = []
    changes: dict[str, Callable[[Path], Path]] = {
        "Opus 32 kbit/s": partial(_encode, sound, "libopus", "ogg", 32_000),
        "Opus 75 kbit/s": partial(_encode, sound, "libopus", "ogg", 75_000),
        "MP3 64 kbit/s": partial(_encode, sound, "libmp3lame", "mp3", 64_000),
        "MP3 128 kbit/s": partial(_encode, sound, "libmp3lame", "mp3", 128_000),
        "without the first 5 s": partial(_encode, sound[5 * RATE :], "flac", "flac", None),
        "without the first 20 s": partial(_encode, sound[20 * RATE :], "flac", "flac", None),
        "30 s of it, from 20 s on": partial(_encode, sound[20 * RATE : 50 * RATE], "flac", "flac", None),
        "its first 40 s": partial(_encode, sound[: 40 * RATE], "flac", "flac", None),
    }
    for change, make in changes.items():
        path = make(folder.parent / f"{os.getpid()}")
        listener = Fingerprinter()
        with open_regular(path) as file:
            decode_somehow(file, [listener], demuxer=sniff(file))
        path.unlink()
        # What was encoded was cut after 140 s; whether the lengths agree is a question of the song's own.
        whole = song.seconds - 5 if "first 5" in change else song.seconds - 20 if "first 20" in change else 0
        seconds = whole or (30 if "30 s" in change else 40 if "40 s" in change else song.seconds)
        tried.append(_tell(change, index, songs, song, [listener.result()], [seconds]))
    return tried


def _try_speeds(folder: Path, songs: Sequence[_Song], song: _Song) -> list[_Tried]:
    sound = _decoded(song.path)
    index = SegmentIndex(folder, {"made": "of songs"})
    tried = []
    for speed in _CHANGED:
        path = _encode(sound, "flac", "flac", None, folder.parent / f"{os.getpid()}", speed=speed)
        found = fingerprints_at(path)
        path.unlink()
        seconds = [song.seconds] * len(SPEEDS)
        change = f"at {speed - 1:+.2%} of its speed".replace(".00%", "%")
        tried.append(_tell(change, index, songs, song, found, seconds))
    return tried


def _tell(
    change: str,
    index: SegmentIndex,
    songs: Sequence[_Song],
    song: _Song,
    fingerprints: Sequence[bytes],
    seconds: Sequence[float],
) -> _Tried:
    """Ask for some fingerprints of one sound, and keep the best answer for each song."""
    best: dict[int, tuple[float, Likeness]] = {}
    answers = index.ask([question(one) for one in fingerprints], common=COMMON)
    for fingerprint, length, hits in zip(fingerprints, seconds, answers, strict=True):
        for hit in hits[:MOST]:
            other = songs[hit.id - 1]
            found: BestAlignment = align(fingerprint, other.fingerprint)
            if found.ber < ALIKE and found.ber < best.get(hit.id, (1.0, Likeness.DIFFERENT))[0]:
                best[hit.id] = (found.ber, judge(found, length, other.seconds))
    me = songs.index(song) + 1
    ber, itself = best.pop(me, (1.0, None))
    rest = [likeness for _, likeness in best.values()]
    same = sum(likeness is Likeness.SAME for likeness in rest)
    return _Tried(change, itself, ber, same, len(rest) - same)


class _Collector:
    """A consumer that keeps the beginning of a sound."""

    def __init__(self) -> None:
        form = f"sample_fmts=s16:sample_rates={RATE}:channel_layouts=stereo"
        self._chain = FilterChain(("aresample", str(RATE)), ("aformat", form))
        self.pieces: list[Sound] = []
        self._missing = _SECONDS * RATE

    def feed(self, frame: AudioFrame, samples: Samples) -> None:
        if self._missing > 0:
            self.pieces += [interleaved(piece).copy() for piece in self._chain.push(frame)]
            self._missing -= frame.samples * RATE // frame.sample_rate


def _decoded(path: Path) -> Sound:
    collector = _Collector()
    with open_regular(path) as file:
        decode_somehow(file, [collector], demuxer=sniff(file))
    return np.concatenate(collector.pieces)[: _SECONDS * RATE]


def _encode(
    sound: Sound, codec: str, container: str, bit_rate: int | None, path: Path, *, speed: float = 1.0
) -> Path:
    """Write a sound; with another ``speed``, at a rate that makes it play so much faster."""
    rate = round(RATE * speed)
    with av.open(str(path), "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate, layout="stereo")
        assert isinstance(stream, AudioStream)
        stream.format = {"libopus": "flt", "libmp3lame": "s16p", "flac": "s16"}[codec]
        if bit_rate:
            stream.bit_rate = bit_rate
        for start in range(0, len(sound), 4096):
            piece = np.ascontiguousarray(sound[start : start + 4096]).reshape(1, -1)
            frame = AudioFrame.from_ndarray(piece, format="s16", layout="stereo")
            frame.sample_rate = rate
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path
