"""Writing XML of what others have written: every character that XML 1.0 does not have is replaced."""

from __future__ import annotations

import re
from typing import Final
from xml.etree import ElementTree

_LONGEST: Final = 10_000  # characters of one value
_NO_CHARACTERS: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0 §2.2


def clean(text: str) -> str:
    """Return a text as XML can have it: “�” stands for what it cannot, and very long ones are cut."""
    cut = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return _NO_CHARACTERS.sub("\ufffd", cut)


def add(
    parent: ElementTree.Element, name: str, text: str | None = None, **attributes: str
) -> ElementTree.Element:
    """Add an element with a text and attributes, all of them cleaned, and return it."""
    cleaned = {key.rstrip("_"): clean(value) for key, value in attributes.items()}
    element = ElementTree.SubElement(parent, name, cleaned)
    element.text = None if text is None else clean(text)
    return element


def written(root: ElementTree.Element) -> bytes:
    """Return a document as UTF-8."""
    data: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return data + b"\n"
