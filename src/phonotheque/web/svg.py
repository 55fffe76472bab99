"""Drawings that may be set into a page: shapes and text, nothing that acts or refers elsewhere."""

from __future__ import annotations

from html.parser import HTMLParser

from markupsafe import Markup, escape

_ELEMENTS = frozenset(("g", "path", "line", "rect", "circle", "text", "tspan"))
_ATTRIBUTES = frozenset(
    (
        "d",
        "x",
        "y",
        "x1",
        "y1",
        "x2",
        "y2",
        "dx",
        "dy",
        "cx",
        "cy",
        "r",
        "width",
        "height",
        "transform",
        "fill",
        "fill-opacity",
        "opacity",
        "stroke",
        "stroke-width",
        "stroke-opacity",
        "stroke-dasharray",
        "stroke-linejoin",
        "stroke-linecap",
        "text-anchor",
        "font-size",
        "font-weight",
        "font-style",
    )
)
_DEFAULTS = {("opacity", "1"), ("fill-opacity", "1"), ("stroke-opacity", "1"), ("stroke-width", "0")}


def embeddable(svg: str, label: str) -> Markup:
    """Return an SVG document as an element for a page, with ``label`` as its text alternative.

    Only elements and attributes that draw are kept. The size becomes that of the view box, so that the page
    decides how large it is shown.
    """
    cleaner = _Cleaner()
    cleaner.feed(svg)
    cleaner.close()
    drawing = Markup('<svg viewBox="{}" role="img" aria-label="{}">{}</svg>')
    return drawing.format(cleaner.view_box, label, Markup("").join(cleaner.parts))


class _Cleaner(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.view_box = ""
        self.parts: list[Markup] = []
        self._dropped = 0  # how many elements that are left out we are inside

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "svg" and not self.view_box:
            self.view_box = dict(attrs).get("viewbox") or ""
        elif self._dropped or not _draws(tag, attrs):
            self._dropped += 1
        else:
            self.parts.append(Markup("<{}{}>").format(tag, _kept(attrs)))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self._dropped and _draws(tag, attrs):
            self.parts.append(Markup("<{}{}/>").format(tag, _kept(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if self._dropped:
            self._dropped -= 1
        elif tag in _ELEMENTS:
            self.parts.append(Markup("</{}>").format(tag))

    def handle_data(self, data: str) -> None:
        if not self._dropped:
            self.parts.append(escape(data))


def _draws(tag: str, attrs: list[tuple[str, str | None]]) -> bool:
    empty_path = tag == "path" and dict(attrs).get("d") in ("", None, "M0,0h0v0h0Z")
    return tag in _ELEMENTS and ("display", "none") not in attrs and not empty_path


def _kept(attrs: list[tuple[str, str | None]]) -> Markup:
    kept = (item for item in attrs if item[0] in _ATTRIBUTES and item not in _DEFAULTS and item[1])
    return Markup("").join(Markup(' {}="{}"').format(name, value) for name, value in kept)
