"""The text that names who made something, ready to be copied, in the language of the page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from phonotheque.editions.export.attribution import ENCODED, UNCHANGED, Credit, credit, sentence
from phonotheque.model.rights import WORLDWIDE, Act, Answer, Decision
from phonotheque.rights.reasons import said_by
from phonotheque.web.looking.voice import Voice, voice
from phonotheque.web.room.pages import _
from phonotheque.web.room.sounds import Sound, decided
from phonotheque.web.room.standing import conditions_in_words

_CHANGES: Final = {
    UNCHANGED: _("Unchanged."),
    ENCODED: _("Re-encoded to Ogg Opus from the master."),
}
_DATES: Final = "Public domain, its term of protection being over"
_AGREED: Final = "By agreement with "
_STATED: Final = "Public domain, as stated by "
_HELD: Final = "Rights held by "


@dataclass(frozen=True, slots=True)
class Attribution:
    """How to credit what may be shared: one line, and what else is asked of whoever uses it."""

    line: str
    conditions: tuple[str, ...]
    sounds: tuple[Sound, ...]


def attributions(
    sounds: Sequence[Sound],
    *,
    title: str,
    artist: str | None,
    source: str,
    country: str,
    on: date,
    language: str,
) -> tuple[Attribution, ...]:
    """Return how to credit each file that may be heard or shared in a country; equal ones once."""
    found: dict[tuple[str, tuple[str, ...]], list[Sound]] = {}
    for sound in sounds:
        allowed = _allowed(sound, country or WORLDWIDE, on)
        if not allowed:
            continue
        conditions = tuple(dict.fromkeys(each for one in allowed for each in one.conditions))
        said = credit(
            sound.statements,
            allowed,
            title=title,
            artist=artist,
            notice=sound.notice,
            source=source,
            changes=ENCODED if sound.kind == "access" else UNCHANGED,
            conditions=conditions,
        )
        found.setdefault((credit_line(said, language), conditions), []).append(sound)
    return tuple(
        Attribution(line, conditions_in_words(conditions, language), tuple(some))
        for (line, conditions), some in found.items()
    )


def credit_line(said: Credit, language: str) -> str:
    """Return a credit in one line. In English it is the line of exports."""
    if language == "en":
        return said.line
    spoken = voice(language)
    by = spoken.gettext("“%(title)s”") % {"title": said.title}
    if said.creator:
        named = {"title": said.title, "creator": said.creator}
        by = spoken.gettext("“%(title)s” by %(creator)s") % named
    terms = [f"{one.name} ({one.url})" for one in said.licences]
    terms += [_basis(one, spoken) for one in said.basis]
    notices = [_notice(one, spoken) for one in said.notices]
    source = spoken.gettext("Source: %(source)s") % {"source": said.source}
    changes = spoken.gettext(_CHANGES.get(said.changes, said.changes))
    listed = spoken.gettext("; ").join(terms)
    return " ".join(map(sentence, (by, listed, *notices, source, changes)))


def _basis(words: str, spoken: Voice) -> str:
    if words == _DATES:
        return spoken.gettext("Public domain, its term of protection being over")
    if words.startswith(_AGREED):
        holder = words.removeprefix(_AGREED)
        return spoken.gettext("By agreement with %(holder)s") % {"holder": holder}
    if words.startswith(_STATED):
        who = said_by(words.removeprefix(_STATED), spoken.language)
        return spoken.gettext("Public domain, as stated by %(who)s") % {"who": who}
    return words


def _notice(words: str, spoken: Voice) -> str:
    if words.startswith(_HELD):
        return spoken.gettext("Rights held by %(holder)s") % {"holder": words.removeprefix(_HELD)}
    return words


def _allowed(sound: Sound, territory: str, on: date) -> list[Decision]:
    """Return what lets a file be shared or, failing that, heard there; nothing if neither is allowed."""
    for act in (Act.DISTRIBUTE, Act.STREAM):
        decision = decided(sound.statements, act, on, territory)
        if decision.answer is Answer.YES:
            return [decision]
    return []
