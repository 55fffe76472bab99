"""What is kept of a recording, and how well, in exact sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from babel.lists import format_list
from babel.numbers import format_decimal

from phonotheque.web import words
from phonotheque.web.looking.voice import Voice
from phonotheque.web.room.languages import locale
from phonotheque.web.room.sounds import Kept, Sound

_CODECS: Final = {
    "aac": "AAC",
    "alac": "Apple Lossless",
    "flac": "FLAC",
    "mp3": "MP3",
    "opus": "Opus",
    "vorbis": "Ogg Vorbis",
    "wavpack": "WavPack",
}


def form(sound: Sound, voice: Voice) -> str:
    """Return how a file stores its sound: "FLAC, 44.1 kHz, 16 bits, stereo"."""
    codec = sound.codec or sound.container or ""
    parts = [_CODECS.get(codec, words.shown(codec.removesuffix("le").removesuffix("be"), 40))]
    if sound.sample_rate:
        number = format_decimal(sound.sample_rate / 1000, "#,##0.###", locale=locale(voice.language))
        parts.append(f"{number}\u00a0kHz")
    if sound.lossless and sound.bits:
        parts.append(voice.gettext("%(number)s\u00a0bits") % {"number": sound.bits})
    elif sound.bit_rate:
        parts.append(f"{voice.count(round(sound.bit_rate / 1000))}\u00a0kbit/s")
    if sound.channels in (1, 2):
        parts.append(voice.gettext("mono") if sound.channels == 1 else voice.gettext("stereo"))
    elif sound.channels:
        parts.append(voice.gettext("%(number)s channels") % {"number": sound.channels})
    return ", ".join(part for part in parts if part)


def held(sounds: Sequence[Sound], voice: Voice, *, mirror: bool) -> str:
    """Return what is held of a recording: of which masters and access copies the bytes are kept."""
    _n = voice.counted
    kept = [sound for sound in sounds if sound.held]
    masters = sum(sound.kind == "master" for sound in kept)
    copies = len(kept) - masters
    known = sum(not sound.held for sound in sounds if sound.kind == "master")
    parts = []
    if masters:
        parts.append(_n("%(number)s master", "%(number)s masters", masters))
    if copies:
        parts.append(_n("%(number)s access copy", "%(number)s access copies", copies))
    if not parts and not known:
        if mirror:
            return voice.gettext("This mirror holds no file of it.")
        return voice.gettext("It is known, and not held: no file of it was ever taken in here.")
    said = []
    if parts:
        listed = format_list(parts, locale=locale(voice.language))
        sentence = (
            voice.gettext("This mirror holds %(what)s of it.")
            if mirror
            else voice.gettext("This archive keeps %(what)s of it.")
        )
        said.append(sentence % {"what": listed})
    if known and mirror:
        said.append(
            _n(
                "%(number)s master is published and not held by this mirror.",
                "%(number)s masters are published and not held by this mirror.",
                known,
            )
        )
    elif known:
        said.append(
            _n(
                "%(number)s master was looked at here and is not kept.",
                "%(number)s masters were looked at here and are not kept.",
                known,
            )
        )
    return " ".join(said)


def kept_bag(bag: Kept, voice: Voice, *, mirror: bool) -> str:
    """Return how well a bag is kept: here, elsewhere, and by mirrors."""
    _n = voice.counted
    said = []
    if bag.here:
        if bag.checked_at:
            sentence = voice.gettext("kept here, every byte of it verified since %(date)s.")
            said.append(sentence % {"date": voice.day(bag.checked_at)})
        else:
            said.append(voice.gettext("kept here; when it was read last, something in it was wrong."))
    elif bag.partly:
        said.append(voice.gettext("held in part by this mirror."))
    elif mirror:
        said.append(voice.gettext("not held by this mirror."))
    else:
        said.append(voice.gettext("kept in storage."))
    if bag.elsewhere and bag.here:
        said.append(
            _n(
                "The archive has %(number)s more whole copy of it elsewhere.",
                "The archive has %(number)s more whole copies of it elsewhere.",
                bag.elsewhere,
            )
        )
    said.append(_proven(bag, voice))
    if bag.claimed > bag.proven:
        said.append(
            _n(
                "%(number)s mirror says that it holds it.",
                "%(number)s mirrors say that they hold it.",
                bag.claimed,
            )
        )
    return " ".join(said)


def _proven(bag: Kept, voice: Voice) -> str:
    _n = voice.counted
    if not bag.counted:
        return voice.gettext("How many mirrors hold it is not known here.")
    if not bag.proven:
        return voice.gettext("No mirror has proved that it holds it.")
    if not bag.proven_since:
        return _n(
            "%(number)s mirror has proved that it holds it.",
            "%(number)s mirrors have proved that they hold it.",
            bag.proven,
        )
    sentence = _n(
        "%(number)s mirror has proved that it holds it, the last time on {date}.",
        "%(number)s mirrors have proved that they hold it, the oldest of these proofs being of {date}.",
        bag.proven,
    )
    return sentence.replace("{date}", voice.day(bag.proven_since))
