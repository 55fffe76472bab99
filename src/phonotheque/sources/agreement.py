"""An agreement to deposit recordings: a TOML file that a depositor fills in and signs, field by field."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, TypeVar

from phonotheque.model.errors import RightsError, UsageError
from phonotheque.model.rights import WORLDWIDE, Act, Answer, Covers, Kind, Statement
from phonotheque.model.territory import parse_territory
from phonotheque.rights.decide import decide
from phonotheque.rights.expressions import parse_terms, terms_id
from phonotheque.rights.wording import CONDITIONS

ORIGIN = "deposit"
_TABLES = {
    "deposit": {"archive", "depositor", "contact", "holder", "kind", "signed"},
    "grant": {"acts", "licence", "conditions", "covers", "territory", "from", "until", "mining"},
    "document": {"sha256"},
    "manifest": {"name", "sha256"},
}
_FILE = {"path", "sha256"}
_KINDS = {"own-work": Kind.OWN_WORK, "deposit": Kind.DEPOSIT}
_MINING = ("reserved", "allowed", "unsaid")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_LONGEST = 500  # characters of a name
_LONGEST_PATH = 1000  # bytes
_T = TypeVar("_T")

TEMPLATE = """\
# An agreement to deposit recordings. Fill it in, sign it, and hand it over with the folder.
# Lines that begin with # are explanations; those with an example may be filled in or left out.

[deposit]
archive = "NAME OF THE ARCHIVE"    # to whom they are given
depositor = "YOUR NAME OR LABEL"   # who gives them; public
contact = ""                       # how you can be reached; kept by the archive, never published
holder = "WHO HOLDS THE RIGHTS"    # public
kind = "own-work"                  # you made them; "deposit" for a label or anybody who may grant this
signed = 2026-01-31                # the day of the signature

[grant]
# What the archive may do: "preserve" keep copies; "stream" let anybody listen; "distribute" let anybody
# take copies and pass them on, as torrents do; "mine" analyse them and let others, also to train models.
acts = ["preserve", "stream"]
# licence = "CC-BY-SA-4.0"         # a licence that you give to everybody; it cannot end, nor be taken back
# conditions = ["attribution"]     # attribution, non-commercial, no-derivatives, share-alike
covers = "both"                    # "recording", "composition" (words and music), or "both"
territory = "WORLD"                # or country codes: "FR BE", "EU", "WORLD -US"
# from = 2026-01-31                # first day; the day of the signature if left out
# until = 2036-12-31               # last day; without end if left out
mining = "reserved"                # reserve text and data mining ("allowed" with "mine" above; "unsaid")

# What it is about: all files of the folder, by a list that this makes and whose hash it prints:
#   phono deposit --manifest FOLDER
[manifest]
name = "manifest-sha256.txt"
sha256 = ""

# Or file by file, instead of [manifest]:
# [[files]]
# path = "01 Opening.flac"
# sha256 = "…"

# If it is signed on paper: the SHA-256 of the scan (sha256sum SCAN.pdf), which is handed over, too.
# [document]
# sha256 = "…"
"""


@dataclass(frozen=True, slots=True)
class Agreement:
    """What was agreed. ``files``: SHA-256 by path; none if a list (``manifest``) has them."""

    sha256: str
    archive: str
    depositor: str
    holder: str
    kind: Kind
    signed: date
    acts: tuple[Act, ...]
    licence: str | None
    conditions: tuple[str, ...]
    covers: Covers
    territory: str
    valid_from: date
    valid_until: date | None
    mining: str
    document: str | None
    manifest: tuple[str, str] | None
    files: Mapping[str, str]

    def statements(self, evidence: str) -> tuple[Statement, ...]:
        """Return exactly what it grants and reserves, for each of its files.

        Who grants for the recording hands over a copy: to keep it needs nobody else, to show it does.
        """
        made = []
        keep, show = (Act.PRESERVE,), tuple(act for act in self.acts if act is not Act.PRESERVE)
        if self.covers is Covers.RECORDING and Act.PRESERVE in self.acts:
            made.append(self._statement(self.kind, evidence, acts=keep, covers=Covers.BOTH))
            if show:
                made.append(self._statement(self.kind, evidence, acts=show, conditions=self.conditions))
        elif self.acts:
            made.append(self._statement(self.kind, evidence, acts=self.acts, conditions=self.conditions))
        if self.licence:
            made.append(self._statement(Kind.LICENCE, evidence, licence=self.licence))
        if self.mining == "reserved":
            made.append(self._statement(Kind.RESERVATION, evidence, acts=(Act.MINE,)))
        return tuple(made)

    def _statement(
        self,
        kind: Kind,
        evidence: str,
        *,
        licence: str | None = None,
        acts: tuple[Act, ...] = (),
        conditions: tuple[str, ...] = (),
        covers: Covers | None = None,
    ) -> Statement:
        reserving = kind is Kind.RESERVATION
        return Statement(
            kind=kind,
            licence=licence,
            evidence=evidence,
            evidence_origin=ORIGIN,
            asserted_by=self.depositor,
            holder=self.holder,
            covers=Covers.BOTH if reserving else covers or self.covers,
            territory=WORLDWIDE if reserving else self.territory,
            acts=acts,
            valid_from=None if reserving else self.valid_from.isoformat(),
            valid_until=None if reserving or not self.valid_until else self.valid_until.isoformat(),
            stated_at=self.signed.isoformat(),
            conditions=conditions,
            evidence_sha256=self.sha256,
        )


def read_agreement(content: bytes, name: str) -> Agreement:
    """Return the agreement in a TOML file. Raises UsageError, which names the file and the field."""
    try:
        text = content.decode("utf-8-sig")
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # no UTF-8, no TOML, a number of thousands of digits
        raise UsageError(f"{name} is not valid TOML: {error}.", "Correct it in a text editor.") from error
    fields = _Fields(name, tables)
    fields.check_names()
    signed = fields.day("deposit", "signed")
    if signed is None:
        raise fields.wrong("[deposit] signed", "is missing", "Write the day of the signature: 2026-01-31.")
    manifest = None
    if "manifest" in tables:
        manifest = fields.text("manifest", "name"), fields.hash("manifest", "sha256")
    return Agreement(
        sha256=hashlib.sha256(content).hexdigest(),
        archive=fields.text("deposit", "archive"),
        depositor=fields.text("deposit", "depositor"),
        holder=fields.text("deposit", "holder"),
        kind=fields.one_of("deposit", "kind", _KINDS),
        signed=signed,
        acts=fields.several("grant", "acts", {act.value: act for act in Act}),
        licence=_licence(fields),
        conditions=fields.several("grant", "conditions", {each: each for each in CONDITIONS}),
        covers=fields.one_of("grant", "covers", {each.value: each for each in Covers}),
        territory=_territory(fields),
        valid_from=fields.day("grant", "from") or signed,
        valid_until=fields.day("grant", "until"),
        mining=fields.one_of("grant", "mining", {each: each for each in _MINING}),
        document=fields.hash("document", "sha256") if "document" in tables else None,
        manifest=manifest,
        files=_files(fields),
    )


def check_agreement(agreement: Agreement, *, name: str, archive: str, today: date) -> None:
    """Raise UsageError or RightsError, which name the field, unless it makes sense and is in force today."""

    def wrong(field: str, what: str, advice: str) -> UsageError:
        return UsageError(f"{name}: {field} {what}.", advice)

    given = agreement
    if given.archive.strip().casefold() != archive.strip().casefold():
        raise RightsError(
            f"{name}: [deposit] archive is “{given.archive}”, and this archive is “{archive}”.",
            "An agreement with somebody else grants nothing here. Ask for one that names this archive.",
        )
    if given.signed > today:
        raise wrong("[deposit] signed", f"is {given.signed}, which has not come yet", "Correct the day.")
    if given.valid_until and given.valid_until < given.valid_from:
        raise wrong("[grant] until", f"is {given.valid_until}, before it begins", "Correct the days.")
    if given.valid_until and given.valid_until < today:
        raise RightsError(f"{name} ended on {given.valid_until}.", "Ask for an agreement that is in force.")
    if given.valid_from > today:
        raise RightsError(
            f"{name} is in force from {given.valid_from} on: nothing may be kept before.", "Deposit it then."
        )
    if bool(given.files) is bool(given.manifest):
        raise wrong("[manifest]", "or [[files]] must say which files it is about, one of them", _LIST_THEM)
    if not given.acts and not given.licence:
        raise wrong("[grant] acts", "are missing", 'Write for example: acts = ["preserve", "stream"]')
    if given.licence and given.valid_until:
        raise wrong(
            "[grant] until", "stands beside a licence to everybody, which cannot end", "Take one out."
        )
    _check_acts(given, wrong, today)


def _check_acts(given: Agreement, wrong: Any, today: date) -> None:
    statements = given.statements("agreed")
    granting = [each for each in statements if each.kind is not Kind.RESERVATION]
    if Act.MINE in given.acts and given.mining != "allowed":
        raise wrong("[grant] mining", f"is “{given.mining}”, and acts have “mine”", "Say the same in both.")
    if given.mining == "allowed" and not any(_allows(each, Act.MINE, today) for each in granting):
        raise wrong("[grant] mining", "is “allowed”, and nothing grants it", "Add “mine” to the acts.")
    if given.acts and given.licence:
        licence = next(each for each in granting if each.kind is Kind.LICENCE)
        for act in Act:
            reserved = act is Act.MINE and given.mining == "reserved"
            if act not in given.acts and not reserved and _allows(licence, act, today):
                what = f"{given.licence} lets everybody {act.value}, which acts do not have"
                raise wrong("[grant] licence", f"says more than the acts: {what}", "Say the same in both.")
    if not any(_allows(each, Act.PRESERVE, today) for each in granting):
        raise wrong("[grant] acts", "do not let the archive preserve anything", "Add “preserve”.")


_LIST_THEM = "Make a list with: phono deposit --manifest FOLDER"


def _allows(statement: Statement, act: Act, today: date) -> bool:
    """Whether a statement allows an act for what it covers, where it holds."""
    alone = [statement]
    if statement.covers is not Covers.BOTH:
        alone = [_both(statement)]
    return decide(alone, act, on=today, territory=statement.territory).answer is Answer.YES


def _both(statement: Statement) -> Statement:
    values = {name: getattr(statement, name) for name in Statement.__dataclass_fields__}
    return Statement(**values | {"covers": Covers.BOTH})


def _licence(fields: _Fields) -> str | None:
    text = fields.text("grant", "licence", needed=False)
    terms = parse_terms(text) if text else None
    if text and terms is None:
        advice = "Give an SPDX id such as CC-BY-4.0, or the licence's address."
        raise fields.wrong("[grant] licence", f"names no licence exactly: “{text[:100]}”", advice)
    return terms_id(terms) if terms else None


def _territory(fields: _Fields) -> str:
    text = fields.text("grant", "territory", needed=False) or WORLDWIDE
    try:
        return str(parse_territory(text))
    except ValueError as error:
        advice = "Write WORLD, or two-letter country codes: “FR BE”, “EU”, “WORLD -US”."
        raise fields.wrong("[grant] territory", str(error), advice) from error


def _files(fields: _Fields) -> dict[str, str]:
    given = fields.tables.get("files", [])
    if not isinstance(given, list) or not all(isinstance(each, dict) for each in given):
        raise fields.wrong("files", "is no list of tables", "Write [[files]] before each.")
    found: dict[str, str] = {}
    for number, entry in enumerate(given, start=1):
        where = f"[[files]] number {number}"
        if unknown := sorted(entry.keys() - _FILE):
            raise fields.wrong(where, f"has “{unknown[0]}”, which is unknown", "Write path and sha256.")
        path, digest = entry.get("path"), entry.get("sha256")
        if not isinstance(path, str) or (bad := bad_path(path)):
            what = bad if isinstance(path, str) else "has no path"
            raise fields.wrong(where, what, "Write it relative to the folder, with “/”.")
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest.lower()):
            raise fields.wrong(where, f"({path}) has no SHA-256", "Write its 64 digits.")
        if path in found:
            raise fields.wrong(where, f"({path}) is there twice", "Take one out.")
        found[path] = digest.lower()
    return found


def bad_path(path: str) -> str:
    """Return why a text is no path inside a folder; empty if it is one."""
    if (
        not path
        or len(path.encode("utf-8", "replace")) > _LONGEST_PATH
        or any(character in path for character in "\0\n\r")
    ):
        return "has a path that is empty, too long or broken"
    if path.startswith("/") or any(part in ("", ".", "..") for part in path.split("/")):
        return f"has a path that leads out of the folder or is not plain: {path[:100]}"
    return ""


def _shown(value: Any) -> str:
    """Return the beginning of a value for a message. Long numbers are not converted: Python refuses some."""
    if isinstance(value, int) and value.bit_length() > 64:
        return "a very long number"
    return "a list or table" if isinstance(value, (list, dict)) else f"{value!s:.40}"


class _Fields:
    """Takes fields out of parsed TOML; what is wrong is named by file and field."""

    def __init__(self, name: str, tables: Mapping[str, Any]) -> None:
        self.name, self.tables = name, tables

    def wrong(self, field: str, what: str, advice: str) -> UsageError:
        return UsageError(f"{self.name}: {field} {what}.", advice)

    def check_names(self) -> None:
        for table, keys in self.tables.items():
            if table == "files":
                continue
            if table not in _TABLES:
                known = ", ".join([*(f"[{each}]" for each in _TABLES), "[[files]]"])
                raise self.wrong(f"“{table}”", "is unknown", f"It may have {known}.")
            if not isinstance(keys, dict):
                raise self.wrong(table, "is no table", f"Write [{table}].")
            if unknown := sorted(keys.keys() - _TABLES[table]):
                known = ", ".join(sorted(_TABLES[table]))
                raise self.wrong(f"[{table}] {unknown[0]}", "is unknown", f"It may have: {known}.")

    def text(self, table: str, key: str, *, needed: bool = True) -> str:
        value = self.tables.get(table, {}).get(key, "")
        where = f"[{table}] {key}"
        if not isinstance(value, str):
            raise self.wrong(where, "is no text", "Put it in quotation marks.")
        value = value.strip()
        if needed and not value:
            raise self.wrong(where, "is missing", "Fill it in, as phono deposit --template shows.")
        if len(value) > _LONGEST or any(ord(character) < 32 for character in value):
            raise self.wrong(where, "is too long, or more than a line", f"Use at most {_LONGEST} characters.")
        return value

    def hash(self, table: str, key: str) -> str:
        value = self.text(table, key).lower()
        if not _SHA256.fullmatch(value):
            raise self.wrong(f"[{table}] {key}", "is no SHA-256", "Write its 64 digits.")
        return value

    def one_of(self, table: str, key: str, values: Mapping[str, _T]) -> _T:
        value = self.text(table, key)
        if value not in values:
            raise self.wrong(f"[{table}] {key}", f"is “{value}”", f"Write one of: {', '.join(values)}.")
        return values[value]

    def several(self, table: str, key: str, values: Mapping[str, _T]) -> tuple[_T, ...]:
        given = self.tables.get(table, {}).get(key, [])
        where = f"[{table}] {key}"
        if not isinstance(given, list):
            raise self.wrong(where, "is no list", 'Write it like ["a", "b"].')
        for each in given:
            if not isinstance(each, str) or each not in values:
                raise self.wrong(where, f"has “{_shown(each)}”", f"Use some of: {', '.join(values)}.")
        return tuple(value for name, value in values.items() if name in given)

    def day(self, table: str, key: str) -> date | None:
        value = self.tables.get(table, {}).get(key)
        if value is None or value == "":
            return None
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        try:
            if isinstance(value, str) and len(value) == 10:
                return date.fromisoformat(value)
        except ValueError:
            pass  # told below
        raise self.wrong(f"[{table}] {key}", f"is no day: {_shown(value)}", "Write it like 2026-01-31.")
