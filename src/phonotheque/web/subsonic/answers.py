"""Answers as players read them: XML as Subsonic wrote it, or JSON; and what an error is called."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Final
from xml.sax.saxutils import escape, quoteattr

from starlette.responses import Response

from phonotheque import __version__
from phonotheque.web.words import shown

VERSION: Final = "1.16.1"  # of the Subsonic API
_NAMESPACE: Final = "http://subsonic.org/restapi"
_TEXT: Final = "value"  # the attribute that XML has as the text of its element
_LONGEST: Final = 10_000  # characters of a text
_NO_XML: Final = {0xFFFE: 0xFFFD, 0xFFFF: 0xFFFD}  # XML 1.0 §2.2


class Code(IntEnum):
    """What went wrong, as players know it."""

    GENERIC = 0
    MISSING = 10
    CLIENT_TOO_OLD = 20
    SERVER_TOO_OLD = 30
    WRONG_LOGIN = 40
    NO_SUCH_LOGIN = 42
    TWO_LOGINS = 43
    WRONG_KEY = 44
    FORBIDDEN = 50
    NOT_FOUND = 70


class CallError(Exception):
    """A call that is answered with an error."""

    def __init__(self, code: Code, message: str, *, status: int = 200) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status
        self.headers: Mapping[str, str] = {}


def answer(content: Mapping[str, Any], form: str) -> Response:
    """Return a successful answer with some content, in the form "xml" or "json"."""
    return _response({"status": "ok", **_server(), **content}, form)


def failure(error: CallError, form: str) -> Response:
    """Return the answer that says what went wrong. Its status is 200, as players expect, but for files."""
    content = {"code": int(error.code), "message": error.message}
    response = _response({"status": "failed", **_server(), "error": content}, form)
    response.status_code = error.status
    response.headers.update(error.headers)
    return response


def _server() -> dict[str, Any]:
    return {"version": VERSION, "type": "phonotheque", "serverVersion": __version__, "openSubsonic": True}


def _response(content: Mapping[str, Any], form: str) -> Response:
    if form == "json":
        text = json.dumps({"subsonic-response": _clean(content)}, ensure_ascii=False, separators=(",", ":"))
        return Response(text, media_type="application/json")
    written: list[str] = ['<?xml version="1.0" encoding="UTF-8"?>\n']
    _write(written, "subsonic-response", {"xmlns": _NAMESPACE, **content})
    return Response("".join(written), media_type="text/xml")


def _write(to: list[str], name: str, value: Any) -> None:
    """Write an element: plain values as attributes, others as elements in it, lists as several elements."""
    if isinstance(value, list | tuple):
        for one in value:
            _write(to, name, one)
        return
    if not isinstance(value, Mapping):
        to.append(f"<{name}>{escape(_plain(value))}</{name}>")
        return
    kept = {key: each for key, each in value.items() if each is not None}
    plain = {key: each for key, each in kept.items() if not isinstance(each, Mapping | list | tuple)}
    attributes = "".join(f" {key}={quoteattr(_plain(each))}" for key, each in plain.items() if key != _TEXT)
    to.append(f"<{name}{attributes}>")
    if _TEXT in plain:
        to.append(escape(_plain(plain[_TEXT])))
    for key, each in kept.items():
        if key not in plain:
            _write(to, key, each)
    to.append(f"</{name}>")


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return _safe(value) if isinstance(value, str) else str(value)


def _clean(value: Any) -> Any:
    """Return what JSON is made of: other people's texts made safe to show, and nothing that is None."""
    if isinstance(value, Mapping):
        return {key: _clean(each) for key, each in value.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_clean(each) for each in value]
    return _safe(value) if isinstance(value, str) else value


def _safe(text: str) -> str:
    lines = (shown(line, _LONGEST) for line in text.split("\n"))
    return "\n".join(lines).translate(_NO_XML)
