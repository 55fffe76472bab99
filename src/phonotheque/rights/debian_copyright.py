"""Debian's machine-readable copyright files (DEP-5, version 1.0 of the copyright format)."""

from __future__ import annotations

import logging
from pathlib import Path

from debian.copyright import (
    Copyright,
    FilesParagraph,
)
from debian.copyright import (
    Error as FormatError,
)

from phonotheque.model.errors import PhonothequeError
from phonotheque.model.rights import Evidence, Kind, Statement
from phonotheque.rights import globs
from phonotheque.rights.expressions import parse_terms
from phonotheque.rights.licences import readings
from phonotheque.rights.prose import MAX_EVIDENCE, ask, from_prose, stating
from phonotheque.rights.ruleset import MAX_RULES_BYTES, Rule, RuleSet, compiled, too_large
from phonotheque.rights.sidecars import decode, read_bounded, shown
from phonotheque.rights.spdx_tags import holder_of

ASSERTED_BY = "the Debian copyright file"

# The library writes what it tolerates (an old Format address) to the log; that is no concern of a reader's.
logging.getLogger("debian.copyright").addHandler(logging.NullHandler())


def read_debian_copyright(path: Path, origin: str) -> RuleSet:
    """Return the Files stanzas of a copyright file, of which the last that matches a file holds.

    A file in plain prose speaks of nobody knows which files: if it speaks of rights at all, that is a
    question for each of them. PhonothequeError if it claims the format and breaks it.
    """
    content = read_bounded(path, MAX_RULES_BYTES)
    if len(content) > MAX_RULES_BYTES:
        raise too_large(path)
    text, _ = decode(content)
    if not _claims_format(text):
        return RuleSet((Rule((globs.debian("*"),), _from_plain(text, origin)),))
    try:
        stanzas = list(Copyright(text.splitlines(keepends=True)).all_files_paragraphs())
        return RuleSet(tuple(_rule(stanza, origin, shown(path)) for stanza in stanzas))
    except (FormatError, ValueError) as error:
        message = f"{shown(path)}: it breaks Debian's copyright format: {' '.join(str(error).split())[:300]}"
        raise PhonothequeError(
            message, "Correct the file, or take it away and write a rights.toml."
        ) from error


def _claims_format(text: str) -> bool:
    first = next((line for line in text.splitlines() if line.strip() and not line.startswith("#")), "")
    header = text.partition("\n\n")[0].lower()
    return ":" in first and ("format:" in header or "format-specification:" in header)


def _from_plain(text: str, origin: str) -> Evidence:
    found = from_prose(text, origin, asserted_by=ASSERTED_BY)
    if not found.statements:
        return found
    problem = "The folder's copyright file is plain prose: does what it names hold for this file?"
    return ask(
        problem, found.statements[0].evidence, origin, tuple(s.licence for s in found.statements if s.licence)
    )


def _rule(stanza: FilesParagraph, origin: str, where: str) -> Rule:
    files, notice, licence = (str(stanza[field]).strip() for field in ("Files", "Copyright", "License"))
    evidence = f"Files: {files}\nCopyright: {notice}\nLicense: {licence}"[:MAX_EVIDENCE]
    holder = "; ".join(filter(None, map(holder_of, notice.splitlines()))) or None
    patterns = compiled(files.split(), globs.debian, where)
    return Rule(patterns, _evidence(licence.partition("\n")[0].strip(), evidence, holder, origin))


def _evidence(name: str, evidence: str, holder: str | None, origin: str) -> Evidence:
    if name.lower() == "public-domain":  # DEP-5: "The license short name public-domain … means exactly that"
        return Evidence((Statement(Kind.PUBLIC_DOMAIN, None, evidence, origin, ASSERTED_BY, holder),))
    if terms := parse_terms(name):
        return Evidence((stating(terms, evidence, origin, ASSERTED_BY, holder),))
    named = name[:100] or "no licence"
    return ask(f"Its stanza names “{named}”, which is no licence exactly.", evidence, origin, readings(name))
