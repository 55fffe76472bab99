"""Fields of an ``edition.json`` while it is read from a stranger: each is checked, errors name it."""

from __future__ import annotations

import re
import uuid
from datetime import datetime
from typing import Any

from phonotheque.model.errors import VerificationError
from phonotheque.model.territory import parse_territory
from phonotheque.vault.names import check_portable

LINE = re.compile(r"[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]{1,500}")
_LARGEST = 2**63 - 1


class Fields:
    """One JSON object being read; every answer is checked, every error names the field."""

    def __init__(self, value: Any, where: str) -> None:
        if not isinstance(value, dict):
            raise wrong(where, "is not a JSON object")
        self._value = value
        self._prefix = "" if where == "the edition" else f"{where}."

    def get(self, key: str) -> Any:
        """Return a value, of any kind."""
        if key not in self._value:
            raise wrong(self._prefix + key, "is missing")
        return self._value[key]

    def text(self, key: str, pattern: re.Pattern[str]) -> str:
        """Return a text of a form."""
        value = self.get(key)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise wrong(self._prefix + key, f"is not of the expected form: {value!r:.80}")
        return value

    def texts(self, key: str, pattern: re.Pattern[str]) -> list[str]:
        """Return a list of texts of a form."""
        values = self.get(key)
        if not isinstance(values, list):
            raise wrong(self._prefix + key, "is not a list")
        listed = Fields(dict(zip(map(str, range(len(values))), values, strict=True)), self._prefix + key)
        return [listed.text(number, pattern) for number in listed._value]

    def territory(self, key: str) -> str:
        """Return a territory as it is written (model.territory)."""
        value = self.text(key, LINE)
        try:
            same = str(parse_territory(value)) == value
        except ValueError:
            same = False
        if not same:
            raise wrong(self._prefix + key, f"is no territory: {value!r:.80}")
        return value

    def count(self, key: str, *, least: int = 0) -> int:
        """Return a whole number."""
        value = self.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= _LARGEST:
            raise wrong(self._prefix + key, f"is not a whole number of at least {least}: {value!r:.80}")
        return value

    def uuid(self, key: str) -> str:
        """Return a UUID."""
        value = self.text(key, LINE)
        try:
            same = str(uuid.UUID(value)) == value
        except ValueError:
            same = False
        if not same:
            raise wrong(self._prefix + key, f"is not a UUID: {value!r:.80}")
        return value

    def date(self, key: str) -> str:
        """Return a time in UTC."""
        value = self.text(key, LINE)
        try:
            same = datetime.strptime(value, "%Y-%m-%dT%H:%M:%S%z").strftime("%Y-%m-%dT%H:%M:%SZ") == value
        except ValueError:
            same = False
        if not same:
            raise wrong(self._prefix + key, f"is not a time in UTC like 2026-11-21T10:15:00Z: {value!r:.80}")
        return value

    def path(self, key: str) -> str:
        """Return a path under ``editions/``."""
        value = self.text(key, LINE)
        if reason := check_portable(value):
            raise wrong(self._prefix + key, f"cannot be used as a path: {reason}")
        if not value.startswith("editions/"):
            raise wrong(self._prefix + key, f"does not lie under editions/: {value!r:.80}")
        return value

    def segment(self, key: str) -> str:
        """Return a name without slashes."""
        value = self.text(key, LINE)
        if reason := check_portable(value) or ("it has a slash" if "/" in value else None):
            raise wrong(self._prefix + key, f"cannot be used as a name: {reason}")
        return value

    def table(self, key: str) -> Fields:
        """Return an object."""
        return Fields(self.get(key), self._prefix + key)

    def tables(self, key: str) -> list[Fields]:
        """Return a list of objects."""
        value = self.get(key)
        if not isinstance(value, list):
            raise wrong(self._prefix + key, "is not a list")
        return [Fields(item, f"{self._prefix}{key}[{i}]") for i, item in enumerate(value)]


def wrong(where: str, what: str) -> VerificationError:
    """Return the error for one field."""
    return VerificationError(
        f"edition.json: {where} {what}.", "The publisher must correct it; what is held stays."
    )
