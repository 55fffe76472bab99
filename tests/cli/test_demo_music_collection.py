"""The demonstration's folder holds what its description says, and each recording is fit to be heard."""

from __future__ import annotations

import csv
import itertools
from pathlib import Path

import av
import mutagen
import numpy as np
import pytest
from numpy.typing import NDArray

from phonotheque.cli.demo.collection import Collection, Kind, Made, make_collection
from phonotheque.cli.demo.labels import CC0, Basis, Label, gradient, write_tags
from phonotheque.cli.demo.synthesis import RATE
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.identifiers import parse_isrc
from phonotheque.rights.folder import load_folder_rules
from phonotheque.rights.sidecars import read_sidecar

pytestmark = pytest.mark.xdist_group("demo-music")


class _Counter:
    """A Progress that adds up."""

    def __init__(self) -> None:
        self.total: int | None = None
        self.files = self.bytes = 0

    def start(self, what: str, *, total_files: int | None = None, total_bytes: int | None = None) -> None:
        self.total = total_files

    def advance(self, *, files: int = 0, size: int = 0) -> None:
        self.files, self.bytes = self.files + files, self.bytes + size

    def grow(self, *, files: int = 0, size: int = 0) -> None:
        raise AssertionError("the number of files is known from the start")

    def say(self, message: str) -> None:
        raise AssertionError(message)


@pytest.fixture(scope="module")
def counter() -> _Counter:
    return _Counter()


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory, counter: _Counter) -> Collection:
    return make_collection(tmp_path_factory.mktemp("demo") / "music", progress=counter)


def _samples(path: Path) -> NDArray[np.float32]:
    """Decode a file to float32 at ``RATE``, shape (2, samples)."""
    with av.open(str(path)) as container:
        resampler = av.AudioResampler("fltp", "stereo", RATE)
        frames = itertools.chain(container.decode(audio=0), [None])
        blocks = [ready.to_ndarray() for frame in frames for ready in resampler.resample(frame)]
    return np.concatenate(blocks, axis=1).astype(np.float32)


def _loudness(samples: NDArray[np.float32]) -> float:
    """Return the integrated loudness in LUFS, by FFmpeg's ebur128."""
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="fltp", layout="stereo")
    frame.sample_rate = RATE
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=RATE, format="fltp", layout="stereo")
    meter, sink = graph.add("ebur128", "metadata=1:framelog=quiet"), graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    graph.push(frame)
    graph.push(None)
    loudness = ""
    while True:
        try:
            pulled = graph.pull()
        except av.error.EOFError:
            return float(loudness)
        loudness = pulled.metadata.get("lavfi.r128.I", loudness)  # each 100 ms


def test_progress_counts_every_file(collection: Collection, counter: _Counter) -> None:
    assert counter.total == counter.files == len(collection.files)
    assert counter.bytes == collection.size


def test_there_is_one_of_everything(collection: Collection) -> None:
    kinds = {kind: len(collection.of(kind)) for kind in Kind}
    assert kinds == {
        Kind.GOOD: 16,
        Kind.DUPLICATE: 1,
        Kind.UNSTATED: 1,
        Kind.DAMAGED: 1,
        Kind.LOCKED: 1,
        Kind.NOT_AUDIO: 1,
    }
    assert collection.recordings == 18
    assert {made.path.suffix for made in collection.of(Kind.GOOD)} == {".flac", ".opus", ".mp3", ".m4a"}
    assert collection.size < 15e6


def test_folder_holds_nothing_undescribed(collection: Collection) -> None:
    described = {made.path.as_posix() for made in collection.files}
    beside = {".license", ".toml", ".csv"}
    found = {p for p in collection.folder.rglob("*") if p.is_file() and p.suffix not in beside}
    assert {p.relative_to(collection.folder).as_posix() for p in found} == described


def test_every_recording_sounds_right(collection: Collection) -> None:
    for made in (*collection.of(Kind.GOOD), *collection.of(Kind.DUPLICATE), *collection.of(Kind.UNSTATED)):
        samples = _samples(collection.folder / made.path)
        assert 12 < made.seconds < 31, made.title
        assert samples.shape[1] / RATE == pytest.approx(made.seconds, abs=0.05), made.title
        assert np.isfinite(samples).all(), made.title
        assert 0.3 < np.abs(samples).max() < 1.0, made.title
        assert np.abs(samples.mean()) < 1e-3, made.title
        assert _loudness(samples) == pytest.approx(-18.8, abs=1.2), made.title


def test_tags_say_what_the_description_says(collection: Collection) -> None:
    titles = {".mp3": "TIT2", ".m4a": "\xa9nam", ".flac": "title", ".opus": "title"}
    isrcs = {".mp3": "TSRC", ".m4a": "----:com.apple.iTunes:ISRC", ".flac": "isrc", ".opus": "isrc"}
    for made in (made for made in collection.files if made.isrc is not None):
        tags = mutagen.File(collection.folder / made.path).tags
        assert str(tags[titles[made.path.suffix]][0]) == made.title
        isrc = tags[isrcs[made.path.suffix]][0]
        assert (isrc.decode() if isinstance(isrc, bytes) else str(isrc)) == made.isrc
        assert parse_isrc(made.isrc or "") == made.isrc
    good = [made.isrc for made in collection.of(Kind.GOOD)]
    assert len(set(good)) == len(good)
    assert collection.of(Kind.DUPLICATE)[0].isrc in good


def _bases(folder: Path, made: Made) -> list[str]:
    """Return where a statement of CC0 is found for a file."""
    path = folder / made.path
    found = []
    if CC0.encode() in path.read_bytes():
        found.append("tag")
    if (sidecar := path.with_name(f"{path.name}.license")).exists():
        (statement,) = read_sidecar(sidecar).statements
        assert (statement.licence, statement.holder) == ("CC0-1.0", made.artist)
        found.append("sidecar")
    if (rules := load_folder_rules(path.parent)) is not None:
        (statement,) = rules.evidence_for(path.name).statements
        assert (statement.licence, statement.holder) == ("CC0-1.0", made.artist)
        found.append("folder")
    return found


def test_each_recording_has_one_basis_except_one(collection: Collection) -> None:
    bases = [_bases(collection.folder, made) for made in collection.of(Kind.GOOD)]
    assert sorted(bases) == [["folder"]] * 4 + [["sidecar"]] * 4 + [["tag"]] * 8
    assert _bases(collection.folder, collection.of(Kind.UNSTATED)[0]) == []
    assert _bases(collection.folder, collection.of(Kind.DAMAGED)[0]) == ["tag"]


def test_damaged_file_still_opens_but_is_not_whole(collection: Collection) -> None:
    (made,) = collection.of(Kind.DAMAGED)
    assert 12 < _samples(collection.folder / made.path).shape[1] / RATE < made.seconds


def test_locked_file_says_so_and_does_not_decode(collection: Collection) -> None:
    (made,) = collection.of(Kind.LOCKED)
    data = (collection.folder / made.path).read_bytes()
    assert data[4:8] == b"ftyp"
    assert all(box in data for box in (b"enca", b"sinf", b"tenc"))
    with pytest.raises(av.error.FFmpegError):
        _samples(collection.folder / made.path)


def test_text_is_not_audio(collection: Collection) -> None:
    (made,) = collection.of(Kind.NOT_AUDIO)
    with pytest.raises(av.error.FFmpegError):
        _samples(collection.folder / made.path)


def test_listens_are_skewed_and_complete(collection: Collection) -> None:
    with collection.listens.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    counts = [int(row["listens"]) for row in rows]
    assert len(rows) == collection.recordings
    assert {row["isrc"] for row in rows} == {made.isrc for made in collection.files if made.isrc}
    assert counts == sorted(counts, reverse=True)
    assert sum(counts[:4]) > 0.5 * sum(counts)


def test_one_release_has_a_cover(collection: Collection) -> None:
    covers = [
        picture.data
        for made in collection.of(Kind.GOOD)
        if made.path.suffix == ".flac"
        for picture in mutagen.File(collection.folder / made.path).pictures
    ]
    assert len(covers) == 4
    assert len(set(covers)) == 1


def test_cover_is_a_png_that_decodes(tmp_path: Path) -> None:
    path = tmp_path / "cover.png"
    path.write_bytes(gradient(64, (10, 20, 30), (200, 100, 50)))
    with av.open(str(path)) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert picture.shape == (64, 64, 3)
    assert picture[0, 0].tolist() == [10, 20, 30]
    assert picture[-1, -1].tolist() == [200, 100, 50]


def test_tags_that_cannot_be_written_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(b"not FLAC")
    label = Label("t", "a", "b", "2021", "c", "ZZPHN2100001", 1, 1, Basis.NONE)
    with pytest.raises(PhonothequeError, match=r"a\.flac: its tags could not be written"):
        write_tags(tmp_path / "a.flac", label)
