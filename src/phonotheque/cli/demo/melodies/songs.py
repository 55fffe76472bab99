"""Songs that are sung to children, at sea, and on great occasions."""

from __future__ import annotations

from phonotheque.cli.demo.score import Backing, Piece, Voice

AH_VOUS_DIRAI_JE = Piece(
    title="Ah ! vous dirai-je, maman",
    composer="Anonymous (France, 18th century)",
    metre="4/4",
    tempo=132,
    chords="C | F C | F C | G7 C | C F | C G7 | C F | C G7 | C | F C | F C | G7 C",
    players=(
        Voice(
            "music box",
            """C5/4 C5 G5 G5 | A5 A5 G5/2 | F5/4 F5 E5 E5 | D5 D5 C5/2 |
            G5/4 G5 F5 F5 | E5 E5 D5/2 | G5/4 G5 F5 F5 | E5 E5 D5/2 |
            C5/4 C5 G5 G5 | A5 A5 G5/2 | F5/4 F5 E5 E5 | D5 D5 C5/2""",
            pan=0.15,
        ),
        Backing("music box", "b 1 2 1", step=8, gain=0.5, pan=-0.25, low=60),
    ),
)

_JACQUES = """C5/4 D5 E5 C5 | C5 D5 E5 C5 | E5 F5 G5/2 | E5/4 F5 G5/2 |
    G5/8 A5 G5 F5 E5/4 C5 | G5/8 A5 G5 F5 E5/4 C5 | C5 G4 C5/2 | C5/4 G4 C5/2"""

FRERE_JACQUES = Piece(
    title="Frère Jacques",
    composer="Anonymous (France, 18th century)",
    metre="4/4",
    tempo=126,
    chords=" | ".join(["C G7 C C"] * 12),
    players=(
        Voice("ocarina", _JACQUES, gain=0.8, pan=-0.5),
        Voice("clarinet", _JACQUES, gain=0.75, pan=0.5, enters=2),
        Voice("flute", _JACQUES, gain=0.7, enters=4),
        Backing("marimba", "b . 1 . 0 . 1 .", step=8, gain=0.45, low=60),
        Backing("bass", "b .", step=4, gain=0.8, low=48),
    ),
)

AU_CLAIR_DE_LA_LUNE = Piece(
    title="Au clair de la lune",
    composer="Anonymous (France, 18th century)",
    metre="4/4",
    tempo=138,
    chords="C | C G7 | C G7 | C | G | Dm | D7 | G | C | C G7 | C G7 | C",
    players=(
        Voice(
            "clarinet",
            """C5/4 C5 C5 D5 | E5/2 D5 | C5/4 E5 D5 D5 | C5/1 |
            D5/4 D5 D5 D5 | A4/2 A4 | D5/4 C5 B4 A4 | G4/1 |
            C5/4 C5 C5 D5 | E5/2 D5 | C5/4 E5 D5 D5 | C5/1""",
            gain=0.9,
            pan=0.1,
        ),
        Backing("harp", "b 0 1 2 3 2 1 0", step=8, gain=0.8, pan=-0.3, low=55, ring=True),
    ),
)

STILLE_NACHT = Piece(
    title="Stille Nacht, heilige Nacht",
    composer="Franz Xaver Gruber (1787–1863)",
    metre="6/8",
    tempo=84,
    room=0.34,
    chords="C | C | G7 | C | F | C | F | C | G7 | C | C G7 | C",
    players=(
        Voice(
            "bell",
            """G5/8. A5/16 G5/8 E5/4. | G5/8. A5/16 G5/8 E5/4. | D6/4 D6/8 B5/4. | C6/4 C6/8 G5/4. |
            A5/4 A5/8 C6/8. B5/16 A5/8 | G5/8. A5/16 G5/8 E5/4. |
            A5/4 A5/8 C6/8. B5/16 A5/8 | G5/8. A5/16 G5/8 E5/4. |
            D6/4 D6/8 F6/8. D6/16 B5/8 | C6/4. E6 | C6/8. G5/16 E5/8 G5/8. F5/16 D5/8 | C5/2.""",
            gain=0.5,
            pan=0.2,
        ),
        Backing("organ", "*", step=1, gain=0.4, low=55, ring=True),
        Backing("organ", "b", step=1, gain=0.45, low=55, ring=True),
        Backing("harp", "b 1 2 3 2 1", step=8, gain=0.5, pan=-0.35, low=60, ring=True),
    ),
)

ODE = Piece(
    title="Ode an die Freude",
    composer="Ludwig van Beethoven (1770–1827)",
    metre="4/4",
    tempo=152,
    chords="""C | G | C | C G | C | G | C | G C |
        G C | G C | G E7 | Am D7 G G | C | G | C | G C""",
    players=(
        Voice(
            "strings",
            """E5/4 E5 F5 G5 | G5 F5 E5 D5 | C5 C5 D5 E5 | E5/4. D5/8 D5/2 |
            E5/4 E5 F5 G5 | G5 F5 E5 D5 | C5 C5 D5 E5 | D5/4. C5/8 C5/2 |
            D5/4 D5 E5 C5 | D5 E5/8 F5 E5/4 C5 | D5 E5/8 F5 E5/4 D5 | C5 D5 G4/2 |
            E5/4 E5 F5 G5 | G5 F5 E5 D5 | C5 C5 D5 E5 | D5/4. C5/8 C5/2""",
            gain=0.8,
        ),
        Backing("organ", "*", step=1, gain=0.3, pan=-0.2, low=55, ring=True),
        Backing("bass", "b . 2 .", step=4, gain=1.1, low=48),
    ),
)

DRUNKEN_SAILOR = Piece(
    title="What Shall We Do with the Drunken Sailor",
    composer="Traditional sea shanty",
    metre="2/4",
    tempo=108,
    chords=" | ".join(["Dm | Dm | C | C | Dm | Dm | C | Dm"] * 2),
    players=(
        Voice(
            "accordion",
            """A4/8 A4/16 A4 A4/8 A4/16 A4 | A4/8 D4 F4 A4 | G4/8 G4/16 G4 G4/8 G4/16 G4 | G4/8 C4 E4 G4 |
            A4/8 A4/16 A4 A4/8 A4/16 A4 | A4/8 B4 C5 D5 | C5 A4 G4 E4 | D4/4 D4 |
            A4/4 A4/8. A4/16 | A4/8 D4 F4 A4 | G4/4 G4/8. G4/16 | G4/8 C4 E4 G4 |
            A4/4 A4/8. A4/16 | A4/8 B4 C5 D5 | C5 A4 G4 E4 | D4/4 D4""",
            gain=0.7,
            pan=-0.15,
        ),
        Voice(
            "violin",
            """D5/4 D5/8. D5/16 | D5/8 A4 D5 F5 | C5/4 C5/8. C5/16 | C5/8 G4 C5 E5 |
            D5/4 D5/8. D5/16 | D5/8 D5 E5 F5 | E5 C5 B4 G4 | A4/4 A4""",
            gain=0.5,
            pan=0.4,
            enters=8,
        ),
        Backing("guitar", "b *", step=8, gain=0.5, pan=0.2, low=53),
        Backing("drums", "t h t h", step=8, gain=0.5),
    ),
)
