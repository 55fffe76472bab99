"""Naming who made something, and on what terms: what CC BY asks for, as values, in text, HTML and JSON."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from phonotheque.editions.croissant import licences_in
from phonotheque.model.rights import Decision, Kind, Statement
from phonotheque.rights.explain import licence_name
from phonotheque.rights.expressions import parse_terms
from phonotheque.rights.licences import parse_licence

UNCHANGED: Final = "Unchanged."
TAGGED: Final = "Tags were written; the audio is unchanged."
ENCODED: Final = "Re-encoded to Ogg Opus from the master."
ENCODED_AND_TAGGED: Final = "Re-encoded to Ogg Opus from the master; tags were written."


@dataclass(frozen=True, slots=True)
class LicenceNote:
    """A licence by its SPDX id, its name for people, and its address."""

    id: str
    name: str
    url: str


@dataclass(frozen=True, slots=True)
class Credit:
    """What is said of one file, after CC BY 4.0 §3(a)(1) and 3.0 §4(b) and (c).

    ``basis`` says in words why it may go out where that is no licence. ``source`` is where the work comes
    from, an address if one is known. ``changes`` is what was done to it.
    """

    title: str
    creator: str | None
    licences: tuple[LicenceNote, ...]
    basis: tuple[str, ...]
    notices: tuple[str, ...]  # copyright notices, as the file has them
    source: str
    changes: str
    conditions: tuple[str, ...]

    @property
    def line(self) -> str:
        """All of it in one line, to be read aloud or shown."""
        by = f"“{self.title}” by {self.creator}" if self.creator else f"“{self.title}”"
        terms = [f"{one.name} ({one.url})" for one in self.licences] + list(self.basis)
        parts = (by, "; ".join(terms), *self.notices, f"Source: {self.source}", self.changes)
        return " ".join(map(sentence, parts))


def sentence(text: str) -> str:
    """Return a text with something at its end that ends a sentence."""
    return text if text.endswith((".", "!", "?", "…")) else f"{text}."


def credit(
    statements: Sequence[Statement],
    decisions: Sequence[Decision],
    *,
    title: str,
    artist: str | None,
    notice: str | None,
    source: str,
    changes: str,
    conditions: tuple[str, ...],
) -> Credit:
    """Return how to credit a file that may go out by these decisions, from the statements they rest on."""
    ids = {name for decision in decisions for name in decision.statements}
    basis = [one for one in statements if one.id in ids] or list(statements)
    holders = dict.fromkeys(one.holder for one in basis if one.holder)
    stated = [licence for one in basis if one.licence for licence in licences_in(parse_terms(one.licence))]
    notes = dict.fromkeys(LicenceNote(one.id, licence_name(one), one.uri) for one in stated)
    return Credit(
        title=title,
        creator=artist or "; ".join(holders) or None,
        licences=tuple(notes),
        basis=tuple(dict.fromkeys(_in_words(one) for one in basis if not one.licence)),
        notices=tuple(dict.fromkeys((*([notice] if notice else []), *_held(holders, artist)))),
        source=_source(basis) or source,
        changes=changes,
        conditions=conditions,
    )


def _held(holders: dict[str, None], artist: str | None) -> list[str]:
    return [f"Rights held by {holder}" for holder in holders if holder != artist]


def _in_words(statement: Statement) -> str:
    holder = statement.holder or statement.asserted_by
    match statement.kind:
        case Kind.DEPOSIT | Kind.DELIVERY | Kind.OWN_WORK:
            return f"By agreement with {holder}"
        case Kind.DATES:
            return "Public domain, its term of protection being over"
        case _:
            return f"Public domain, as stated by {statement.asserted_by}"


def _source(statements: Sequence[Statement]) -> str | None:
    """Return the address that the evidence gives, if it is one, and not that of the licence."""
    for statement in statements:
        evidence = statement.evidence.strip()
        address = evidence.startswith(("https://", "http://")) and len(evidence.split()) == 1
        if address and parse_licence(evidence) is None:
            return evidence
    return None


def as_text(listed: Iterable[tuple[str, Credit]], heading: str) -> Iterator[str]:
    """Yield the attribution of all files as plain text: a paragraph for each, under its path."""
    yield f"{heading}\n"
    for path, one in listed:
        yield f"\n{path}\n{one.line}\n"


def as_html(listed: Iterable[tuple[str, Credit]], heading: str) -> Iterator[str]:
    """Yield the same as a page that needs nothing else."""
    yield '<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8"><title>Attribution</title></head>\n'
    yield f"<body>\n<h1>Attribution</h1>\n<p>{html.escape(heading)}</p>\n<ul>\n"
    for path, one in listed:
        yield f"<li><code>{html.escape(path)}</code><br>{_linked(one)}</li>\n"
    yield "</ul>\n</body>\n</html>\n"


def _linked(one: Credit) -> str:
    title = html.escape(f"“{one.title}”")
    if one.source.startswith(("https://", "http://")):
        title = f'<a href="{html.escape(one.source)}">{title}</a>'
        source = ""
    else:
        source = f" Source: {html.escape(one.source)}."
    by = f" by {html.escape(one.creator)}" if one.creator else ""
    terms = [
        f'<a rel="license" href="{html.escape(note.url)}">{html.escape(note.name)}</a>'
        for note in one.licences
    ]
    terms += map(html.escape, one.basis)
    notices = "".join(f" {html.escape(sentence(notice))}" for notice in one.notices)
    return f"{title}{by}. {'; '.join(terms)}.{notices}{source} {html.escape(one.changes)}"
