"""Tunes that lutes, viols and harpsichords played, from the sixteenth to the eighteenth century."""

from __future__ import annotations

from phonotheque.cli.demo.score import Backing, Piece, Voice

_GREENSLEEVES = """A4/8 |
    C5/4 D5/8 E5/8. F5/16 E5/8 | D5/4 B4/8 G4/8. A4/16 B4/8 |
    C5/4 A4/8 A4/8. G#4/16 A4/8 | B4/4 G#4/8 E4/4 A4/8 |
    C5/4 D5/8 E5/8. F5/16 E5/8 | D5/4 B4/8 G4/8. A4/16 B4/8 |
    C5/8. B4/16 A4/8 G#4/8. F#4/16 G#4/8 | A4/4. A4/4. |
    G5/4. G5/8. F5/16 E5/8 | D5/4 B4/8 G4/8. A4/16 B4/8 |
    C5/4 A4/8 A4/8. G#4/16 A4/8 | B4/4 G#4/8 E4/4. |
    G5/4. G5/8. F5/16 E5/8 | D5/4 B4/8 G4/8. A4/16 B4/8 |
    C5/8. B4/16 A4/8 G#4/8. F#4/16 G#4/8 | A4/2."""

GREENSLEEVES = Piece(
    title="Greensleeves",
    composer="Anonymous (England, 16th century)",
    metre="6/8",
    tempo=112,
    chords="""Am | G | Am | E | Am | G | Am E | Am | C | G | Am | E | C | G | Am E | Am""",
    players=(
        Voice("flute", _GREENSLEEVES, gain=0.9, pan=0.1),
        Backing("lute", "b 0 1 b 2 1", step=8, gain=0.75, pan=-0.3, low=55, ring=True),
    ),
)

MINUET = Piece(
    title="Menuet in G",
    composer="Christian Petzold (1677–1733)",
    metre="3/4",
    tempo=132,
    players=(
        Voice(
            "harpsichord",
            """D5/4 G4/8 A4 B4 C5 | D5/4 G4 G4 | E5/4 C5/8 D5 E5 F#5 | G5/4 G4 G4 |
            C5/4 D5/8 C5 B4 A4 | B4/4 C5/8 B4 A4 G4 | F#4/4 G4/8 A4 B4 G4 | B4/4 A4/2 |
            D5/4 G4/8 A4 B4 C5 | D5/4 G4 G4 | E5/4 C5/8 D5 E5 F#5 | G5/4 G4 G4 |
            C5/4 D5/8 C5 B4 A4 | B4/4 C5/8 B4 A4 G4 | A4/4 B4/8 A4 G4 F#4 | G4/2.""",
            pan=0.25,
        ),
        Voice(
            "harpsichord",
            """G3,B3,D4/2 A3/4 | B3/2. | C4 | B3 | A3 | G3 | D4/4 B3 G3 | D4/4 D3/8 C4 B3 A3 |
            B3/2 A3/4 | G3/4 B3 G3 | C4/2. | B3/4 C4/8 B3 A3 G3 |
            A3/2 F#3/4 | G3/2 B3/4 | C4/4 D4 D3 | G3/2 G2/4""",
            gain=0.7,
            pan=-0.25,
        ),
    ),
)

FOLIA = Piece(
    title="La Folía",
    composer="Anonymous (Iberia, 17th century)",
    metre="3/4",
    tempo=116,
    chords="""Dm | A | Dm | C | F | C | Dm | A | Dm | A | Dm | C | F | C | Dm A | Dm""",
    players=(
        Voice(
            "violin",
            """D5/4 D5/4. D5/8 | C#5/4 C#5/2 | D5/4 D5/4. D5/8 | E5/4 E5/2 |
            F5/4 F5/4. F5/8 | E5/4 E5/2 | D5/4 D5/4. D5/8 | C#5/4 C#5/2 |
            D5/4 D5/4. D5/8 | C#5/4 C#5/2 | D5/4 D5/4. D5/8 | E5/4 E5/2 |
            F5/4 F5/4. F5/8 | E5/4 E5/2 | D5/4. E5/8 C#5/4 | D5/2.""",
            gain=0.8,
            pan=0.15,
        ),
        Backing("guitar", "b * * 0 * 1", step=8, gain=0.55, pan=-0.3, low=54, ring=True),
        Backing("bass", "b . .", step=4, gain=1.1, low=50, ring=True),
        Backing("drums", "t . h h h .", step=8, gain=0.5, pan=0.3),
    ),
)

_CANON = (
    "F#5/4 E5 D5 C#5 | B4 A4 B4 C#5",
    "D5/4 C#5 B4 A4 | G4 F#4 G4 E4",
    "D4/8 F#4 A4 G4 F#4 D4 F#4 E4 | D4 B3 D4 A4 G4 B4 A4 G4",
    """A5/16 F#5/32 G5 A5/16 F#5/32 G5 A5 A4 B4 C#5 D5 E5 F#5 G5
       F#5/16 D5/32 E5 F#5/16 F#4/32 G4 A4 B4 A4 G4 A4 F#4 G4 A4 |
       G4/16 B4/32 A4 G4/16 F#4/32 E4 F#4 E4 D4 E4 F#4 G4 A4 B4
       G4/16 B4/32 A4 B4/16 C#5/32 D5 A4 B4 C#5 D5 E5 F#5 G5 A5""",
)

CANON = Piece(
    title="Canon in D",
    composer="Johann Pachelbel (1653–1706)",
    metre="4/4",
    tempo=78,
    room=0.3,
    players=(
        Voice("violin", " | ".join((*_CANON, "F#5/1")), gain=0.8, pan=-0.5),
        Voice("violin", " | ".join((*_CANON[:3], "D5/1")), gain=0.7, pan=0.5, enters=2),
        Voice("violin", " | ".join((*_CANON[:2], "A4/1")), gain=0.7, pan=0.1, enters=4),
        Voice(
            "strings",
            "D3/4 A3 B3 F#3 | G3 D3 G3 A3 | " * 4 + "D3/1",
            gain=0.6,
        ),
    ),
)
