import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import libtorrent as lt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from phonotheque.editions.bencode import decode, encode
from phonotheque.editions.torrent import Torrent, build_torrent, piece_span, piece_spans, read_torrent
from phonotheque.model.bags import BLOCK, PIECE, SealedBag, SealedFile
from phonotheque.model.errors import NotFoundError, UsageError, VerificationError
from phonotheque.vault.hashing import PieceHasher
from phonotheque.vault.names import order


def noise(size: int, seed: int = 1) -> bytes:
    return hashlib.shake_128(bytes([seed])).digest(size)


def sealed(files: Mapping[str, bytes], *, name: str = "bag", piece_length: int = PIECE) -> SealedBag:
    found = []
    for path in sorted(files, key=order):
        hasher = PieceHasher(piece_length)
        hasher.update(files[path])
        found.append(SealedFile(path, hasher.finish()))
    return SealedBag(name, tuple(found), sum(map(len, files.values())), len(files))


def torrent(bag: SealedBag) -> Torrent:
    return build_torrent(bag, created_by="test", creation_date=1_700_000_000)


def parsed(made: Torrent) -> lt.torrent_info:
    info = lt.load_torrent_buffer(made.data).ti
    assert info is not None
    return info


def loaded(made: Torrent) -> lt.torrent_info:
    """Read it with libtorrent in both ways it offers; they refuse what is inconsistent."""
    info = parsed(made)
    again = lt.torrent_info(made.data)
    for one in (info, again):
        assert str(one.info_hashes().v1) == made.infohash_v1
        assert str(one.info_hashes().v2) == made.infohash_v2
        assert one.num_pieces() == made.pieces
        assert one.name() == made.name
    return info


def v1_pieces(files: Mapping[str, bytes], piece_length: int) -> list[bytes]:
    """The v1 hashes as any client computes them: over the files laid end to end with their pads."""
    stream = bytearray()
    for path in sorted(files, key=order):
        if files[path]:
            stream += bytes(-len(stream) % piece_length) + files[path]
    return [hashlib.sha1(stream[i : i + piece_length]).digest() for i in range(0, len(stream), piece_length)]


CASES: dict[str, dict[str, bytes]] = {
    "one byte": {"a.flac": b"x"},
    "one piece": {"a.flac": noise(PIECE)},
    "several pieces": {"a.flac": noise(3 * PIECE + 5)},
    "brackets": {"A/1.flac": noise(PIECE), "A (Deluxe)/1.flac": noise(PIECE + 5), "A/2.flac": b"z"},
    "empty files": {"a": b"", "b": b"1", "c": b"", "d": b"22", "e": b"", "f": b""},
    "equal files": {"a": noise(2 * PIECE + 1), "b/c": noise(2 * PIECE + 1)},
    "unicode": {
        "data/é/日本.opus": noise(PIECE - 1),
        "data/z/1.opus": noise(2 * PIECE),
        "README.txt": b"hello",
    },
}


@pytest.mark.parametrize("files", CASES.values(), ids=CASES.keys())
def test_libtorrent_and_our_reader_accept_what_we_build(files: dict[str, bytes]) -> None:
    bag = sealed(files)
    made = torrent(bag)
    info = loaded(made)
    assert [info.hash_for_piece(i) for i in range(info.num_pieces())] == v1_pieces(files, PIECE)
    meta = read_torrent(made.data)
    assert (meta.infohash_v1, meta.infohash_v2) == (made.infohash_v1, made.infohash_v2)
    assert [(f.path, f.size, f.root, f.layer) for f in meta.files] == [
        (f.path, f.hashes.size, f.hashes.root, f.hashes.layer) for f in bag.files
    ]
    assert sum(f.pieces for f in meta.files) == made.pieces
    assert meta.size == bag.size


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(
        st.lists(st.sampled_from(["a", "A b", "A", "é", "z.flac"]), min_size=2, max_size=3).map("/".join),
        st.sampled_from([0, 1, BLOCK, BLOCK + 1, 2 * BLOCK, 4 * BLOCK, 4 * BLOCK + 1, 9 * BLOCK + 3]),
        min_size=1,
    )
)
def test_any_folder_gives_a_torrent_that_both_readers_accept(sizes: dict[str, int]) -> None:
    files = {f"{path}-{i}": noise(size, seed=i) for i, (path, size) in enumerate(sizes.items())}
    files["tag.txt"] = b"never without content"
    if any("/a/" in f"/{path}/" for path in files):  # "a" and "A" would clash
        files = {path.replace("A", "B"): content for path, content in files.items()}
    made = torrent(sealed(files, piece_length=2 * BLOCK))
    info = loaded(made)
    assert [info.hash_for_piece(i) for i in range(info.num_pieces())] == v1_pieces(files, 2 * BLOCK)
    assert read_torrent(made.data).infohash_v2 == made.infohash_v2


def test_spans_tell_where_one_file_lies() -> None:
    files = {"a": noise(PIECE + 1), "b": b"", "c": noise(PIECE), "d": b"1"}
    bag = sealed(files)
    made = torrent(bag)
    layout = loaded(made).layout()
    positions = {
        layout.file_path(i).removeprefix("bag/"): layout.file_offset(i) for i in range(layout.num_files())
    }
    meta = read_torrent(made.data)
    for path, span in piece_spans(bag).items():
        assert span == piece_span(bag, path) == piece_span(meta, path)
        assert span.offset == positions[path] == span.first_piece * PIECE
    assert [piece_span(bag, path).count for path in "abcd"] == [2, 0, 1, 1]
    for of in (bag, meta):
        with pytest.raises(NotFoundError, match=r"x\.flac"):
            piece_span(of, "x.flac")


def test_everything_else_a_torrent_says() -> None:
    old = hashlib.sha1(b"old").digest()
    made = build_torrent(
        sealed(CASES["unicode"]),
        trackers=("udp://tracker.example:6969", "https://tracker.example/announce"),
        web_seeds=("https://archive.example/bags/",),
        created_by="Phonotheque 1",
        creation_date=1_700_000_000,
        comment="Édition 7",
        similar=[old],
    )
    found = lt.load_torrent_buffer(made.data)
    assert found.trackers == ["udp://tracker.example:6969", "https://tracker.example/announce"]
    assert found.url_seeds == ["https://archive.example/bags/"]
    assert parsed(made).similar_torrents()[0] == lt.sha1_hash(old)
    meta = read_torrent(made.data)
    assert meta.trackers == ("udp://tracker.example:6969", "https://tracker.example/announce")
    assert meta.web_seeds == ("https://archive.example/bags/",)
    top = decode(made.data)
    assert isinstance(top, dict)
    assert (top[b"comment"], top[b"creation date"]) == ("Édition 7".encode(), 1_700_000_000)


def test_trackers_do_not_change_the_infohash_and_equal_input_gives_equal_bytes() -> None:
    bag = sealed(CASES["brackets"])
    plain = torrent(bag)
    assert torrent(bag) == plain
    other = build_torrent(bag, trackers=["udp://t.example:1"], created_by="x", creation_date=None)
    assert (other.infohash_v1, other.infohash_v2) == (plain.infohash_v1, plain.infohash_v2)


def test_a_private_torrent_says_so_to_every_reader() -> None:
    bag = sealed(CASES["brackets"])
    made = build_torrent(bag, created_by="x", creation_date=None, private=True)
    assert parsed(made).priv()
    assert read_torrent(made.data).private
    assert not read_torrent(torrent(bag).data).private
    assert made.infohash_v2 != torrent(bag).infohash_v2


def test_bags_that_make_no_torrent_are_refused() -> None:
    unsorted = sealed(CASES["brackets"])
    unsorted = SealedBag("bag", unsorted.files[::-1], 0, 0)
    bags = [unsorted, sealed({"../up": b"1"}), sealed({"bag": b"1"}), sealed({"a": b""}), sealed({})]
    bags.append(sealed({"a": b"1"}, name="CON"))
    mixed = sealed({"a": b"1"}).files + sealed({"b": b"1"}, piece_length=BLOCK).files
    bags.append(SealedBag("bag", mixed, 0, 0))
    for bag in bags:
        with pytest.raises(UsageError):
            torrent(bag)
    with pytest.raises(UsageError, match="20 bytes"):
        build_torrent(sealed({"a": b"1"}), created_by="", creation_date=None, similar=[b"short"])


Change = Callable[[Any], None]


def put(*keys: bytes | int, to: object) -> Change:
    def change(top: Any) -> None:
        for key in keys[:-1]:
            top = top[key]
        top[keys[-1]] = to

    return change


def rename(old: bytes, new: bytes) -> Change:
    """Rename a top-level file in the v1 list and in the v2 tree alike."""

    def change(top: Any) -> None:
        tree = top[b"info"][b"file tree"]
        tree[new] = tree.pop(old)
        for entry in top[b"info"][b"files"]:
            entry[b"path"] = [new if part == old else part for part in entry[b"path"]]

    return change


INFO, TREE, FILES = b"info", b"file tree", b"files"
HOSTILE: dict[str, Change] = {
    "v1 only": put(INFO, b"meta version", to=1),
    "no v1 list": put(INFO, FILES, to=b""),
    "traversal": rename(b"b", b".."),
    "separator": rename(b"b", b"x/y"),
    "backslash": rename(b"b", b"..\\y"),
    "control": rename(b"b", b"x\ny"),
    "not utf-8": rename(b"b", b"\xff"),
    "case clash": rename(b"b", b"A"),
    "empty name": rename(b"b", b""),
    "name is a path": put(INFO, b"name", to=b"../bag"),
    "name is a reserved one": put(INFO, b"name", to=b"nul"),
    "no name": lambda top: top[INFO].pop(b"name"),
    "second name": put(INFO, b"name.utf-8", to=b"../x"),
    "second path": put(INFO, FILES, 0, b"path.utf-8", to=[b"..", b"x"]),
    "symbolic link": put(INFO, FILES, 0, b"attr", to=b"l"),
    "v1 path differs": put(INFO, FILES, 0, b"path", to=[b"other"]),
    "v1 size differs": put(INFO, FILES, 0, b"length", to=7),
    "negative size": put(INFO, TREE, b"b", b"", b"length", to=-1),
    "v2 size differs": put(INFO, TREE, b"a", b"", b"length", to=2 * PIECE),
    "huge size": put(INFO, TREE, b"a", b"", b"length", to=2**62),
    "size is text": put(INFO, TREE, b"b", b"", b"length", to=b"1"),
    "root is short": put(INFO, TREE, b"b", b"", b"pieces root", to=b"1"),
    "another root": put(INFO, TREE, b"a", b"", b"pieces root", to=bytes(32)),
    "file and folder": put(INFO, TREE, b"b", b"x", to={b"": {b"length": 0}}),
    "empty folder": put(INFO, TREE, b"c", to={}),
    "no files": put(INFO, TREE, to={}),
    "pad too long": put(INFO, FILES, 1, b"length", to=PIECE * 2),
    "pad elsewhere": put(INFO, FILES, 1, b"path", to=[b"..", b"x"]),
    "no pad": lambda top: top[INFO][FILES].pop(1),
    "v1 list too short": lambda top: top[INFO][FILES].pop(),
    "v1 list too long": lambda top: top[INFO][FILES].append({b"length": 0, b"path": [b"x"]}),
    "v1 pieces missing": put(INFO, b"pieces", to=bytes(20)),
    "odd piece length": put(INFO, b"piece length", to=PIECE + 1),
    "huge piece length": put(INFO, b"piece length", to=2**40),
    "zero piece length": put(INFO, b"piece length", to=0),
    "no layers": put(b"piece layers", to={}),
    "layers are a list": put(b"piece layers", to=[]),
    "layer is a number": put(b"piece layers", b"x", to=1),
    "layer of nothing": put(b"piece layers", bytes(32), to=b""),
    "stray layer": lambda top: top[b"piece layers"].update(stray_layer()),
    "unknown field": put(b"nodes", to=[]),
    "half private": put(INFO, b"private", to=2),
    "info is a list": put(INFO, to=[]),
    "tracker is a file": put(b"announce", to=b"file:///etc/passwd"),
    "tracker with a line break": put(b"announce", to=b"http://a/\r\nHost: b"),
    "tracker port": put(b"announce", to=b"udp://a:99999"),
    "trackers are flat": put(b"announce-list", to=[b"http://a/"]),
    "web seed without host": put(b"url-list", to=b"http:///x"),
    "web seeds without end": put(b"url-list", to=[b"http://a/"] * 101),
}


def stray_layer() -> dict[bytes, bytes]:
    hashes = sealed({"x": noise(2 * PIECE, seed=9)}).files[0].hashes
    return {hashes.root: hashes.layer}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_torrent_is_refused(change: Change) -> None:
    made = torrent(sealed({"a": noise(PIECE + 9), "b": b"1", "c/d": noise(2 * PIECE, seed=2)}))
    top: Any = decode(made.data)
    assert read_torrent(encode(top)).name == "bag"
    change(top)
    with pytest.raises(VerificationError):
        read_torrent(encode(top))


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_flipped_bytes_are_refused_or_change_the_infohash_or_only_the_wrapping(data: st.DataObject) -> None:
    made = torrent(sealed({"a": noise(PIECE + 9), "b": b"1"}))
    damaged = bytearray(made.data)
    damaged[data.draw(st.integers(0, len(damaged) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        meta = read_torrent(bytes(damaged))
    except VerificationError:
        return
    if meta.infohash_v2 == made.infohash_v2:
        assert meta.files == read_torrent(made.data).files
