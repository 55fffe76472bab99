"""What may be wrong with a query of ``--only``, in the words of the page: each language has its own."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

_SAID: Final = re.compile(r"[^:]*: “(?P<term>.*)” (?P<what>.*)\.", re.DOTALL)


def _(sentence: str) -> str:
    """Mark a sentence that a page tells in the visitor's language."""
    return sentence


# By the beginning of what mirrors.only says.
_WHAT: Final = {
    "has a quotation mark": _("“%(term)s” has a quotation mark without its other half."),
    "can stand once": _("“%(term)s” can stand once, and without a minus."),
    "names no field that": _("“%(term)s” begins with no word that there is."),
    "names no field": _("“%(term)s” lacks the word before the colon, as in licence:cc0."),
    "has no value": _("“%(term)s” has nothing, or a gap, after its colon."),
    "names none of the waves": _("“%(term)s”: waves are catalogue, audio and artwork."),
    "names none of the kinds": _("“%(term)s”: kinds are master, access, sidecar and catalogue."),
    "names a recording": _("“%(term)s”: a recording is named by its id, a UUID."),
    "names no territory": _("“%(term)s”: an audience is WORLD, or codes of countries."),
    "has a range": _("“%(term)s” is a range in which nothing lies."),
    "has no size": _("“%(term)s”: a size is written like 200MB or 32GiB."),
    "has no year": _("“%(term)s”: a year has four digits."),
    "has no number": _("“%(term)s”: a number has digits only."),
    "is no share": _("“%(term)s”: a share is from 1% to 100%."),
}
_TOO_LONG: Final = _("This is too long.")
_ELSE: Final = _("“%(term)s” makes no sense.")


def told(message: str, gettext: Callable[[str], str]) -> str:
    """Return what is wrong, as a sentence in the language of ``gettext``."""
    said = _SAID.fullmatch(message)
    if said is None:
        return gettext(_TOO_LONG)
    found = next((text for begin, text in _WHAT.items() if said["what"].startswith(begin)), _ELSE)
    return gettext(found).replace("%(term)s", said["term"])
