"""Music for one piano: a prelude, a bagatelle, a rag, and something slow."""

from __future__ import annotations

from phonotheque.cli.demo.score import Backing, Piece, Voice


def _rolled(figures: str) -> str:
    """Spell out bars of five pitches: all five, the upper three again, and all that twice."""
    bars = []
    for figure in figures.split("|"):
        pitches = figure.split()
        bars.append(" ".join(f"{pitch}/16" for pitch in (*pitches, *pitches[2:]) * 2))
    return " | ".join(bars)


PRELUDE = Piece(
    title="Praeludium C-Dur, BWV 846",
    composer="Johann Sebastian Bach (1685–1750)",
    metre="4/4",
    tempo=96,
    players=(
        Voice(
            "piano",
            _rolled(
                """C4 E4 G4 C5 E5 | C4 D4 A4 D5 F5 | B3 D4 G4 D5 F5 | C4 E4 G4 C5 E5 | C4 E4 A4 E5 A5 |
                C4 D4 F#4 A4 D5 | B3 D4 G4 D5 G5 | B3 C4 E4 G4 C5 | A3 C4 E4 G4 C5 | D3 A3 D4 F#4 C5"""
            )
            + " | G3,B3,D4,G4,B4/1",
        ),
        # the two lowest of each figure are held down
        Voice(
            "piano",
            "C3/2 C3 | C3 C3 | B2 B2 | C3 C3 | C3 C3 | C3 C3 | B2 B2 | B2 B2 | A2 A2 | D3 D3 | G2/1",
            gain=0.4,
        ),
    ),
)

_ELISE = """E5/16 D#5 E5 B4 D5 C5 | A4/8 R/16 C4 E4 A4 | B4/8 R/16 E4 G#4 B4 | C5/8 R/16 E4 E5 D#5 |
    E5 D#5 E5 B4 D5 C5 | A4/8 R/16 C4 E4 A4 | B4/8 R/16 E4 C5 B4"""
_ELISE_LEFT = """R/4. | A2/16 E3 A3 R/8. | E2/16 E3 G#3 R/8. | A2/16 E3 A3 R/8. |
    R/4. | A2/16 E3 A3 R/8. | E2/16 E3 G#3 R/8."""

FUR_ELISE = Piece(
    title="Für Elise",
    composer="Ludwig van Beethoven (1770–1827)",
    metre="3/8",
    tempo=74,
    players=(
        Voice(
            "piano",
            f"""E5/16 D#5 | {_ELISE} | A4/8 R/16 B4 C5 D5 |
            E5/8. G4/16 F5 E5 | D5/8. F4/16 E5 D5 | C5/8. E4/16 D5 C5 |
            B4/8 R/16 E4 E5 R | R E5 E6 R R D#5 | E5 R R D#5 E5 D#5 | {_ELISE} | A4/4.""",
            pan=0.2,
        ),
        Voice(
            "piano",
            f"""{_ELISE_LEFT} | A2/16 E3 A3 R/8. |
            C3/16 G3 C4 R/8. | G2/16 G3 B3 R/8. | A2/16 E3 A3 R/8. |
            E2/16 E3 E4 R/8. | R/4. | R/4. | {_ELISE_LEFT} | A2/16 E3 A3/4""",
            gain=0.62,
            pan=-0.2,
        ),
    ),
)

ENTERTAINER = Piece(
    title="The Entertainer",
    composer="Scott Joplin (1868–1917)",
    metre="2/4",
    tempo=80,
    chords="""C C7 | F | C G7 | C | C C7 | F D7 | D7 | G7 |
        C C7 | F | C G7 | C C7 | F C7 | F G7 | C G7 | C""",
    players=(
        Voice(
            "piano",
            """D4/16 D#4 |
            E4 C5/8 E4/16 C5/8 E4/16 C5~ | C5/4 R/16 C5 D5 D#5 |
            E5 C5 D5 E5/8 B4/16 D5/8 | C5/4 R/8 D4/16 D#4 |
            E4 C5/8 E4/16 C5/8 E4/16 C5~ | C5/4+16 R/16 A4 G4 |
            F#4 A4 C5 E5/8 D5/16 C5 A4 | D5/4 R/8 D4/16 D#4 |
            E4 C5/8 E4/16 C5/8 E4/16 C5~ | C5/4 R/16 C5 D5 D#5 |
            E5 C5 D5 E5/8 B4/16 D5/8 | C5/4 R/8 C5/16 D5 |
            E5 C5 D5 E5/8 C5/16 D5 C5 | E5 C5 D5 E5/8 C5/16 D5 C5 |
            E5 C5 D5 E5/8 B4/16 D5/8 | C5/4 C5,E5,G5,C6/8 R""",
            pan=0.15,
        ),
        Backing("piano", "b *", step=8, gain=0.45, pan=-0.2, low=53),
    ),
)

GYMNOPEDIE = Piece(
    title="Gymnopédie nº 1",
    composer="Erik Satie (1866–1925)",
    metre="3/4",
    tempo=80,
    room=0.3,
    players=(
        Voice(
            "piano",
            "R/2. | R | R/4 F#5 A5 | G5 F#5 C#5 | B4 C#5 D5 | A4/2. | F#4/2.~ | F#4",
        ),
        Voice("piano", "G2/2. | D3 | G2/2. | D3 | G2/2. | D3 | G2/2. | D3", gain=0.55),
        Voice(
            "piano",
            "R/4 B3,D4,F#4/2 | R/4 A3,C#4,F#4/2 | " * 3 + "R/4 B3,D4,F#4/2 | R/4 A3,C#4,F#4/2",
            gain=0.4,
        ),
    ),
)
