"""Whole files are shown to be whole where their format allows it; damage is found and named."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mutagen.apev2 import APEv2
from mutagen.mp4 import MP4, MP4Cover

from phonotheque.audio.examine import examine
from phonotheque.model.audio import AudioFacts, Integrity, RefusalKind

PROVEN = ("a.flac", "a.mp3", "a.opus", "a.wv", "a.tta", "a.mka")
UNPROVEN = ("a.wav", "a.aiff", "plain.mp3", "a.m4a", "alac.m4a", "a.wma")
ID3V1 = b"TAG" + b"\0" * 125


def judged(path: Path, data: bytes | bytearray) -> tuple[Integrity, str]:
    path.write_bytes(data)
    facts = examine(path, loudness=False)
    assert isinstance(facts, AudioFacts), facts
    return facts.integrity, "\n".join(facts.integrity_notes)


@pytest.mark.parametrize("name", PROVEN)
def test_a_checksum_that_holds_proves_the_file_whole(name: str, made: Mapping[str, Path]) -> None:
    facts = examine(made[name])
    assert isinstance(facts, AudioFacts)
    assert (facts.integrity, facts.integrity_notes) == (Integrity.INTACT, ())


@pytest.mark.parametrize("name", UNPROVEN)
def test_without_a_checksum_it_only_decodes(name: str, made: Mapping[str, Path]) -> None:
    facts = examine(made[name])
    assert isinstance(facts, AudioFacts)
    assert facts.integrity is Integrity.DECODES
    assert "no checksum" in "".join(facts.integrity_notes)


@pytest.mark.parametrize("name", PROVEN)
def test_every_flipped_bit_is_found(name: str, made: Mapping[str, Path], tmp_path: Path) -> None:
    dice = random.Random(name)
    whole = made[name].read_bytes()
    for _ in range(12):
        data = bytearray(whole)
        data[dice.randrange(len(data) // 10, len(data))] ^= 1 << dice.randrange(8)
        integrity, notes = judged(tmp_path / "x", bytes(data))
        assert integrity is Integrity.DAMAGED
        assert notes


@pytest.mark.parametrize("name", sorted({*PROVEN, *UNPROVEN} - {"a.m4a", "alac.m4a"}))
def test_truncation_is_found(name: str, made: Mapping[str, Path], tmp_path: Path) -> None:
    whole = made[name].read_bytes()
    for share in (0.5, 0.8, 0.97):
        integrity, notes = judged(tmp_path / "x", whole[: int(len(whole) * share)])
        assert integrity is Integrity.DAMAGED, share
        assert notes


def test_a_truncated_mp4_without_its_index_is_refused(made: Mapping[str, Path], tmp_path: Path) -> None:
    whole = made["a.m4a"].read_bytes()
    (tmp_path / "x").write_bytes(whole[: len(whole) // 2])
    refusal = examine(tmp_path / "x")
    assert not isinstance(refusal, AudioFacts)
    assert refusal.kind is RefusalKind.UNDECODABLE


@pytest.mark.parametrize("name", sorted({*PROVEN, *UNPROVEN}))
@pytest.mark.parametrize("garbage", [b"\0" * 3000, random.Random(1).randbytes(3000)], ids=["zeros", "noise"])
def test_trailing_garbage_is_found(
    name: str, garbage: bytes, made: Mapping[str, Path], tmp_path: Path
) -> None:
    integrity, notes = judged(tmp_path / "x", made[name].read_bytes() + garbage)
    assert integrity is Integrity.DAMAGED
    assert notes


def ape_tag(path: Path) -> bytes:
    path.touch()
    tags: Any = APEv2
    tag = tags()
    tag["Title"] = "A song" * 100
    tag.save(path)
    return path.read_bytes()


@pytest.mark.parametrize("name", ["a.mp3", "a.flac"])
def test_tags_at_the_end_are_no_garbage(name: str, made: Mapping[str, Path], tmp_path: Path) -> None:
    ape = ape_tag(tmp_path / "tag")
    for tags in (ID3V1, ape, ape + ID3V1):
        assert judged(tmp_path / "x", made[name].read_bytes() + tags) == (Integrity.INTACT, "")


def test_tags_behind_a_plain_mp3_are_no_damage(made: Mapping[str, Path], tmp_path: Path) -> None:
    data = made["plain.mp3"].read_bytes() + ape_tag(tmp_path / "tag") + ID3V1
    assert judged(tmp_path / "x", data)[0] is Integrity.DECODES


def test_notes_say_where(made: Mapping[str, Path], tmp_path: Path) -> None:
    opus = made["a.opus"].read_bytes()
    page = opus.index(b"OggS", len(opus) // 2)
    flipped = bytearray(opus)
    flipped[page + 200] ^= 1
    wrong = f"at 0:03.0 (byte {page:,}): the checksum of the page does not hold"
    assert judged(tmp_path / "x", flipped)[1].startswith(wrong)
    following = opus.index(b"OggS", page + 1)
    missing = judged(tmp_path / "x", opus[:page] + opus[following:])[1]
    assert missing.startswith(f"at 0:03.0 (byte {page:,}): pages are missing before this one")
    wav = made["a.wav"].read_bytes()
    cut = "at 0:05.9 (byte 1,057,478): the file ends 1,000 bytes before its 'data' chunk should"
    assert cut in judged(tmp_path / "x", wav[:-1000])[1]
    mp3 = made["a.mp3"].read_bytes()
    assert "the file ends 500 bytes before its sound should" in judged(tmp_path / "x", mp3[:-500])[1]


def test_a_wrong_size_in_a_wave_header_is_a_remark(made: Mapping[str, Path], tmp_path: Path) -> None:
    data = bytearray(made["a.wav"].read_bytes())
    data[4:8] = (int.from_bytes(data[4:8], "little") + 1).to_bytes(4, "little")
    integrity, notes = judged(tmp_path / "x", data)
    assert integrity is Integrity.DECODES
    assert "its header states" in notes


def test_a_flac_without_md5_is_proven_by_its_frames(made: Mapping[str, Path], tmp_path: Path) -> None:
    data = bytearray(made["a.flac"].read_bytes())
    data[26:42] = bytes(16)
    remark = "its encoder wrote no MD5: the checksum of every frame holds"
    assert judged(tmp_path / "x", data) == (Integrity.INTACT, remark)
    data[22:26] = bytes(4)  # nor a length: frames may be missing at the end
    data[21] &= 0xF0
    assert judged(tmp_path / "x", data)[0] is Integrity.DECODES
    data[len(data) // 2] ^= 1
    assert judged(tmp_path / "x", data)[0] is Integrity.DAMAGED


def test_one_file_s_damage_is_not_told_of_the_next(made: Mapping[str, Path], tmp_path: Path) -> None:
    broken = bytearray(made["a.m4a"].read_bytes())
    start = broken.index(b"mdat") + 2000
    broken[start : start + 20_000] = bytes(20_000)
    assert judged(tmp_path / "x", broken)[0] is Integrity.DAMAGED
    facts = examine(made["a.wma"])
    assert isinstance(facts, AudioFacts)
    assert facts.integrity is Integrity.DECODES


def test_pictures_are_not_decoded_and_what_is_wrong_with_them_is_no_damage(
    made: Mapping[str, Path], tmp_path: Path
) -> None:
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\2\0\0\0" + bytes(200)
    path = tmp_path / "x.m4a"
    path.write_bytes(made["a.m4a"].read_bytes())
    tagged: Any = MP4(path)  # type: ignore[no-untyped-call]
    cover: Any = MP4Cover
    tagged["covr"] = [cover(bomb, MP4Cover.FORMAT_PNG), cover(b"text" * 50, MP4Cover.FORMAT_JPEG)]
    tagged.save()
    facts = examine(path, loudness=False)
    assert isinstance(facts, AudioFacts)
    assert len(facts.artwork) == 2
    assert facts.integrity is Integrity.DECODES
    assert "no checksum" in "".join(facts.integrity_notes)


def test_real_recordings_are_whole(samples: list[Path]) -> None:
    for path in samples:
        facts = examine(path, loudness=False)
        assert isinstance(facts, AudioFacts)
        assert (facts.integrity, facts.integrity_notes) == (Integrity.INTACT, ()), path.name
