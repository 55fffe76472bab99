"""What a visitor sees of a page: its words, its links, and what it says to machines."""

from __future__ import annotations

import json
import re
from html import unescape
from typing import Any


def words(page: str) -> str:
    """Return the text of a page's content, with single spaces."""
    (content,) = re.findall(r"<main.*?</main>", page, re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", content)).split())


def links(page: str) -> set[str]:
    """Return where the links of a page's content lead."""
    (content,) = re.findall(r"<main.*?</main>", page, re.DOTALL)
    return {unescape(href) for href in re.findall(r'<a [^>]*?href="([^"]*)"', content)}


def described(page: str) -> dict[str, Any]:
    """Return the JSON-LD of a page, of which there must be one."""
    (text,) = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    found: dict[str, Any] = json.loads(text)
    return found


def head(page: str, name: str) -> str:
    """Return the content of a meta element, by its name or property."""
    (content,) = re.findall(rf'<meta (?:name|property)="{name}" content="([^"]*)"', page)
    return unescape(content)
