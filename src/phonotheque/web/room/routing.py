"""The first part of the address of every page: its language."""

from __future__ import annotations

from typing import Final

from starlette.convertors import Convertor, register_url_convertor

from phonotheque.web.room.languages import LANGUAGES


class _Language(Convertor[str]):
    regex = "|".join(LANGUAGES)

    def convert(self, value: str) -> str:
        return value

    def to_string(self, value: str) -> str:
        return value


register_url_convertor("language", _Language())
LANGUAGE: Final = "/{language:language}"
