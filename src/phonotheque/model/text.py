"""Words as people write them, and the keys by which two spellings are the same. Pure, for any script."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

# Marks that spellings leave out freely. Those of other scripts (Thai, Devanagari, kana …) are letters.
_ACCENTS = (
    (0x0300, 0x036F),  # combining diacritical marks: Latin, Greek, Cyrillic
    (0x0591, 0x05C7),  # Hebrew points
    (0x0610, 0x061A),  # Arabic signs and vowels
    (0x0640, 0x0640),  # Arabic tatweel
    (0x064B, 0x065F),
    (0x0670, 0x0670),
    (0x1AB0, 0x1AFF),
    (0x1DC0, 0x1DFF),
    (0x20D0, 0x20FF),
    (0xFE00, 0xFE0F),  # variation selectors
    (0xFE20, 0xFE2F),
)
# Letters that Unicode does not decompose, though keyboards without them write one or two others.
_LETTERS = dict(zip("øłđðıħŧ", "olddiht", strict=True)) | {"œ": "oe", "æ": "ae", "þ": "th"}

# Scripts written without spaces (and Hangul, whose particles hang on the word): indexed by pairs.
_UNSPACED = (
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff"  # kana and iteration marks
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\uac00-\ud7af"  # Hangul
)
_RUNS = re.compile(f"[{_UNSPACED}]+|[^{_UNSPACED}]+")
_LONGEST = 2000  # characters of a name that are compared; hostile tags have millions
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_GUEST = re.compile(r"(?<=\S) (?:ft|featuring)(?= \S)")
# Without brackets, “ft” needs its dot: it is also a measure.
_GUEST_PART = re.compile(
    r"\s?[(\[]\s?(?:feat|ft|featuring)\b\.?[^)\]]*[)\]]|\s(?:feat\b\.?|ft\.|featuring)\s.*", re.IGNORECASE
)
_TOGETHER = re.compile(r"\s?[,;/&+、・]\s?|\s(?:and|feat|ft|featuring)\b\.?\s", re.IGNORECASE)


class _Folding(dict[int, str | None]):
    """For ``str.translate``: what becomes of each character, worked out when it is first met."""

    def __missing__(self, code: int) -> str | None:
        self[code] = folded = _fold_character(code)
        return folded


def _fold_character(code: int) -> str | None:
    character = chr(code)
    category = unicodedata.category(character)
    if category in ("Cf", "Me") or any(first <= code <= last for first, last in _ACCENTS):
        return None  # joiners, direction marks, soft hyphens; accents
    if category[0] in "PSZ" or category == "Cc":
        return " "
    return _LETTERS.get(character, character)


_FOLDING = _Folding()
_ASCII_FOLDING = bytes(
    ord(character.lower()) if character.isalnum() or character == "\n" else ord(" ")
    for character in map(chr, range(128))
).ljust(256)
_BETWEEN = "\ue000"  # for private use: no step of folding touches it, nor what stands beside it


def nfc(text: str) -> str:
    """Return text for display: Unicode NFC, control characters and runs of white space as one space."""
    return " ".join(unicodedata.normalize("NFC", _CONTROL.sub(" ", text)).split())


def fold(text: str) -> str:
    """Return the key for matching: equal for spellings that differ in case, accents, width or punctuation.

    Unicode NFKC, case-folded, accents removed, punctuation as single spaces, “ft.” and “featuring” as
    “feat”. A text of punctuation alone (“!!!”, “÷”) keeps it. Empty only for blank text.
    """
    if text.isascii():
        plain = text.lower()
    else:
        plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        plain = unicodedata.normalize("NFD", plain)
    words = unicodedata.normalize("NFC", plain.translate(_FOLDING)).split()
    if not words:
        return "".join(_CONTROL.sub(" ", plain).split())
    return _GUEST.sub(" feat", " ".join(words))


def fold_all(texts: Sequence[str]) -> list[str]:
    """Return ``[fold(text) for text in texts]``, in a fraction of the time."""
    keys = [""] * len(texts)
    for is_ascii, fold_joined in ((True, _fold_ascii), (False, _fold_other)):
        places = [place for place, text in enumerate(texts) if text.isascii() is is_ascii]
        for place, key in zip(places, fold_joined([texts[place] for place in places]), strict=True):
            # Of what is rare only ``fold`` knows: texts of punctuation alone, and “ft.”.
            keys[place] = key if key and "ft" not in key and "featuring" not in key else fold(texts[place])
    return keys


def title_key(title: str) -> str:
    """Return the folded title without its guests: “Song (feat. B)” and “Song ft. B” are both “song”."""
    shown = _short(title)
    return fold(_GUEST_PART.sub("", shown)) or fold(shown)


def people(artists: Iterable[str], title: str = "") -> list[str]:
    """Return the sorted folded names of everyone credited, guests named in the title included.

    Joint credits are taken apart (“A & B”, “A, B”, “A and B”, “A feat. B”), so that a list of names and one
    joined name are equal; a leading “the” is dropped. For comparing credits, not for display.
    """
    credited = [_short(name) for name in artists]
    credited += ["_ " + guest.strip(" ()[]") for guest in _GUEST_PART.findall(_short(title))]
    parts = [part for credit in credited for part in _TOGETHER.split(credit)]
    return sorted({fold(part).removeprefix("the ") for part in parts if part != "_"} - {""})


def search_tokens(text: str) -> list[str]:
    """Return what an index stores of a text, in order: folded words; in unspaced scripts pairs of characters.

    The last character of such a run is stored too, so that every single character is the start of some token.
    """
    return [token for run in _runs(text) for token in _stored(run)]


def query_terms(text: str) -> list[list[str]]:
    """Return what a query asks of such an index: one phrase (consecutive tokens) per word or unspaced run."""
    return [_pairs(run) if _IS_UNSPACED.match(run) and len(run) > 1 else [run] for run in _runs(text)]


def _fold_ascii(texts: Sequence[str]) -> list[str]:
    joined = "\n".join(texts).encode().translate(_ASCII_FOLDING)
    while b"  " in joined:
        joined = joined.replace(b"  ", b" ")
    keys = joined.replace(b" \n", b"\n").replace(b"\n ", b"\n").strip(b" ").decode().split("\n")
    return keys if len(keys) == len(texts) else [fold(text) for text in texts]


def _fold_other(texts: Sequence[str]) -> list[str]:
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", _BETWEEN.join(texts)).casefold())
    plain = unicodedata.normalize("NFC", unicodedata.normalize("NFD", plain).translate(_FOLDING))
    keys = plain.split(_BETWEEN)
    if len(keys) != len(texts):
        return [fold(text) for text in texts]
    return [" ".join(key.split()) for key in keys]


def _short(text: str) -> str:
    return nfc(text[:_LONGEST])


def _runs(text: str) -> list[str]:
    return [run for word in fold(text).split() for run in _RUNS.findall(word)]


def _stored(run: str) -> list[str]:
    return [*_pairs(run), run[-1]] if _IS_UNSPACED.match(run) else [run]


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]
