"""The pages of editions: all that are here, and what one brought, took back, and how to check it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from phonotheque.editions.edition import BagEntry, IndexEntry, Tombstone, Withdrawal
from phonotheque.mirrors.copies import BagCopies
from phonotheque.model.errors import NotFoundError
from phonotheque.web.room.pages import room_of
from phonotheque.web.room.place_words import cursor, number, place_page
from phonotheque.web.room.published import Kept, Published

ROUTES: Final = APIRouter()
_LISTED: Final = 50
_CHANGES: Final = 100  # bags, or recordings, that are listed on the page of an edition


@dataclass(frozen=True, slots=True)
class Changes:
    """What an edition changed in the one before it; ``known`` where that one is here to compare with."""

    known: bool
    added: Sequence[BagEntry]
    revised: Sequence[Withdrawal]  # bags in whose place another one came
    withdrawn: Sequence[Withdrawal]  # bags of which nothing remains
    taken_back: Sequence[Tombstone]
    given_again: Sequence[Tombstone]
    recordings: int
    bytes: int


@ROUTES.api_route("/editions", methods=["GET", "HEAD"])
def editions(request: Request) -> Response:
    """Answer the editions that are here, the newest first."""
    published = room_of(request).published
    numbers = published.numbers()
    if before := cursor(request, "before"):
        numbers = [one for one in numbers if one < number(before, "an edition")]
    shown = [(one, published.date(one)) for one in numbers[:_LISTED]]
    return place_page(
        request,
        "editions.html.j2",
        shown=shown,
        begun=before,
        more=shown[-1][0] if len(numbers) > _LISTED else None,
        current=published.current(),
    )


@ROUTES.api_route("/edition/{text}", methods=["GET", "HEAD"])
def edition(request: Request, text: str) -> Response:
    """Answer the page of an edition."""
    published = room_of(request).published
    kept = published.edition(number(text, "an edition"))
    if kept is None:
        raise NotFoundError(f"Edition {text} is not here.", "The list of editions has those that are.")
    before = kept.edition.previous
    earlier = published.edition(before.number) if before else None
    copies = published.copies(kept)
    changes = changes_in(kept, earlier)
    return place_page(
        request,
        "edition.html.j2",
        kept=kept,
        edition=kept.edition,
        changes=changes,
        most=_CHANGES,
        added=[(bag, _of(copies.bags, bag.id) if copies else None) for bag in changes.added[:_CHANGES]],
        counted_at=copies.time if copies else None,
        earlier=earlier,
        fingerprint=published.fingerprint(),
        files=_files(published, kept),
        is_current=published.current() is kept,
    )


def changes_in(kept: Kept, earlier: Kept | None) -> Changes:
    """Return what is different in an edition from the one before; all of it is new in the first."""
    edition = kept.edition
    known = earlier is not None or edition.previous is None
    bags: Mapping[str, BagEntry] = earlier.bags if earlier else {}
    gone = set(earlier.withdrawn) if earlier else set()
    was = {(stone.id, stone.recording): stone for stone in earlier.edition.tombstones} if earlier else {}
    if known:
        added = [bag for bag in edition.bags if bag.id not in bags]
    else:  # the bags say themselves which edition they came with
        added = [bag for bag in edition.bags if bag.edition == edition.number]
    fresh = [one for one in edition.withdrawals if one.bag not in gone] if known else []
    before = {bag.id for bag in added}
    stones = (
        [stone for stone in edition.tombstones if (stone.id, stone.recording) not in was] if known else []
    )
    again = [
        stone
        for stone in edition.tombstones
        if stone.reinstated and (old := was.get((stone.id, stone.recording))) and not old.reinstated
    ]
    return Changes(
        known=known,
        added=added,
        revised=[one for one in fresh if one.replaced_by in before],
        withdrawn=[one for one in fresh if one.replaced_by not in before],
        taken_back=[stone for stone in stones if not stone.reinstated],
        given_again=again,
        recordings=sum(bag.recordings for bag in added),
        bytes=sum(bag.bytes for bag in added),
    )


def _of(bags: Mapping[str, BagCopies], bag: str) -> BagCopies:
    return bags.get(bag, BagCopies())


def _files(published: Published, kept: Kept) -> list[tuple[str, str, str | None, int | None, bool]]:
    """Return name, address, SHA-256, bytes, and whether it is here, of the files an edition consists of."""
    edition = kept.edition
    folder = f"/targets/editions/{edition.number}"
    found: list[tuple[str, str, str | None, int | None, bool]] = [
        ("edition.json", f"{folder}/edition.json", kept.sha256, None, True)
    ]
    listed: list[IndexEntry] = [edition.index, *([edition.about] if edition.about else [])]
    for one in listed:
        name = one.path.rpartition("/")[2]
        found.append((name, f"/targets/{quote(one.path)}", one.sha256, one.size, published.target(one)))
    return found
