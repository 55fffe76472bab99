"""Plots as files that are ready before anybody asks: named by what they show, drawn when figures are renewed.

For pages, SVG for wide and for narrow screens, by light and by dark; to take away, SVG and PNG with their
titles, on paper. Nothing here imports what draws but :func:`draw_all`: that takes seconds, and a server
never does it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from hashlib import sha256
from pathlib import Path
from typing import Final

from phonotheque.vault.archive import Archive
from phonotheque.vault.place import write_durably
from phonotheque.web.charts import Chart
from phonotheque.web.looking.kept import Kept, folder_of
from phonotheque.web.looking.telling import KEYS, tell
from phonotheque.web.looking.voice import Voice, voice
from phonotheque.web.palette import DARK, LIGHT, Palette
from phonotheque.web.room.languages import LANGUAGES

THEMES: Final = ("light", "dark")
_VERSION: Final = "1"  # of how charts are drawn: another one, and all are drawn anew
_NAME: Final = re.compile(r"[0-9a-f]{24}(-(light|dark))?\.(svg|png)")
_LETTERS: Final = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">{}</svg>'
_A_LETTER: Final = '<text x="1" y="8" font-family="sans-serif" font-size="9">M</text>'
_SCALE: Final = 2.0  # pixels of a PNG for one of SVG


@dataclass(frozen=True, slots=True)
class Drawing:
    """The names of a chart's drawings in a language."""

    wide: str
    narrow: str
    alone: str

    @classmethod
    def of(cls, chart: Chart, language: str) -> Drawing:
        """Return the names of the drawings of a chart as it is now."""
        shown = (_VERSION, language, chart.data)
        return cls(_digest(*shown, "wide"), _digest(*shown, "narrow"), _digest(*shown, "alone", chart.title))

    def files(self) -> Iterator[str]:
        """Yield the names of all files but the PNG, which takes letters that a machine may not have."""
        for name in (self.wide, self.narrow):
            for theme in THEMES:
                yield f"{name}-{theme}.svg"
        yield f"{self.alone}.svg"


def drawing_of(archive: Archive, chart: Chart, told: Voice) -> Drawing | None:
    """Return the names of a chart's drawings; None where there are none, or not yet."""
    if chart.data is None:
        return None
    drawing = Drawing.of(chart, told.language)
    folder = _folder(archive)
    return drawing if all((folder / name).is_file() for name in drawing.files()) else None


def drawn(archive: Archive, name: str) -> Path | None:
    """Return the file of a drawing by its name, None if there is no such drawing."""
    path = _folder(archive) / name
    return path if _NAME.fullmatch(name) and path.is_file() else None


def draw_all(archive: Archive, kept: Kept) -> int:
    """Draw what is not drawn yet, in every language; return how many charts that were."""
    folder = _folder(archive)
    folder.mkdir(parents=True, exist_ok=True)
    lacking = [(chart, told) for chart, told in _charts(kept) if drawing_of(archive, chart, told) is None]
    for chart, told in lacking:
        _draw(folder, chart, Drawing.of(chart, told.language), told)
    return len(lacking)


def clear_drawings(archive: Archive, *shown: Kept) -> None:
    """Remove drawings that show nothing of these."""
    names = set[str]()
    for kept in shown:
        for chart, told in _charts(kept):
            drawing = Drawing.of(chart, told.language)
            names |= {*drawing.files(), f"{drawing.alone}.png"}
    for path in _folder(archive).iterdir():
        if path.name not in names:
            path.unlink()


def _charts(kept: Kept) -> Iterator[tuple[Chart, Voice]]:
    """Yield every chart that can be drawn, in every language."""
    for language in LANGUAGES:
        told = voice(language)
        for key in KEYS:
            if key in kept.counts and (chart := tell(kept.counts[key], told)).data is not None:
                yield chart, told


def _draw(folder: Path, chart: Chart, drawing: Drawing, told: Voice) -> None:
    from phonotheque.web.plots import NARROW, svg_of, wide_of

    for name, width in ((drawing.wide, wide_of(chart)), (drawing.narrow, NARROW)):
        svg = svg_of(chart, width, told)
        for theme, palette in zip(THEMES, (LIGHT, DARK), strict=True):
            write_durably(folder / f"{name}-{theme}.svg", _file(_recoloured(svg, palette)))
    svg = svg_of(chart, wide_of(chart), told, alone=True)
    if png := _png(svg):
        write_durably(folder / f"{drawing.alone}.png", png)
    write_durably(folder / f"{drawing.alone}.svg", _file(svg))


def _recoloured(svg: str, palette: Palette) -> str:
    """Return a drawing in the colours of another palette; of texts, none is within quotes like these."""
    turned = {getattr(LIGHT, field.name): getattr(palette, field.name) for field in fields(Palette)}
    paints = re.compile('(fill|stroke)="(' + "|".join(map(re.escape, turned)) + ')"')
    return paints.sub(lambda found: f'{found[1]}="{turned[found[2]]}"', svg)


def _file(svg: str) -> bytes:
    """Return a drawing whose letters everybody can see."""
    return svg.replace('font-family="Roboto"', 'font-family="Roboto, system-ui, sans-serif"').encode()


def _png(svg: str) -> bytes | None:
    """Return a drawing as a PNG; None where the system has no font at all, so that letters would lack."""
    import vl_convert

    with_letter, without = (vl_convert.svg_to_png(_LETTERS.format(text)) for text in (_A_LETTER, ""))
    if with_letter == without:
        return None
    readable = svg.replace('font-family="Roboto"', 'font-family="sans-serif"')
    png: bytes = vl_convert.svg_to_png(readable, scale=_SCALE)
    return png


def _digest(*shown: object) -> str:
    return sha256(repr(shown).encode("utf-8", "replace")).hexdigest()[:24]


def _folder(archive: Archive) -> Path:
    return folder_of(archive) / "drawn"
