"""Elements of a DDEX message, found by their names without namespace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from phonotheque.sources.small_files import local_name


def elements(element: Any, *path: str) -> Iterator[Any]:
    """Yield the elements at a path of names below an element."""
    for child in element:
        if local_name(child) == path[0]:
            if len(path) == 1:
                yield child
            else:
                yield from elements(child, *path[1:])


def text_of(element: Any, *path: str) -> str:
    """Return the first text that is not empty at a path of names, else an empty one."""
    return next((text for found in elements(element, *path) if (text := content_of(found))), "")


def content_of(element: Any) -> str:
    """Return all text in an element."""
    return "".join(element.itertext()).strip()
