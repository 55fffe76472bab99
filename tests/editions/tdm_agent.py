"""A reader of tdmrep.json of its own, after the W3C's text: which rule counts for an address."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote


def decided(rules: list[dict[str, Any]], address: str, *, longest: bool) -> bool | None:
    """Whether an address is reserved: by the first rule that matches, or, as for robots.txt, the longest."""
    matching = [rule for rule in rules if _matches(rule["location"], address)]
    if not matching:
        return None
    rule = max(matching, key=lambda rule: len(rule["location"])) if longest else matching[0]
    return bool(rule["tdm-reservation"])


def reserved(content: bytes, bag: str, path: str) -> bool | None:
    """Whether a file is reserved; both ways of reading must agree."""
    rules = json.loads(content)
    assert isinstance(rules, list)
    for rule in rules:
        assert set(rule) <= {"location", "tdm-reservation", "tdm-policy"}
        assert rule["tdm-reservation"] in (0, 1)
    address = f"/bags/{bag}/{quote(path)}"
    first, longest = (decided(rules, address, longest=way) for way in (False, True))
    assert first == longest
    return first


def _matches(location: str, address: str) -> bool:
    pattern = "".join(".*" if part == "*" else re.escape(part) for part in re.split(r"(\*)", location))
    if location.endswith("$"):
        return re.fullmatch(pattern.removesuffix(re.escape("$")), address) is not None
    return re.match(pattern, address) is not None
