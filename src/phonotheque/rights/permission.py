"""Words by which artists let their music be traded: "non-commercial trading of our concerts is permitted".

Such words are no licence that has a name. They are certain only where somebody else vouches for what they are
(sources/item_rights.py); anywhere else they are asked about.
"""

from __future__ import annotations

import re

DENIAL = re.compile(
    r"\b(?:not|never|no\slonger|isn['’]?t|formerly|previously|unless|except(?:ing)?)\b[^.;:\n]{0,60}\blicen[cs]e"
    r"|\ball\srights\s(?:are\s)?reserved\b"
    r"|\b(?:without|requires?|written|prior)\s(?:\w+\s){0,2}permission\b"
    r"|\bdo\snot\s(?:re-?)?(?:distribute|upload|share|copy|use)\b",
    re.IGNORECASE,
)
_MAX_SENTENCE = 1000  # characters
_SENTENCE = re.compile(r"[^.!?\n\r]+(?:[.!?](?!\s|$)[^.!?\n\r]*)*")
_UNPAID = re.compile(
    r"\bnon[\s\-‐]?(?:commercial|profit)|\bnot\s(?:for|to\sbe)\s(?:commercial\suse|profit|sale|sold)", re.I
)
_ALLOWED = re.compile(
    r"\b(?:permi(?:ts?|tted|ssion)|allow(?:s|ed|ing)?|authori[sz](?:es|ed)|royalty[\s\-]free)\b", re.I
)
_PASSED_ON = re.compile(
    r"\b(?:trad(?:e|es|ed|ing)|circulat(?:e|ed|ion|ing)|(?:re)?distribut(?:e|ed|ion|ing)|shar(?:e|ed|ing))\b",
    re.I,
)
_NEGATION = re.compile(
    r"\b(?:not|never|nor|no\slonger|cannot|without|unless|except(?:ing)?|only\s(?:on|at|through|via)|stream(?:s|ing)?)\b"
    r"|n['’]t\b",
    re.IGNORECASE,
)


def permission_in(text: str) -> str | None:
    """Return the first sentence that speaks of passing music on by permission and without money, or None."""
    for sentence in map(str.strip, _SENTENCE.findall(text)):
        if len(sentence) <= _MAX_SENTENCE and all(
            part.search(sentence) for part in (_UNPAID, _ALLOWED, _PASSED_ON)
        ):
            return sentence
    return None


def doubt_in(text: str, permission: str) -> str | None:
    """Return the words of a text that speak against a permission in it, or narrow it, or None."""
    found = DENIAL.search(text) or _NEGATION.search(_UNPAID.sub("", permission))
    return " ".join(found[0].split()) if found else None
