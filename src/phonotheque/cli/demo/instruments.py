"""The instruments: each turns a pitch, a length and a strength into sound.

An instrument is ``(hertz, seconds, strength, random) -> mono sound``; strength runs from 0 to 1, and the
sound goes on after ``seconds`` for as long as the instrument rings. All are built from synthesis.py.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from phonotheque.cli.demo.synthesis import (
    RATE,
    Sound,
    damp,
    envelope,
    noise,
    partials,
    sing,
    times,
    vibrato,
    wavetable,
)

Instrument = Callable[[float, float, float, np.random.Generator], Sound]


def piano(hertz: float, seconds: float, strength: float, random: np.random.Generator) -> Sound:
    """Stiff strings in pairs, struck at an eighth of their length: partials stretch, and decay twice."""
    order = np.arange(1.0, min(24, int(9000 / hertz)) + 1)
    stretched = order * hertz * np.sqrt((1 + 3e-4 * order**2) / (1 + 3e-4))
    hammer = np.exp(-order * hertz / (1200 + 2600 * strength)) / order**0.6
    level = hammer * (0.25 + np.abs(np.sin(np.pi * order / 8)))
    decay = (0.5 + hertz / 700) * (1 + 0.22 * order)
    held = seconds + 0.35
    prompt = partials(stretched * 1.0003, 0.4 * level, 2.6 * decay, held)
    after = partials(stretched * 0.9997, 0.28 * level, 0.6 * decay, held)
    knock = _burst(0.05, 60, 900, 0.025 * strength, random)
    return strength * damp(_mix(prompt + after, knock), seconds, 0.25)


def string(
    *, bright: float, decay: float, plucked_at: float = 0.2, buzz: float = 0.0, release: float = 0.3
) -> Instrument:
    """A plucked string. ``bright`` bounds its partials in kHz, ``decay`` is 1/s at middle C; ``plucked_at``
    is a share of its length, and ``buzz`` how much a flat bridge feeds the high partials.
    """

    def play(hertz: float, seconds: float, strength: float, random: np.random.Generator) -> Sound:
        order = np.arange(1, min(32, int(12000 / hertz)) + 1)
        shape = np.abs(np.sin(np.pi * order * plucked_at)) + 0.02
        level = shape / order * np.exp(-order * hertz / (1000 * bright * (0.6 + 0.6 * strength)))
        level = level * (1 + buzz * np.clip(order - 2, 0, 8)) / level[0]
        loss = decay * (hertz / 262) ** 0.5 * (1 + 0.03 * order**1.6 / (1 + 3 * buzz))
        stiff = order * hertz * np.sqrt(1 + 4e-5 * (order**2 - 1))
        tone = partials(stiff, 0.24 * level, loss, seconds + release)
        pick = _burst(0.02, 800, 5000, 0.003 * strength * bright, random)
        return strength * damp(_mix(tone, pick), seconds, release)

    return play


def bars(
    ratios: tuple[float, ...], levels: tuple[float, ...], *, decay: float, spread: float, ring: float
) -> Instrument:
    """Metal or wood that is struck: inharmonic partials. ``spread`` is how much faster the high ones die."""

    def play(hertz: float, seconds: float, strength: float, random: np.random.Generator) -> Sound:
        ratio = np.asarray(ratios)
        loss = decay * (hertz / 440) ** 0.4 * ratio**spread
        tone = partials(hertz * ratio, 0.5 * np.asarray(levels), loss, seconds + ring)
        tick = _burst(0.012, 1500, 7000, 0.02 * strength, random)
        return strength * damp(_mix(tone, tick), seconds + 0.5 * ring, ring)

    return play


def pipe(
    harmonics: tuple[float, ...], *, breath: float, sway: float, attack: float = 0.05, release: float = 0.09
) -> Instrument:
    """A blown pipe or reed: steady harmonics, breath around the tone, a vibrato that comes late."""

    def play(hertz: float, seconds: float, strength: float, random: np.random.Generator) -> Sound:
        whole = seconds + release
        curve = vibrato(hertz, whole, depth=sway)
        curve *= 1.0 - 0.012 * np.exp(-times(whole) / 0.02)  # the pitch settles as the pipe begins to speak
        tone = sing(wavetable(harmonics[: max(1, int(16000 / hertz))]), curve)
        loudness = envelope(seconds, attack=attack, release=release)
        air = breath * noise(whole, 0.8 * hertz, 3.5 * hertz, random)
        chiff = 1 + 3 * np.exp(-times(whole) / 0.04).astype(np.float32)
        return 0.4 * strength * loudness * (tone + air * chiff)

    return play


def bowed(
    players: int, *, attack: float, sway: float, slide: float = 0.0, bow: float = 0.01, release: float = 0.18
) -> Instrument:
    """Bowed strings: a filtered sawtooth for each player, none quite in tune nor in time with the others."""

    def play(hertz: float, seconds: float, strength: float, random: np.random.Generator) -> Sound:
        whole = seconds + release
        order = np.arange(1, min(40, int(14000 / hertz)) + 1)
        # body: a broad resonance below 1 kHz and one near 2.8 kHz, then a steep end
        body = 1 + 0.8 * np.exp(-(((order * hertz - 2800) / 900) ** 2))
        level = body / order / (1 + (order * hertz / 3500) ** 2)
        table = wavetable(tuple(level.tolist()))
        glide = 1.0 - slide * np.exp(-times(whole) / 0.05)
        total = np.zeros(round(whole * RATE), dtype=np.float32)
        for cents in np.linspace(-6, 6, players) if players > 1 else (0.0,):
            curve = vibrato(
                hertz * 2.0 ** (cents / 1200), whole, depth=sway, rate=5.0 + random.uniform(0, 0.9)
            )
            total += sing(table, curve * glide, random.uniform())
        rosin = bow * noise(whole, 1500, 6000, random)
        loudness = envelope(seconds, attack=min(attack, 0.5 * seconds), release=release)
        return 0.6 * strength * loudness * (total / np.float32(players**0.5) + rosin)

    return play


def organ(hertz: float, seconds: float, strength: float, random: np.random.Generator) -> Sound:
    """Principals at 8', 4', 2⅔' and 2', with a second rank slightly sharp so that it shimmers."""
    principal = wavetable((1.0, 0.45, 0.2, 0.12, 0.05)[: max(1, int(16000 / hertz))])
    steady = np.full(round((seconds + 0.12) * RATE), hertz)
    total = np.zeros(len(steady), dtype=np.float32)
    for rank, level in ((1.0, 0.5), (1.0025, 0.35), (2.0, 0.2), (3.0, 0.08), (4.0, 0.1)):
        total += np.float32(level) * sing(principal, rank * steady, random.uniform())
    return 0.4 * strength * envelope(seconds, attack=0.04, release=0.12) * total


def accordion(hertz: float, seconds: float, strength: float, random: np.random.Generator) -> Sound:
    """Two reeds eight cents apart, bellows that lean into the note."""
    level = tuple(1 / n**0.9 for n in range(1, max(2, min(20, int(9000 / hertz))) + 1))
    steady = np.full(round((seconds + 0.06) * RATE), hertz)
    reeds = sing(wavetable(level), steady, random.uniform())
    reeds = reeds + 0.7 * sing(wavetable(level), steady * 2.0 ** (8 / 1200), random.uniform())
    return 0.55 * strength * envelope(seconds, attack=0.03, release=0.06, sag=0.2) * reeds


def _burst(seconds: float, low: float, high: float, level: float, random: np.random.Generator) -> Sound:
    """A short noise that dies away: the knock of a hammer, the scrape of a pick."""
    decay = np.exp(-times(seconds) * (5 / seconds)).astype(np.float32)
    return np.float32(level) * noise(seconds, low, high, random) * decay


def _mix(sound: Sound, onset: Sound) -> Sound:
    """Add a short onset to the beginning of a sound."""
    count = min(len(sound), len(onset))
    sound[:count] += onset[:count]
    return sound


INSTRUMENTS: dict[str, Instrument] = {
    "piano": piano,
    "organ": organ,
    "accordion": accordion,
    "guitar": string(bright=2.6, decay=1.6, plucked_at=0.22),
    "lute": string(bright=3.6, decay=2.4, plucked_at=0.17),
    "harp": string(bright=2.0, decay=1.3, plucked_at=0.4, release=0.9),
    "harpsichord": string(bright=5.5, decay=1.8, plucked_at=0.12, release=0.12),
    "koto": string(bright=4.0, decay=1.7, plucked_at=0.1, release=0.9),
    "tanpura": string(bright=4.5, decay=0.5, plucked_at=0.3, buzz=0.25, release=1.2),
    "bass": string(bright=0.7, decay=1.3, plucked_at=0.3, release=0.15),
    "music box": bars((1, 2, 6.27, 9.6), (1, 0.12, 0.16, 0.04), decay=2.0, spread=0.8, ring=1.2),
    "bell": bars(
        (0.5, 1, 1.19, 1.5, 2, 2.52, 3.01),
        (0.2, 1, 0.25, 0.12, 0.4, 0.12, 0.1),
        decay=0.9,
        spread=0.7,
        ring=2.2,
    ),
    "marimba": bars((1, 3.98, 9.2), (1, 0.25, 0.06), decay=5.0, spread=0.6, ring=0.5),
    "flute": pipe((1.0, 0.42, 0.2, 0.07, 0.03), breath=0.02, sway=0.006),
    "ocarina": pipe((1.0, 0.08, 0.05), breath=0.035, sway=0.004, attack=0.03),
    "clarinet": pipe((1.0, 0.06, 0.45, 0.04, 0.22, 0.03, 0.1, 0.02, 0.05), breath=0.008, sway=0.002),
    "strings": bowed(5, attack=0.12, sway=0.004, release=0.3),
    "violin": bowed(1, attack=0.07, sway=0.006),
    "erhu": bowed(1, attack=0.06, sway=0.009, slide=0.03, bow=0.02),
}
