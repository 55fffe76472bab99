"""Reading notes in prose: with certainty, or as a question.

A note is certain if it names exactly one licence, by URI or by an SPDX tag, and no words in it say otherwise.
Everything else that speaks of rights becomes a question. Words alone never grant ("Creative Commons
Attribution" leaves five versions open, "public domain" leaves open who says so and why), unless the whole
text is nothing but the name of a licence.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from phonotheque.model.rights import WORLDWIDE, Evidence, Kind, Question, Statement
from phonotheque.rights.expressions import Terms, licences_in, parse_terms, terms_id
from phonotheque.rights.families import ARTIST_PERMISSION, NO_COPYRIGHT_US
from phonotheque.rights.licences import PDM, Licence, LicenceUri, candidates, find_licence_uris, frees
from phonotheque.rights.permission import DENIAL, permission_in
from phonotheque.rights.spdx_tags import SpdxTags, find_spdx_tags, holder_of
from phonotheque.rights.spellings import Mention, find_mentions

NOTE = "the note beside the file"
MAX_EVIDENCE = 2000  # characters of a text that a statement or question quotes
_MAX_NOTE = 64 * 1024  # characters of a text that are searched for a permission in words

_URL = re.compile(r"(?:[A-Za-z][A-Za-z+.\-]{0,15}://|www\.)[^\s<>\"'()\[\]{}|\\`]+")
_STATED_HOLDER = re.compile(
    r"\bby\s((?:(?!\sby\s)[^\n\0]){1,120}?)\s(?:is|are)\slicen[cs]ed\b", re.IGNORECASE
)
_RESTRICTIONS = (
    (
        "nc",
        re.compile(
            r"\bnon[\s\-]?commercial|\bnot\sfor\s(?:commercial|sale)|\bno\scommercial|\bpersonal\suse", re.I
        ),
    ),
    ("nd", re.compile(r"\bno[\s\-]?deriv|\bdo\snot\s(?:modify|remix)", re.I)),
    ("sa", re.compile(r"\bshare[\s\-]?alike", re.I)),
)


def kind_of(terms: Terms) -> Kind:
    """Return the kind of statement that naming these terms makes: a mark or a status licenses nothing."""
    if terms == PDM or (isinstance(terms, Licence) and terms.id == NO_COPYRIGHT_US):
        return Kind.PUBLIC_DOMAIN
    return Kind.UNKNOWN if isinstance(terms, Licence) and terms.family == "status" else Kind.LICENCE


def stating(
    terms: Terms, evidence: str, origin: str, asserted_by: str, holder: str | None = None
) -> Statement:
    """Return the statement that naming these terms makes, where they can hold."""
    american = isinstance(terms, Licence) and terms.id == NO_COPYRIGHT_US
    return Statement(
        kind_of(terms),
        terms_id(terms),
        evidence,
        origin,
        asserted_by,
        holder,
        territory="US" if american else WORLDWIDE,
    )


def from_prose(text: str, origin: str, *, asserted_by: str = NOTE) -> Evidence:
    """Return what a note in plain language says of rights; empty if it does not speak of them."""
    text = text.strip().removeprefix("\ufeff")
    tags = find_spdx_tags(text)
    uris = find_licence_uris(text)
    words = _blanked(text, uris)
    mentions = find_mentions(words)
    if not (tags.expressions or uris or mentions):
        return _permission(text, origin)
    quote = _quote(text, mentions, uris)
    named, unreadable = _named(text, tags, uris)
    problem = _problem(named, unreadable, mentions, words)
    if problem is None:
        (terms,) = named
        holder = tags.holder or _stated_holder(words)
        statement = stating(terms, quote, origin, asserted_by, holder)
        return Evidence(statements=(statement,))
    question = Question(problem, _candidates(named, uris, mentions), quote, origin)
    return Evidence(questions=(question,))


def _permission(text: str, origin: str) -> Evidence:
    """Return a question if somebody lets the music be traded, in words that are no licence's name."""
    if sentence := permission_in(text[:_MAX_NOTE]):
        problem = f"It speaks of a permission without a licence: “{_one_line(sentence)}”."
        return ask(problem, text, origin, (ARTIST_PERMISSION,))
    return Evidence()


def _blanked(text: str, uris: Iterable[LicenceUri]) -> str:
    """Return the text with every address replaced by as many NULs: addresses are not words."""
    for uri in uris:
        text = text[: uri.start] + "\0" * (uri.end - uri.start) + text[uri.end :]
    return _URL.sub(lambda match: "\0" * len(match[0]), text)


def _named(
    text: str, tags: SpdxTags, uris: Iterable[LicenceUri]
) -> tuple[tuple[Terms, ...], tuple[str, ...]]:
    """Return the different terms named outright, and the names that could not be read."""
    named: list[Terms] = []
    unreadable = [uri.uri for uri in uris if uri.licence is None]
    if tags.expressions:
        # Several tags in one text all apply (REUSE 3.3, "Licensing information").
        together = " AND ".join(f"({e})" if len(tags.expressions) > 1 else e for e in tags.expressions)
        terms = parse_terms(together)
        if terms is None:
            unreadable.append(together)
        else:
            named.append(terms)
    elif "\n" not in text and (whole := parse_terms(text)):
        named.append(whole)
    covered = {licence for terms in named for licence in licences_in(terms)}
    named += [uri.licence for uri in uris if uri.licence and uri.licence not in covered]
    return tuple(dict.fromkeys(named)), tuple(unreadable)


def _problem(
    named: tuple[Terms, ...], unreadable: tuple[str, ...], mentions: Iterable[Mention], words: str
) -> str | None:
    """Return in one sentence why the note is not certain, or None if it is."""
    if unreadable:
        return f"It names a licence that cannot be read: {unreadable[0][:200]}"
    if not named:
        return "It speaks of a licence or of the public domain without naming one exactly."
    if len(named) > 1:
        return f"It names several licences: {', '.join(terms_id(terms) for terms in named)}."
    licences = licences_in(named[0])
    name = terms_id(named[0])
    for mention in mentions:
        if not any(_agrees(mention, licence) for licence in licences):
            return f"It names {name}, but its words say “{_shown(words, mention)}”."
    if denial := DENIAL.search(words):
        return f"It names {name}, but it also says “{_one_line(denial[0])}”."
    for element, pattern in _RESTRICTIONS:
        found = pattern.search(words)
        if found and not any(element in licence.elements for licence in licences):
            return f"It names {name}, but it also says “{_one_line(found[0])}”."
    return None


def _agrees(mention: Mention, licence: Licence) -> bool:
    """Tell whether words may be a less exact way to say the licence."""
    match mention.family:
        case "public-domain":
            return frees(licence)
        case "cc" if not mention.elements:
            return licence.family in ("cc", "cc0", "pdm", "pddc")
        case "cc":
            return (
                licence.elements == mention.elements
                and mention.version in (None, licence.version)
                and mention.jurisdiction in (None, licence.jurisdiction or "")
            )
        case "gpl":
            same = licence.id.startswith(f"{mention.name}-") and mention.version in (None, licence.version)
            return same and (not mention.or_later or licence.id.endswith("-or-later"))
        case _:
            return licence.family == mention.family and mention.version in (None, licence.version)


def _candidates(
    named: Iterable[Terms], uris: Iterable[LicenceUri], mentions: Iterable[Mention]
) -> tuple[str, ...]:
    """Return everything the note may mean: what it names first, then what its words may stand for."""
    found = [terms_id(terms) for terms in named]
    found += [candidate for uri in uris for candidate in uri.candidates]
    settled = [licence for terms in named for licence in licences_in(terms)]
    for mention in mentions:
        if not any(_agrees(mention, licence) for licence in settled):
            found += candidates(mention)
    return tuple(dict.fromkeys(found))


def _stated_holder(words: str) -> str | None:
    stated = _STATED_HOLDER.search(words)
    return holder_of(stated[1]) if stated else None


def _shown(words: str, mention: Mention) -> str:
    shown = _one_line(words[mention.start : mention.end])
    return f"{shown})" if shown.count("(") > shown.count(")") else shown


def _one_line(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())[:200]


def _quote(text: str, mentions: Iterable[Mention], uris: Iterable[LicenceUri]) -> str:
    """Return the text verbatim or, if it is long, only its lines that speak of rights."""
    if len(text) <= MAX_EVIDENCE:
        return text
    places = sorted({*(mention.start for mention in mentions), *(uri.start for uri in uris)})
    lines = dict.fromkeys(_lines_at(text, places))
    lines.update(dict.fromkeys(line for line in text.splitlines() if "SPDX-" in line))
    return "\n".join(lines)[:MAX_EVIDENCE]


def _lines_at(text: str, places: Iterable[int]) -> Iterator[str]:
    for place in places:
        start = text.rfind("\n", 0, place) + 1
        end = text.find("\n", place)
        yield text[start : end if end >= 0 else len(text)].strip()[:500]


def ask(problem: str, evidence: str, origin: str, may_mean: tuple[str, ...] = ()) -> Evidence:
    """Return evidence that consists of one question."""
    return Evidence(questions=(Question(problem, may_mean, evidence[:MAX_EVIDENCE], origin),))
