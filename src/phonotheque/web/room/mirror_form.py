"""The form of the mirror door, read: how much room there is, which bags are wanted, and where."""

from __future__ import annotations

import re
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from starlette.datastructures import QueryParams

from phonotheque.mirrors.only import Query, parse_query
from phonotheque.model.errors import UsageError
from phonotheque.model.sizes import parse_size
from phonotheque.model.territory import COUNTRIES

KINDS: Final = ("master", "access")
SHARES: Final = ("100", "80", "50")
LICENCES: Final = 12  # that are offered
_LONGEST: Final = 2000
_MOST_LICENCES: Final = 50
_YEAR: Final = re.compile(r"[0-9]{4}", re.ASCII)
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")
_LICENCE: Final = re.compile(r"[A-Za-z0-9.+-]{1,100}")
_FRENCH: Final = re.compile(r"([kmgtp]i?)?o(?:ctets?)?$", re.IGNORECASE)
_UNITS: Final = (("PB", 10**15), ("TB", 10**12), ("GB", 10**9), ("MB", 10**6))


@dataclass(frozen=True)
class Form:
    """What was filled in, as it was typed, and what is wrong with it by the name of the field.

    What is wrong is the text of a sentence in English (see ``query_errors``), or "" where the template knows.
    """

    size: str = ""
    licences: tuple[str, ...] = ()
    first: str = ""
    last: str = ""
    kind: str = ""
    share: str = "100"
    no_artwork: bool = False
    only: str = ""
    country: str = ""
    whose: str = ""
    asked: bool = False  # the form was sent, not only looked at
    bytes: int | None = None
    query: Query = field(default_factory=Query)
    wrong: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """What is wanted in the words of ``--only``."""
        said = []
        if self.licences:
            said.append(f"licence:{','.join(self.licences)}")
        if self.first or self.last:
            same = self.first == self.last
            said.append(f"year:{self.first}" if same else f"year:{self.first}..{self.last}")
        if self.kind:
            said.append(f"kind:{self.kind}")
        if self.no_artwork:
            said.append("-wave:artwork")
        if self.share != SHARES[0] and "share:" not in self.only:
            said.append(f"share:{self.share}%")
        if self.only:
            said.append(self.only)
        return " ".join(said)

    @property
    def asking(self) -> dict[str, str | list[str]]:
        """The same as the query of an address, what is empty left out."""
        told: dict[str, str | list[str]] = {
            "size": self.size,
            "licence": list(self.licences),
            "from": self.first,
            "to": self.last,
            "kind": self.kind,
            "share": self.share if self.share != SHARES[0] else "",
            "artwork": "no" if self.no_artwork else "",
            "only": self.only,
            "in": self.country,
            "as": self.whose,
        }
        return {name: value for name, value in told.items() if value}


def read_form(asked: QueryParams, country: str) -> Form:
    """Read the form. ``country`` is where the visitor is thought to be; what they say goes before it."""
    wrong: dict[str, str] = {}
    size = asked.get("size", "").strip()[:40]
    licences = tuple(name for name in asked.getlist("licence")[:_MOST_LICENCES] if _LICENCE.fullmatch(name))
    first, last = (asked.get(name, "").strip()[:10] for name in ("from", "to"))
    share, kind = asked.get("share", SHARES[0]), asked.get("kind", "")
    said = asked.get("in", "").strip().upper()[:4] if "in" in asked else country
    whose = asked.get("as", "")
    form = Form(
        size=size,
        licences=licences,
        first=first,
        last=last,
        kind=kind if kind in KINDS else "",
        share=share if share in SHARES else SHARES[0],
        no_artwork=asked.get("artwork") == "no",
        only=" ".join(asked.get("only", "")[: _LONGEST + 1].split()),
        country=said,
        whose=whose if _NAME.fullmatch(whose) else secrets.token_hex(4),
        asked="size" in asked,
    )
    if not form.asked:
        return form
    room = _room(size, wrong)
    if any(year and not _YEAR.fullmatch(year) for year in (first, last)) or (first and last and first > last):
        wrong["year"] = ""
    if said and said not in COUNTRIES:
        wrong["in"] = ""
    query = Query()
    try:
        query = parse_query(form.only)
        if not wrong:
            query = parse_query(form.words)
    except UsageError as error:
        wrong["only"] = error.message
    return replace(form, bytes=room, query=query, wrong=wrong)


def parse_room(text: str) -> int:
    """Return the bytes of "2 TB", and of "1,5 To". Raises UsageError."""
    plain = text.replace("\u00a0", " ").replace("\u202f", " ").strip()
    plain = _FRENCH.sub(lambda found: f"{found[1] or ''}B", plain)
    return parse_size(plain.replace(",", "."))


def exact_size(size: int) -> str:
    """Return bytes as ``--budget`` reads them, in the largest unit that leaves nothing over."""
    for name, unit in _UNITS:
        if size >= unit and size * 1000 % unit == 0:
            return f"{size / unit:g}{name}"
    return str(size)


def command(form: Form, address: str, fingerprint: str | None) -> str:
    """Return the command that makes such a mirror."""
    words = ["phono", "mirror", address, "my-mirror", "--budget", exact_size(form.bytes or 0)]
    return shlex.join([*words, *_chosen(form, fingerprint)])


def list_command(form: Form, address: str, fingerprint: str | None) -> str:
    """Return the command that gives the same list to a client of one's own."""
    words = ["phono", "mirror", "list", address, "--max", exact_size(form.bytes or 0)]
    return shlex.join([*words, *_chosen(form, fingerprint), "--name", form.whose])


def _chosen(form: Form, fingerprint: str | None) -> list[str]:
    words = ["--only", form.words] if form.words else []
    words += ["--in", form.country] if form.country else []
    return [*words, *(["--trust", fingerprint] if fingerprint else [])]


def _room(size: str, wrong: dict[str, str]) -> int | None:
    try:
        room = parse_room(size)
    except UsageError:
        room = 0
    if room <= 0:
        wrong["size"] = ""
        return None
    return room
