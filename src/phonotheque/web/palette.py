"""The colours of pages and plots, by light and by dark.

Blue, orange and grey stay apart for every kind of colour vision, and differ in lightness as well. Text has a
contrast of at least 4.5 to its ground, shapes of at least 3 (WCAG 2.2 §1.4.3, §1.4.11); tests compute both.
"""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Palette:
    """Colours by what they are for, as #rrggbb."""

    paper: str
    sheet: str  # of boxes that lie on the paper
    ink: str
    quiet: str  # secondary text, labels of axes
    rule: str  # hairlines that carry no meaning
    blue: str
    orange: str
    grey: str


LIGHT = Palette(
    paper="#faf8f3",
    sheet="#ffffff",
    ink="#22252a",
    quiet="#575c64",
    rule="#dcd8ce",
    blue="#1d5c96",
    orange="#b4530a",
    grey="#696e76",
)
DARK = Palette(
    paper="#16181b",
    sheet="#1e2125",
    ink="#ebe8e1",
    quiet="#aeb2b9",
    rule="#383c42",
    blue="#84b8ea",
    orange="#f0a35c",
    grey="#8d929a",
)


def variables(palette: Palette) -> str:
    """Return CSS custom properties, one per colour."""
    return " ".join(f"--{field.name}: {getattr(palette, field.name)};" for field in fields(palette))


def plots_in_dark() -> str:
    """Return the CSS rules that give plots, drawn in the light palette, the dark one's colours."""
    rules = []
    for field in fields(Palette):
        light, dark = getattr(LIGHT, field.name), getattr(DARK, field.name)
        rules += [f'svg [{paint}="{light}"] {{ {paint}: {dark}; }}' for paint in ("fill", "stroke")]
    return "\n".join(rules)
