"""Reading JSON from strangers so that it means one thing: of equal names, readers take one or the other."""

from __future__ import annotations

import json
from typing import Any


def read_json(data: bytes) -> Any:
    """Return what JSON says. Raises ValueError if it is none or a name comes twice in an object, and
    RecursionError for what is nested too deeply.
    """
    return json.loads(data, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name {twice!r:.40} is there twice")
    return found
