"""Who may be given what of the public tree: by where they are, and by what the edition still lists.

A bag for some countries only, and its torrent, go to those who are there. Where somebody is, the server knows
(it is reached from one country only), or a proxy tells it in a header, or else who asks says so, as mirrors
do. Nobody is asked to prove it: that is what a proxy with a list of addresses is for.
"""

from __future__ import annotations

import json
import os
import unicodedata
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from phonotheque.editions.edition import Edition, Tombstone, read_edition
from phonotheque.editions.shelves import RESTRICTED, shelved
from phonotheque.mirrors.follow import EDITION
from phonotheque.mirrors.home import trust_dir
from phonotheque.mirrors.origin import COUNTRY_HEADER
from phonotheque.mirrors.whereabouts import may_hold
from phonotheque.model.errors import VerificationError
from phonotheque.model.territory import COUNTRIES, WORLDWIDE
from phonotheque.vault.archive import Archive
from phonotheque.vault.names import same_place

WITHDRAWALS = "withdrawals.json"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a bag stands in the edition that is obeyed: who may have it, or in words that it was taken back."""

    audience: str  # model.territory
    withdrawn: str = ""


@dataclass(frozen=True, slots=True)
class Visitors:
    """How it is known where visitors are: all ``in`` one country, or as a trusted ``header`` says."""

    all_in: str = ""
    header: str = ""

    def country(self, request: Request) -> str:
        """Return the country of who asks, "" if it is not known: also where several are said.

        A proxy that adds its header to one that was sent already leaves the visitor's word beside its own.
        """
        told = [self.all_in] if self.all_in else request.headers.getlist(self.header or COUNTRY_HEADER)
        said = told[0].strip().upper() if len(told) == 1 else ""
        return said if said in COUNTRIES else ""


ANYBODY = Visitors()


class Guard:
    """Answers in place of a file that is not for who asks, or is not there for a reason."""

    def __init__(self, archive: Archive, visitors: Visitors) -> None:
        # A mirror obeys an edition from the moment it is accepted, and shows it when the round is over.
        published = archive.public / "targets" / EDITION
        self._files = [trust_dir(archive) / EDITION, published] if archive.is_mirror else [published]
        self._address = archive.settings.publish.url or "/"
        self._visitors = visitors
        self._seen: tuple[tuple[int, int, int], Edition] | None = None
        self._audiences: dict[str, str] = {}
        self._withdrawn: dict[str, str] = {}
        self._stones: dict[str, list[Tombstone]] = {}

    def standing(self, bag: str) -> Standing | None:
        """Return how a bag stands in the current edition, None if it is none of its bags.

        Raises VerificationError while that edition cannot be read.
        """
        self._look()
        place = _place(bag)
        if withdrawn := self._withdrawn.get(place):
            return Standing("", withdrawn)
        audience = self._audiences.get(place)
        return None if audience is None else Standing(audience)

    def tombstones(self, sha256: str) -> list[Tombstone]:
        """Return the tombstones of a file's bytes in the current edition. Raises VerificationError."""
        self._look()
        return self._stones.get(sha256, [])

    def blocked_by(self) -> dict[str, str]:
        """Return the header that names who bars the way (RFC 7725 §4)."""
        return {"Link": f'<{quote(self._address, safe=":/?#[]@!$&()*+,;=%~")}>; rel="blocked-by"'}

    def refusal(self, request: Request, path: str) -> Response | None:
        """Return the answer for who may not have the file at ``path``, else None."""
        place = _place(path)
        asked = shelved(place)
        if asked is None:
            return _nothing() if RESTRICTED in place.split("/")[:4] else None
        try:
            self._look()
        except VerificationError:
            return _unknown()
        if asked.bag in self._withdrawn:
            return PlainTextResponse(self._withdrawn[asked.bag], status_code=410)
        audience = self._audiences.get(asked.bag, WORLDWIDE)
        if audience == WORLDWIDE:
            return None if asked.shelf is None else _nothing()
        country = self._visitors.country(request)
        return None if may_hold(country, audience) else self._barred(audience, country)

    def vary(self, path: str) -> dict[str, str]:
        """Return the headers that tell caches on what an answer for ``path`` depends."""
        if RESTRICTED not in _place(path).split("/") or self._visitors.all_in:
            return {}
        return {"Vary": self._visitors.header or COUNTRY_HEADER}

    def withdrawals(self) -> Response | None:
        """Return what the current edition has taken back, as JSON; None before the first edition."""
        try:
            edition = self._look()
        except VerificationError:
            return _unknown()
        if edition is None:
            return None
        found = {
            "edition": edition.number,
            "date": edition.date,
            "withdrawals": [asdict(withdrawal) for withdrawal in edition.withdrawals],
            "tombstones": [asdict(stone) for stone in edition.tombstones],
        }
        text = json.dumps(found, ensure_ascii=False, indent=1) + "\n"
        return Response(text, media_type="application/json")

    def _look(self) -> Edition | None:
        """Return the current edition, read again when its file is another one."""
        for file in self._files:
            with suppress(FileNotFoundError):
                return self._read(file, file.stat())
        return None

    def _read(self, file: Path, status: os.stat_result) -> Edition:
        stamp = (status.st_ino, status.st_mtime_ns, status.st_size)
        if self._seen is None or self._seen[0] != stamp:
            edition = read_edition(file.read_bytes())
            self._audiences = {_place(bag.id): bag.audience for bag in edition.bags}
            self._withdrawn = {
                _place(gone.bag): f"This was withdrawn on {gone.date[:10]}: {gone.reason}\n"
                for gone in edition.withdrawals
            }
            stones: dict[str, list[Tombstone]] = {}
            for stone in edition.tombstones:
                for sha256 in stone.sha256:
                    stones.setdefault(sha256, []).append(stone)
            self._stones = stones
            self._seen = stamp, edition
        return self._seen[1]

    def _barred(self, audience: str, country: str) -> Response:
        """Answer 451, naming who bars the way (RFC 7725 §3, §4)."""
        where = f"you are in {country}" if country else "it is not known where you are"
        text = f"This may be had only in: {audience}; {where}. {self._how()}\n"
        return PlainTextResponse(text, status_code=451, headers=self.blocked_by())

    def _how(self) -> str:
        if self._visitors.all_in or self._visitors.header:
            return "This is decided by where your connection comes from."
        return f"If you are there, say so in the header {COUNTRY_HEADER}: phono mirror does, with --in."


def _place(path: str) -> str:
    """Return a key that is equal for all paths by which some file system would find the same file.

    Besides case and normalisation (:func:`same_place`), some ignore characters that cannot be seen, or dots
    and spaces at the end of a name, or take a backslash for a slash.
    """
    seen = "".join(char for char in path.replace("\\", "/") if unicodedata.category(char) != "Cf")
    return "/".join(name.rstrip(". ") for name in same_place(seen).split("/"))


def _unknown() -> Response:
    """Answer while nobody can know what may be given."""
    return PlainTextResponse("The current edition cannot be read here; try again later.\n", status_code=503)


def _nothing() -> Response:
    return PlainTextResponse("There is nothing here.\n", status_code=404)
