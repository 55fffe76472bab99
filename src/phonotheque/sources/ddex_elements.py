"""Elements of a DDEX message, found by their names without namespace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def ids_of(release_ids: Iterable[Any]) -> tuple[tuple[str, str], ...]:
    """Return the ids that tell releases apart, the strongest first, each with its kind.

    Kinds are ``icpn``, ``other`` (a GRid, or a sender's own with its namespace) and ``isrc``.
    """
    found: list[tuple[str, str]] = []
    every = list(release_ids)
    for kind, name in (("icpn", "ICPN"), ("other", "GRid"), ("other", "ProprietaryId"), ("isrc", "ISRC")):
        for each in (element for release_id in every for element in elements(release_id, name)):
            if text := content_of(each):
                own = f"{each.get('Namespace', '')}:" if name == "ProprietaryId" else ""
                found.append((kind, f"{own}{text}"))
    return tuple(dict.fromkeys(found))
