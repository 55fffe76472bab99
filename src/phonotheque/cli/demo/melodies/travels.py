"""Tunes from further east: Russia, India, China, Japan."""

from __future__ import annotations

from phonotheque.cli.demo.score import Backing, Piece, Voice

_KOROBEINIKI = """E5/4 B4/8 C5 D5/4 C5/8 B4 | A4/4 A4/8 C5 E5/4 D5/8 C5 | B4/4. C5/8 D5/4 E5 | C5 A4 A4/2 |
    R/8 D5/4 F5/8 A5/4 G5/8 F5 | E5/4. C5/8 E5/4 D5/8 C5 | B4/4 B4/8 C5 D5/4 E5 | C5 A4 A4/2"""

KOROBEINIKI = Piece(
    title="Коробейники",
    composer="Русская народная песня",
    metre="4/4",
    tempo=150,
    chords=" | ".join(["E7 | Am | E7 | Am | Dm | C | E7 | Am"] * 2),
    players=(
        Voice("accordion", f"{_KOROBEINIKI} | {_KOROBEINIKI}", gain=0.7, pan=-0.15),
        Voice("violin", _KOROBEINIKI, gain=0.45, pan=0.45, enters=8),
        Backing("guitar", ". * . *", step=4, gain=0.6, pan=0.25, low=52),
        Backing("bass", "b . 2 .", step=4, gain=1.3, low=45),
        Backing("drums", "k h s h k h s h", step=8, gain=0.45),
    ),
)

# The tonic Sa is D; the raga has Sa Re Ga Pa Dha, without Ma and Ni.
BHUPALI = Piece(
    title="राग भूपाली",
    composer="Traditional (India)",
    metre="4/4",
    tempo=80,
    room=0.3,
    chords=" | ".join(["D5"] * 8),
    players=(
        Voice(
            "flute",
            """D5/2 E5/4 F#5 | F#5 E5/8 D5 B4/4 D5 | D5/8 E5 F#5/2 E5/8 F#5 | A5/2 F#5/4 A5 |
            B5 A5/8 F#5 A5/4 B5 | D6/2. B5/8 A5 | F#5/4 A5/8 F#5 E5/4 D5/8 B4 | D5/1""",
            gain=0.75,
            pan=0.1,
        ),
        Voice("tanpura", "A3/4 D4 D4 D3 | " * 7 + "A3/4 D4 D4 D3", gain=0.75, pan=-0.3),
        Backing("drums", "t . h h t h t h", step=8, gain=0.35, pan=0.3),
    ),
)

JASMINE = Piece(
    title="茉莉花",
    composer="中國民歌",
    metre="4/4",
    tempo=126,
    room=0.28,
    chords="C | C | C | C | C | Am C | C G | C | C G | C G | G Am | G | G Am | G5",
    players=(
        Voice(
            "erhu",
            """E4/4 E4/8 G4 A4 C5 C5 A4 | G4/4 G4/8 A4 G4/2 | E4/4 E4/8 G4 A4 C5 C5 A4 | G4/4 G4/8 A4 G4/2 |
            G4/4 G4 G4 E4/8 G4 | A4/4 A4 G4/2 | E4/4 D4/8 E4 G4/4 E4/8 D4 | C4/4 C4/8 D4 C4/2 |
            E4/8 D4 C4 E4 D4/4. E4/8 | G4/4 A4/8 C5 G4/2 | D4/4 E4/8 G4 D4 E4 C4 A3 | G3/2 A3/4 C4 |
            D4/4. E4/8 C4 D4 C4 A3 | G3/1""",
            gain=0.8,
            pan=0.1,
        ),
        Backing("koto", "b 0 1 2 3 2 1 0", step=8, gain=0.6, pan=-0.35, low=55, ring=True),
    ),
)

SAKURA = Piece(
    title="さくらさくら",
    composer="日本古謡",
    metre="4/4",
    tempo=120,
    room=0.28,
    chords="A5 | A5 | Am | F | Am | A5 E5 | Am | F | Am | A5 E5 | A5 | A5 | F | E5",
    players=(
        Voice(
            "koto",
            """A4/4 A4 B4/2 | A4/4 A4 B4/2 | A4/4 B4 C5 B4 | A4 B4/8 A4 F4/2 |
            E4/4 C4 E4 F4 | E4 E4/8 C4 B3/2 | A4/4 B4 C5 B4 | A4 B4/8 A4 F4/2 |
            E4/4 C4 E4 F4 | E4 E4/8 C4 B3/2 | A4/4 A4 B4/2 | A4/4 A4 B4/2 |
            E4/4 F4 B4/8 A4 F4/4 | E4/1""",
            pan=0.15,
        ),
        Backing("koto", "b . 1 .", step=4, gain=0.6, pan=-0.4, low=52, ring=True),
        Backing("flute", "1", step=1, gain=0.14, pan=0.4, low=64, ring=True),
    ),
)
