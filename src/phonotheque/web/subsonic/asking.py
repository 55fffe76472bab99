"""What a player asks for: the parameters of one call, from its address and its form, each within bounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

from phonotheque.web.subsonic.answers import CallError, Code

BODY: Final = 256 * 1024  # bytes of a form: thousands of ids
_FIELDS: Final = 6000
_VALUE: Final = 2000  # characters
_FORM: Final = "application/x-www-form-urlencoded"
_NUMBER: Final = 2**31 - 1


class Parameters:
    """The parameters of one call, those of its address first."""

    def __init__(self, pairs: Sequence[tuple[str, str]]) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def text(self, name: str, default: str = "") -> str:
        """Return a parameter, or what it is where it is not given."""
        return self._values.get(name, [default])[0]

    def given(self, name: str) -> bool:
        """Whether a parameter is there at all, perhaps empty."""
        return name in self._values

    def required(self, name: str) -> str:
        """Return a parameter; CallError where it is missing."""
        value = self.text(name)
        if not value:
            raise CallError(Code.MISSING, f"Required parameter is missing: {name}.")
        return value

    def all(self, name: str) -> list[str]:
        """Return every value of a parameter."""
        return self._values.get(name, [])

    def number(self, name: str, default: int, *, most: int = _NUMBER, least: int = 0) -> int:
        """Return a whole number, cut to what is offered. CallError where it is none."""
        found = whole(self.text(name), name)
        return default if found is None else max(least, min(found, most))

    def numbers(self, name: str) -> list[int]:
        """Return every value of a parameter as a whole number."""
        return [number for each in self.all(name) if (number := whole(each, name)) is not None]

    def truth(self, name: str) -> bool | None:
        """Return "true" or "false" as it is meant; None where it is not given."""
        text = self.text(name).lower()
        if text not in ("", "true", "false"):
            raise CallError(Code.GENERIC, f"{name} must be true or false.")
        return text == "true" if text else None


def whole(text: str, name: str) -> int | None:
    """Return a whole number; None for an empty text. CallError where it is none."""
    if not text:
        return None
    bare = text.removeprefix("-")
    if not (bare.isascii() and bare.isdecimal() and len(bare) <= 20):
        raise CallError(Code.GENERIC, f"{name} must be a whole number.")
    return int(text)


async def read(request: Request) -> Parameters:
    """Return the parameters of a request. CallError for what is too much, or is no form."""
    pairs = _parsed(request.url.query.encode())
    if request.method == "POST":
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        body = await _body(request)
        if body and kind not in (_FORM, ""):
            raise CallError(Code.GENERIC, f"A body must be {_FORM}.")
        pairs += _parsed(body)
    return Parameters(pairs)


def _parsed(query: bytes) -> list[tuple[str, str]]:
    try:
        pairs = parse_qsl(
            query.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=_FIELDS, errors="replace"
        )
    except ValueError as error:
        raise CallError(Code.GENERIC, f"There are more than {_FIELDS} parameters.") from error
    if any(len(value) > _VALUE for _, value in pairs):
        raise CallError(Code.GENERIC, f"A parameter is longer than {_VALUE} characters.")
    return pairs


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > BODY:
            raise CallError(Code.GENERIC, f"The form is larger than {BODY} bytes.", status=413)
    return body
