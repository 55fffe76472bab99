"""Conflicts of the catalogue in the words of the visitor: what is in doubt, what disagrees, what was done.

In English it is what catalogue.conflicts says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from phonotheque.catalogue.conflicts import Explainable, explain
from phonotheque.model.errors import VerificationError


def doubt(conflict: Explainable, language: str) -> str:
    """Return a conflict as plain sentences. Titles and names are as they are: clean them for display.

    Raises VerificationError when its detail is not the JSON that it should be.
    """
    english = explain(conflict)
    if language == "en":
        return english
    return _French(conflict).told()


class _French:
    """A conflict told in French: other words, and an order of its own."""

    def __init__(self, conflict: Explainable) -> None:
        self._of = conflict
        try:
            detail = json.loads(conflict.detail)
        except (ValueError, RecursionError) as error:
            raise VerificationError(f"conflicts: the detail of {conflict.kind} is no JSON.") from error
        self._detail: Mapping[str, Any] = detail if isinstance(detail, dict) else {}
        self.a, self.b = self._side(0), self._side(1)
        self.disagree = self._texts("disagree")

    def told(self) -> str:
        kind = self._of.kind
        words = _WORDS.get(kind, _other)(self._of.evidence, self)
        return " ".join([words[0].upper() + words[1:], *self._more(kind not in ("tokens", "registrant"))])

    def rate(self) -> float:
        a, b = self._values("durations_ms", 0), self._values("durations_ms", 1)
        return a / b if isinstance(a, int) and isinstance(b, int) and a > 0 and b > 0 else 1.0

    def _more(self, of_two: bool) -> list[str]:
        found = []
        fields = [_FIELDS[word] for word in self.disagree if word in _FIELDS]
        if fields and of_two:
            several = len(fields) > 1 or fields == [_FIELDS["artist"]]
            verb = "diffèrent" if several else "diffère"
            listed = _listed(fields)
            found.append(f"{listed[0].upper()}{listed[1:]} {verb}.")
        if "speed" in self.disagree and self._of.kind != "speed":
            found.append("Les durées sont celles d’un même enregistrement à deux vitesses.")
        if self._detail.get("uncorroborated") is True:
            sources = list(dict.fromkeys(self._texts("sources")))
            named = f"\u00a0: {_listed(sources)}" if sources else ""
            found.append(f"Une seule source le dit{named}.")
        if of_two:
            one = self._detail.get("merged") is True
            found.append(
                "Ils sont tenus pour un seul enregistrement."
                if one
                else "Ils restent deux enregistrements distincts."
            )
        return found

    def _texts(self, field: str) -> list[str]:
        value = self._detail.get(field)
        return [str(text) for text in value] if isinstance(value, list) else []

    def _values(self, field: str, side: int) -> Any:
        values = self._detail.get(field)
        return values[side] if isinstance(values, list) and len(values) > side else None

    def _side(self, side: int) -> str:
        title, artist, ms = (self._values(field, side) for field in ("titles", "artists", "durations_ms"))
        clock = f"\u00a0({round(ms / 1000) // 60}:{round(ms / 1000) % 60:02})" if isinstance(ms, int) else ""
        what = f"«\u00a0{title}\u00a0»" if title else "une piste sans titre"
        by = f", par {artist}" if artist else ""
        return f"{what}{by}{clock}"


_FIELDS: Final = {
    "duration": "la durée",
    "artist": "les artistes",
    "recording_mbid": "l’identifiant MusicBrainz",
}


def _isrc(evidence: str, of: _French) -> str:
    return f"l’ISRC {evidence} figure sur {of.a} et sur {of.b}."


def _sound(_evidence: str, of: _French) -> str:
    return f"le même son est décrit comme {of.a} et comme {of.b}."


def _title(_evidence: str, of: _French) -> str:
    return f"{of.a} et {of.b} ont même titre et mêmes artistes, et sont peut-être un seul enregistrement."


def _fingerprint(_evidence: str, of: _French) -> str:
    if "artist" in of.disagree:
        copied = "l’un est peut-être une copie de l’autre"
        return f"{of.a} sonne comme {of.b}, par d’autres personnes\u00a0: {copied}."
    return f"{of.a} et {of.b} sonnent de même, et sont peut-être un seul enregistrement."


def _speed(_evidence: str, of: _French) -> str:
    rate = of.rate()
    how = "à une autre vitesse"
    if round(rate, 2) != 1:
        number = f"{rate:.2f}".replace(".", ",")
        how = f"{'joué' if rate > 1 else 'ralenti'} à {number} fois sa vitesse"
    return f"{of.b} est peut-être {of.a} {how}."


def _registrant(evidence: str, of: _French) -> str:
    return (
        f"{of.b} porte un ISRC du déclarant {evidence}, comme rien d’autre de cet artiste\u202f; les autres "
        f"sont comme celui de {of.a}. Il est peut-être de quelqu’un d’autre, ou seulement d’un autre label."
    )


def _tokens(_evidence: str, of: _French) -> str:
    return f"le titre de {of.a} parle d’une altération."


def _other(_evidence: str, of: _French) -> str:
    return f"{of.a} et {of.b} sont dans le doute."


_WORDS: Final[Mapping[str, Callable[[str, _French], str]]] = {
    "isrc": _isrc,
    "sound": _sound,
    "title": _title,
    "fingerprint": _fingerprint,
    "speed": _speed,
    "registrant": _registrant,
    "tokens": _tokens,
}


def _listed(words: Sequence[str]) -> str:
    return " et ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))
