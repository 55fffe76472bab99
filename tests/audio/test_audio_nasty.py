"""The corpus of nasty files: what accident and malice make of good ones gets the verdict it deserves."""

from __future__ import annotations

import functools
import random
import resource
import struct
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import mutagen
import numpy as np
import pytest

from phonotheque.audio.examine import examine
from phonotheque.model.audio import AudioFacts, Integrity, Refusal, RefusalKind
from tests.audio import audio_making as making
from tests.audio import mutator
from tests.audio.audio_making import Kind, music, write, write_vorbis
from tests.audio.mutator import box, each_page, id3v2, ogg_page, ogg_pages, patch, wave

PAGE = (Path(__file__).parents[2] / "docs" / "integrity.md").read_text(encoding="utf-8")
FORMATS = {
    "FLAC": making.FLAC,
    "Ogg Vorbis": None,
    "Ogg Opus": making.OPUS,
    "Ogg FLAC": making.OGG_FLAC,
    "MP3 with a LAME tag": making.MP3,
    "WavPack": making.WAVPACK,
    "TTA": making.TTA,
    "Matroska": making.MATROSKA,
    "MP3 without": making.PLAIN_MP3,
    "MP3 with an empty tag": making.MP3,
    "MP3, LAME 3.88": making.MP3,
    "MP2": making.MP2,
    "ADTS": making.ADTS,
    "MP4, AAC, index in front": making.FAST_AAC,
    "MP4, AAC, index behind": making.AAC,
    "MP4, ALAC": making.ALAC,
    "ASF, WMA": making.WMA,
    "WebM": making.WEBM,
    "WAVE": making.WAV,
    "AIFF": making.AIFF,
    "CAF": making.CAF,
    "Wave64": making.WAVE64,
    "AU": making.AU,
}
# LAME tags that hold no checksums: of old versions of FFmpeg, of LAME itself before 3.90.
UNCHECKED = {
    "MP3 with an empty tag": (b"Lavf54.63.104".ljust(20, b"\0"), bytes(16)),
    "MP3, LAME 3.88": (b"LAME3.88 (beta)".ljust(20), b"U" * 16),
}
SECONDS = 3

sound = functools.cache(music)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nasty") / "song.mp3"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], bytes]:
    """Return a whole file of a format, made when it is first asked for."""
    folder = tmp_path_factory.mktemp("good")

    @functools.cache
    def make(name: str) -> bytes:
        kind = FORMATS[name]
        if kind is None:
            return write_vorbis(folder / "a.ogg", sound(SECONDS)).read_bytes()
        whole = write(folder / kind.name, kind, sound(SECONDS, rate=kind.rate)).read_bytes()
        return mutator.lame_tag(whole, *UNCHECKED[name]) if name in UNCHECKED else whole

    return make


def said(path: Path, data: bytes) -> tuple[str, str]:
    """Return the verdict on ``data``, and all that is noted."""
    path.write_bytes(data)
    outcome = examine(path, loudness=False)
    if isinstance(outcome, Refusal):
        return "refused", f"{outcome.kind}: {outcome.reason}"
    return str(outcome.integrity), "\n".join(outcome.integrity_notes)


def stated() -> Iterator[tuple[str, str, str]]:
    """Yield format, mutation and verdict of every cell of the table in the documentation."""
    section = PAGE.split("\n## What is found\n")[1]
    lines = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    for name, *cells in lines[1:]:
        for mutation, cell in zip(lines[0][1:], cells, strict=True):
            yield name, mutation, cell


def test_the_table_has_all_formats_and_mutations() -> None:
    cells = list(stated())
    assert {name for name, _, _ in cells} == set(FORMATS)
    assert {mutation for _, mutation, _ in cells} == {"whole", *mutator.damaged(bytes(9_000), "")}


@pytest.mark.parametrize(("name", "mutation", "verdict"), list(stated()))
def test_the_verdict_is_the_one_stated(
    name: str, mutation: str, verdict: str, good: Callable[[str], bytes], scratch: Path
) -> None:
    whole = good(name)
    mutants = [whole] if mutation == "whole" else mutator.damaged(whole, name)[mutation]
    allowed = {"damaged", "decodes"} if verdict == "either" else {verdict}
    for mutant in mutants:
        found, notes = said(scratch, mutant)
        assert found in allowed, notes
        assert notes or found == "intact"


def test_who_only_calls_itself_lame_may_leave_checksums_out(
    good: Callable[[str], bytes], scratch: Path
) -> None:
    whole = good("MP3 with a LAME tag")
    for version in (b"LAME3.99r", b"LAME3.100", b"Lavf61.1", b"Lavc58.54", b"LAMEH3.92"):
        assert said(scratch, mutator.lame_tag(whole, version.ljust(20), bytes(16)))[0] == "decodes", version
    for version in (b"LAMEH3.92", b"LAME3.8", b"LAME"):
        assert said(scratch, mutator.lame_tag(whole, version.ljust(20), b"U" * 16))[0] == "decodes", version
    for version in (b"LAME3.90.", b"LAME3.99r", b"LAME3.100", b"Lavf61.1", b"Lavc58.54"):
        assert said(scratch, mutator.lame_tag(whole, version.ljust(20), b"U" * 16))[0] == "damaged", version


@pytest.mark.parametrize("name", [name for name in FORMATS if not name.startswith("MP4")])
def test_damage_has_a_place(name: str, good: Callable[[str], bytes], scratch: Path) -> None:
    for mutant in mutator.damaged(good(name), name)["cut"]:
        notes = said(scratch, mutant)[1]
        assert notes.startswith(("at ", "near ")), notes


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_only_a_beginning_is_refused(name: str, good: Callable[[str], bytes], scratch: Path) -> None:
    for length in (0, 1, 3, 10):
        assert said(scratch, good(name)[:length])[0] == "refused", length


def test_every_beginning_of_a_proven_file_is_less_than_intact(
    good: Callable[[str], bytes], scratch: Path
) -> None:
    dice = random.Random(1)
    for name in ("FLAC", "Ogg Vorbis", "MP3 with a LAME tag", "Matroska"):
        whole = good(name)
        for _ in range(20):
            assert said(scratch, whole[: dice.randrange(len(whole))])[0] != "intact"


OTHERS = {
    "text": b"La la la, not a song at all.\n" * 100,
    "a page": b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n" * 20,
    "an archive": mutator.zipped(),
    "a picture": b"\xff\xd8\xff\xe0\0\x10JFIF\0" + bytes(3_000),
    "one byte": b"\xff",
    "nothing": b"",
    "zeros": bytes(50_000),
    "noise": random.Random(3).randbytes(50_000),
    "a tag and no sound": id3v2(1_000, bytes(1_000)),
    "a module": bytes(1_080) + b"M.K." + bytes(2_000),
    "a playlist": b"#EXTM3U\n#EXTINF:123,A song\na.mp3\n",
}


@pytest.mark.parametrize("what", OTHERS)
def test_other_files_under_the_name_of_a_song_are_refused(what: str, scratch: Path) -> None:
    found, notes = said(scratch, OTHERS[what])
    assert found == "refused"
    assert notes.startswith(("not-audio: ", "empty: ", "undecodable: ")), notes


def test_reasons_speak_of_the_file_and_not_of_the_program(
    good: Callable[[str], bytes], scratch: Path
) -> None:
    pages = list(ogg_pages(good("Ogg Vorbis")))
    found, notes = said(scratch, pages[0])
    assert found == "refused"
    assert "libsndfile: Error opening the file" in notes
    assert "0x" not in notes


def test_any_name_will_do(good: Callable[[str], bytes], tmp_path: Path) -> None:
    for name, wrong in (("FLAC", "a.mp3"), ("MP3 with a LAME tag", "a.ogg"), ("Ogg Vorbis", "a.txt")):
        assert said(tmp_path / wrong, good(name))[0] == "intact"


@pytest.mark.parametrize("off", [-2, -1, 1, 2])
def test_riff_sizes_off_by_a_byte_or_two_are_remarks(
    off: int, good: Callable[[str], bytes], scratch: Path
) -> None:
    for name, order in (("WAVE", "<I"), ("AIFF", ">I")):
        whole = good(name)
        at = whole.index(b"data" if name == "WAVE" else b"SSND") + 4
        for place in (4, at):
            (size,) = struct.unpack_from(order, whole, place)
            found, notes = said(scratch, patch(whole, place, struct.pack(order, size + off)))
            assert found == "decodes", notes


def test_sizes_that_are_plainly_wrong_are_damage(good: Callable[[str], bytes], scratch: Path) -> None:
    wav, mp4, wma = good("WAVE"), good("MP4, AAC, index in front"), good("ASF, WMA")
    at = wav.index(b"data") + 4
    assert said(scratch, patch(wav, at, struct.pack("<I", len(wav) * 2)))[0] == "damaged"
    assert said(scratch, patch(wav, at, struct.pack("<I", len(wav) // 2)))[0] == "damaged"
    assert said(scratch, patch(wav, at, b"\xff\xff\xff\xff"))[0] == "decodes"  # written while streaming
    mdat = mp4.index(b"mdat") - 4
    assert said(scratch, patch(mp4, mdat, struct.pack(">I", len(mp4))))[0] == "damaged"
    table = mp4.index(b"stts") - 4
    found, notes = said(scratch, patch(mp4, table, struct.pack(">I", 1 << 20)))
    assert found in ("damaged", "refused")
    assert "'stts' box states more bytes than the 'stbl' box has left" in notes
    assert said(scratch, patch(wma, 16, struct.pack("<Q", 1 << 60)))[0] in ("damaged", "refused")


def test_a_big_endian_wave_file_is_walked_like_any_other(scratch: Path) -> None:
    whole = wave(sound(SECONDS).astype(">i2").tobytes(), big=True)
    assert said(scratch, whole)[0] == "decodes"
    assert "before its 'data' chunk should" in said(scratch, whole[:-1_000])[1]
    assert said(scratch, whole + bytes(3_000))[0] == "damaged"


def granule(page: bytes) -> int:
    return int(struct.unpack_from("<q", page, 6)[0])


def test_impossible_positions_in_pages_that_hold_are_remarks(
    good: Callable[[str], bytes], scratch: Path
) -> None:
    whole = good("Ogg Vorbis")
    last = len(list(ogg_pages(whole))) - 1
    for page, position in ((2, -104), (3, 1), (last, 0), (last, 1 << 62)):
        mutant = each_page(whole, lambda n, _, p=page, g=position: {"granule": g} if n == p else {})  # type: ignore[misc]
        found, notes = said(scratch, mutant)
        assert found == "intact", notes
        assert "position" in notes or "states" in notes


def test_libsndfile_plays_what_ffmpeg_refuses_for_its_positions(
    good: Callable[[str], bytes], scratch: Path
) -> None:
    """The headers come twice, the second time at a position below zero: a real encoder wrote that."""
    first, headers, *rest = ogg_pages(good("Ogg Vorbis"))
    tables = [page[27 : 27 + page[26]] for page in (first, headers)]
    bodies = [page[27 + page[26] :] for page in (first, headers)]
    again = headers[:26] + bytes([len(b"".join(tables))]) + b"".join((*tables, *bodies))
    later = [ogg_page(page, sequence=n) for n, page in enumerate(rest, 3)]
    scratch.write_bytes(b"".join((first, headers, ogg_page(again, granule=-104, sequence=2), *later)))
    facts = examine(scratch, loudness=False)
    assert isinstance(facts, AudioFacts)
    assert facts.integrity is Integrity.INTACT
    assert any("decoded by libsndfile, because FFmpeg would not" in note for note in facts.integrity_notes)
    assert facts.technical.duration == pytest.approx(SECONDS, abs=0.05)


def test_pages_that_are_lost_doubled_or_swapped_are_found(
    good: Callable[[str], bytes], scratch: Path
) -> None:
    pages = list(ogg_pages(good("Ogg Opus")))
    assert len(pages) > 8
    without = pages[:5] + pages[6:]
    twice = pages[:6] + pages[5:]
    swapped = [*pages[:5], pages[6], pages[5], *pages[7:]]
    for mutant in (without, twice, swapped):
        found, notes = said(scratch, b"".join(mutant))
        assert found == "damaged"
        assert "pages are missing before this one" in notes
    unfinished, notes = said(scratch, b"".join(pages[:-1]))
    assert unfinished in ("decodes", "damaged")
    assert "the end may be missing" in notes or "ends within a packet" in notes


def test_a_chain_that_changes_its_channels_is_decoded_to_its_end(scratch: Path, tmp_path: Path) -> None:
    mono = write_vorbis(tmp_path / "1", sound(2)[:, :1]).read_bytes()
    stereo = write_vorbis(tmp_path / "2", sound(3)).read_bytes()
    scratch.write_bytes(mono + each_page(stereo, lambda n, page: {"serial": 77}))
    facts = examine(scratch, loudness=False)
    assert isinstance(facts, AudioFacts)
    assert facts.technical.duration == pytest.approx(5, abs=0.05)
    assert facts.technical.channels == 1
    assert facts.integrity is Integrity.INTACT


def test_an_ogg_file_inside_of_a_wave_file_is_taken_as_what_it_is(
    good: Callable[[str], bytes], scratch: Path
) -> None:
    vorbis = good("Ogg Vorbis")
    scratch.write_bytes(wave(vorbis, channels=1, tag=0x674F))
    facts = examine(scratch, loudness=False)
    assert isinstance(facts, AudioFacts)
    assert (facts.technical.codec, facts.integrity) == ("vorbis", Integrity.INTACT)
    assert said(scratch, wave(mutator.flip(vorbis, 9_000, random.Random(1)), tag=0x674F))[0] == "damaged"


def bombs(good: Callable[[str], bytes]) -> dict[str, tuple[bytes, set[str]]]:
    """Return files that promise or ask for more than there is, each with the verdicts that are right."""
    flac, opus, mp3 = good("FLAC"), good("Ogg Opus"), good("MP3 with a LAME tag")
    mp4 = good("MP4, AAC, index in front")
    some = sound(SECONDS).tobytes()
    pages = list(ogg_pages(opus))
    comments = ogg_page(patch(pages[1], 36, b"\xff" * 4))
    sizes = mp4.index(b"stsz")
    deep = functools.reduce(lambda inner, _: box(b"moov", inner), range(3_000), b"")
    broken = {"damaged", "refused"}
    return {
        "2^36 samples": (patch(flac, 21, bytes([flac[21] | 15]) + b"\xff" * 4), {"damaged"}),
        "a block of 16 MB": (patch(flac, 43, b"\xff\xff\xff"), broken),
        "4 GB of samples": (wave(some, stated=0xFFFF_FFF0), {"damaged"}),
        "a tag of 256 MB": (id3v2((1 << 28) - 1) + mp3, broken),
        "a tag of 8 MB of nothing": (id3v2(8 << 20, bytes(8 << 20)) + mp3, {"intact"}),
        "4 billion sizes": (patch(mp4, sizes + 12, b"\xff\xff\xff\xf0"), broken),
        "boxes in boxes": (mp4[:32] + deep, {"refused"}),
        "a box of 2^63": (mp4 + struct.pack(">I4sQ", 1, b"free", 1 << 63), {"damaged"}),
        "a segment of 2^55": (patch(good("WebM"), 0x27, b"\x01\x7f\xff\xff\xff\xff\xff\xff"), broken),
        "4 billion comments": (b"".join((pages[0], comments, *pages[2:])), {"intact"}),
        "4 GHz": (wave(some, rate=0xFFFF_FFFF), {"decodes", "refused"}),
        "1 Hz": (wave(some[:400], rate=1), {"decodes"}),
        "0 Hz": (wave(some, rate=0), {"refused"}),
        "65,535 channels": (wave(some, channels=65_535), {"decodes", "damaged", "refused"}),
        "no channels": (wave(some, channels=0), {"refused"}),
        "no sample": (wave(b""), {"refused"}),
        "one sample": (wave(some[:4]), {"decodes"}),
    }


def test_bombs_do_not_go_off(good: Callable[[str], bytes], scratch: Path) -> None:
    corpus = bombs(good)
    said(scratch, good("FLAC"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for what, (data, right) in corpus.items():
        found, notes = said(scratch, data)
        assert found in right, f"{what}: {notes}"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400 * 1024  # KiB


def test_thousands_of_tiny_packets_are_sound_like_any_other(scratch: Path, tmp_path: Path) -> None:
    tiny = Kind("", "ogg", "libopus", "flt", 48_000, (("page_duration", "2500"),))
    whole = write(tmp_path / "x", tiny, sound(6, rate=48_000), codec_options={"frame_duration": "2.5"})
    pages = list(ogg_pages(whole.read_bytes()))
    assert len(pages) > 2_000
    assert said(scratch, b"".join(pages))[0] == "intact"


def test_frames_of_no_length_are_passed_over(good: Callable[[str], bytes], scratch: Path) -> None:
    pages = list(ogg_pages(good("Ogg Opus")))
    empty = ogg_page(pages[5][:26] + b"\x03\0\0\0", sequence=6, granule=granule(pages[5]))
    later = [ogg_page(page, sequence=n) for n, page in enumerate(pages[6:], 7)]
    assert said(scratch, b"".join((*pages[:6], empty, *later)))[0] in ("intact", "damaged")


@pytest.mark.parametrize("channels", [1, 8])
def test_any_number_of_channels_and_a_single_sample(channels: int, scratch: Path, tmp_path: Path) -> None:
    import soundfile

    for length in (1, 5_000):
        samples = np.repeat(sound(1)[:length, :1], channels, axis=1)
        soundfile.write(tmp_path / "x", samples, 44_100, format="FLAC", subtype="PCM_16")
        facts_said = said(scratch, (tmp_path / "x").read_bytes())
        assert facts_said[0] == "intact", facts_said


def test_tags_of_nothing_but_nul_harm_nothing(good: Callable[[str], bytes], tmp_path: Path) -> None:
    path = tmp_path / "x.flac"
    path.write_bytes(good("FLAC"))
    tagged = mutagen.File(path)
    tagged["title"] = "\0" * 1_000
    tagged["artist"] = "A\0B"
    tagged.save()
    assert said(path, path.read_bytes())[0] == "intact"


def test_the_same_corpus_every_time(good: Callable[[str], bytes]) -> None:
    once, again = (mutator.damaged(good("FLAC"), "seed") for _ in range(2))
    assert once == again
    assert all(a != b for a, b in pairwise(once["a bit"]))


ENCRYPTED_ASF = bytes.fromhex("fbb3112223bdd211b4b700a0c955fc6e") + struct.pack("<Q", 44) + bytes(20)


def test_locked_files_that_would_decode_are_refused_all_the_same(
    good: Callable[[str], bytes], scratch: Path
) -> None:
    mp4, wma = good("MP4, AAC, index in front"), good("ASF, WMA")
    entry = mp4.index(b"mp4a")
    header = struct.pack(
        "<QI", int.from_bytes(wma[16:24], "little") + 44, int.from_bytes(wma[24:28], "little") + 1
    )
    locked = [
        *(patch(mp4, entry, kind) for kind in (b"enca", b"drms", b"aavd")),
        *(patch(mp4, 8, brand) for brand in (b"aax ", b"aaxc")),
        wma[:16] + header + wma[28:30] + ENCRYPTED_ASF + wma[30:],
    ]
    for data in locked:
        scratch.write_bytes(data)
        outcome = examine(scratch)
        assert isinstance(outcome, Refusal)
        assert outcome.kind is RefusalKind.DRM
