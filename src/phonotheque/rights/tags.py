"""Rights in a file's own tags: LICENSE and COPYRIGHT (Vorbis), WCOP and TCOP (ID3), and their like."""

from __future__ import annotations

import re
from collections.abc import Sequence

from phonotheque.model.audio import Tags
from phonotheque.model.rights import Act, Evidence, Kind, Statement
from phonotheque.rights.combine import joined
from phonotheque.rights.expressions import parse_terms
from phonotheque.rights.prose import MAX_EVIDENCE, ask, from_prose, stating

FILE_TAG = "the file's own tag"
MAX_VALUES = 50  # values of a field that are read; the rest of a hostile file's are asked about as one
MAX_FIELD = 64 * 1024  # characters of a field that are read
MAX_KEY = 200  # characters of a field's name that are kept
RESERVATION = "TDM-RESERVATION"  # as in the header of the TDM Reservation Protocol
_UNCLEAR = "Its reservation against mining is neither 0 nor 1, and holds until it is corrected or retracted."

_NO_LICENCE = re.compile(r"\W*all\srights\sreserved\W*|\W*", re.IGNORECASE)


def from_tags(tags: Tags) -> Evidence:
    """Return what a file's licence and copyright fields say.

    A licence field that names no licence exactly is a question. A copyright field says who holds the
    rights, not what they allow: it counts only if it names a licence ("Licensed to the public under …"), and
    a plain notice grants nothing and asks nothing. A field TDM-RESERVATION of 0 grants nothing; any other
    reserves mining (docs/mining.md).
    """
    found = [_licence_field(value, _origin(tags, value, "licence")) for value in tags.licences[:MAX_VALUES]]
    if len(tags.licences) > MAX_VALUES:
        found.append(ask(f"It has {len(tags.licences)} licence fields.", tags.licences[-1], "tag:licence"))
    if tags.copyright:
        found.append(_field(tags.copyright, _origin(tags, tags.copyright, "copyright")))
    found += [_reservation(key, values) for key, values in tags.raw.items() if _is_reservation(key)]
    return joined(*found)


def _is_reservation(key: str) -> bool:
    return key.rpartition(":")[2].upper().replace("_", "-") == RESERVATION


def _reservation(key: str, values: Sequence[str]) -> Evidence:
    """Return what a field reserves: all but nought does, and what is neither 1 nor 0 is asked about, too."""
    said = {value.strip() for value in values}
    if said <= {"0", ""}:
        return Evidence()
    value = "1" if "1" in said else "; ".join(sorted(said)[:MAX_VALUES])
    evidence, origin = f"{RESERVATION}={value}"[:MAX_EVIDENCE], f"tag:{key}"[:MAX_KEY]
    reserved = Evidence((Statement(Kind.RESERVATION, None, evidence, origin, FILE_TAG, acts=(Act.MINE,)),))
    return reserved if "1" in said else joined(reserved, ask(_UNCLEAR, evidence, origin))


def _licence_field(value: str, origin: str) -> Evidence:
    evidence = _field(value, origin)
    if evidence.statements or evidence.questions or _NO_LICENCE.fullmatch(value[:MAX_EVIDENCE]):
        return evidence
    return ask("Its licence field names no licence that can be read.", value, origin)


def _field(value: str, origin: str) -> Evidence:
    if len(value) > MAX_FIELD:
        return ask(f"The field has {len(value)} characters, too many for a licence.", value, origin)
    if terms := parse_terms(value):
        return Evidence(statements=(stating(terms, value.strip(), origin, FILE_TAG),))
    return from_prose(value, origin, asserted_by=FILE_TAG)


def _origin(tags: Tags, value: str, otherwise: str) -> str:
    """Return ``tag:KEY`` with the file's own name for the field, as far as the raw tags still show it."""
    return f"tag:{next((key for key, values in tags.raw.items() if value in values), otherwise)}"
