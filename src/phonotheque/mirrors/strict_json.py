"""Reading JSON from strangers so that it means one thing: of equal names, readers take one or the other."""

from __future__ import annotations

import json
from typing import Any, Final

_LARGE: Final = 1024**2  # bytes; less than that cannot cost much, whatever it is
_PER_BRACKET: Final = 8  # bytes of what is large: whatever we write has several times as many


def read_json(data: bytes) -> Any:
    """Return what JSON says. Raises ValueError if it is none, if a name comes twice in an object, or if it is
    large and little but brackets, which take some 30 times their size in memory; RecursionError for what is
    nested too deeply.
    """
    if len(data) > _LARGE and _PER_BRACKET * (data.count(b"[") + data.count(b"{")) > len(data):
        raise ValueError("it is little but brackets")
    return json.loads(data, object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen = set[str]()
        for name, _ in pairs:
            if name in seen:
                raise ValueError(f"the name {name!r:.40} is there twice")
            seen.add(name)
    return found
