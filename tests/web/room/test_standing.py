"""What a page tells of statements: of evidence, only that of what was published."""

from __future__ import annotations

from dataclasses import replace

from sqlalchemy import select

from phonotheque.ledger.schema import files
from phonotheque.model.territory import WORLD
from phonotheque.vault.archive import Archive
from phonotheque.web.room.sounds import sounds_of
from phonotheque.web.room.standing import Asked, bases
from tests.web.room.archives import SECOND


def test_evidence_of_what_was_not_published_is_not_told_with_that_of_what_was(library: Archive) -> None:
    with library.ledger.connect() as ledger:
        masters = ledger.execute(select(files.c.sha256).where(files.c.kind == "master")).scalars()
        published = next(one for one in sounds_of(ledger, list(masters)) if one.is_published)
    stated = tuple(replace(one, evidence="a public page") for one in published.statements)
    private = tuple(
        replace(one, evidence="a private letter", evidence_origin="grant") for one in published.statements
    )
    shown = replace(published, statements=stated)
    hidden = replace(published, sha256="0" * 64, places=(), statements=private)
    asked = Asked(WORLD, SECOND.date(), "en")
    for some in ([hidden, shown], [shown, hidden]):
        (basis,) = bases(some, (), asked)
        told = {one.evidence for act in basis.acts for work in act.works for one in work.said}
        assert told == {"a public page"}
    (basis,) = bases([hidden], (), asked)
    assert {one.evidence for act in basis.acts for work in act.works for one in work.said} == {None}
