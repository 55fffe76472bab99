"""Statements and decisions as JSON, as bags carry them: enough for a stranger to decide anew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields
from datetime import date
from typing import Any

import msgspec

from phonotheque.model.errors import VerificationError
from phonotheque.model.rights import Act, Covers, Dates, Decision, Kind, Statement
from phonotheque.model.territory import parse_territory

_TEXTS = ("licence", "holder", "valid_from", "valid_until", "stated_at", "evidence_sha256")


def statement_record(statement: Statement) -> dict[str, Any]:
    """Return a statement as JSON, without its id; what most statements have not is left out."""
    record: dict[str, Any] = {
        "kind": statement.kind.value,
        "licence": statement.licence,
        "holder": statement.holder,
        "covers": statement.covers.value,
        "territory": statement.territory,
        "evidence": statement.evidence,
        "evidence_origin": statement.evidence_origin,
        "asserted_by": statement.asserted_by,
    }
    further = {
        "acts": [act.value for act in statement.acts],
        "conditions": list(statement.conditions),
        "valid_from": statement.valid_from,
        "valid_until": statement.valid_until,
        "stated_at": statement.stated_at,
        "evidence_sha256": statement.evidence_sha256,
        "dates": asdict(statement.dates) if statement.dates else None,
    }
    return record | {name: value for name, value in further.items() if value not in (None, [])}


def read_statement(record: Mapping[str, Any]) -> Statement:
    """Return the statement of a record. Raises VerificationError naming the field that makes no sense."""
    field = "it"
    try:
        field = "kind"
        kind = Kind(record["kind"])
        field = "covers"
        covers = Covers(record["covers"])
        field = "territory"
        territory = str(parse_territory(record["territory"]))
        field = "acts"
        acts = tuple(map(Act, record.get("acts", ())))
        field = "dates"
        known = _dates(record.get("dates"))
        texts: dict[str, Any] = {}
        for field in _TEXTS:
            texts[field] = _text_or_none(record.get(field))
        for field in ("valid_from", "valid_until"):
            _day_or_none(texts[field])
        for field in ("evidence", "evidence_origin", "asserted_by"):
            texts[field] = _text(record[field])
        field = "conditions"
        conditions = tuple(map(_text, record.get("conditions", ())))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise VerificationError(f"a rights statement has no sound “{field}”: {error}.") from error
    return Statement(
        kind=kind,
        covers=covers,
        territory=territory,
        acts=acts,
        dates=known,
        conditions=conditions,
        **texts,
    )


def decision_records(decisions: Iterable[Decision]) -> dict[str, dict[str, Any]]:
    """Return decisions, one an act, as JSON by act."""
    return {
        decision.act.value: {
            "answer": decision.answer.value,
            "rule": decision.rule,
            "reason": decision.reason,
            "conditions": list(decision.conditions),
            "territory": decision.territory,
        }
        for decision in decisions
    }


def _dates(value: Any) -> Dates | None:
    if value is None:
        return None
    if unknown := set(value) - {field.name for field in fields(Dates)}:
        raise ValueError(f"“{min(unknown):.40}” is none of its facts")
    return msgspec.convert(value, Dates)  # ValidationError is a ValueError


def _day_or_none(text: str | None) -> None:
    """Check a day; it is compared as a text, so only one form will do."""
    if text is not None and date.fromisoformat(text).isoformat() != text:
        raise ValueError(f"“{text:.40}” is no day in the form 2026-01-31")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.80} is no text")
    return value


def _text_or_none(value: Any) -> str | None:
    return None if value is None else _text(value)
