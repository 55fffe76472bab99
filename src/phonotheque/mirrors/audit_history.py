"""Whether an edition owns up to all that its predecessors published and took back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from phonotheque.editions.audit import Fault, What
from phonotheque.editions.edition import MAX_EDITION_BYTES, BagEntry, Edition, read_edition
from phonotheque.mirrors.origin import Origin, fetch
from phonotheque.model.errors import NotFoundError, VerificationError


def audit_history(origin: Origin, edition: Edition, audiences: dict[str, str]) -> Iterator[Fault]:
    """Follow the editions back, each by the hash that its successor gives, and compare them with this one.

    ``audiences`` takes that of every bag that any of them had: where a withdrawn one lay.

    Every bag that was ever published is current, as it was, or withdrawn; every tombstone stays. An older
    edition that is not there (a mirror may lack some) ends the walk.
    """
    current: dict[str, BagEntry] = {bag.id: bag for bag in edition.bags}
    withdrawn = {withdrawal.bag for withdrawal in edition.withdrawals}
    stones = {(stone.id, stone.recording, stone.date) for stone in edition.tombstones}
    before = edition.previous
    while before is not None:
        where = f"targets/editions/{before.number}/{before.sha256}.edition.json"
        try:
            data = fetch(origin, where, MAX_EDITION_BYTES)
            if hashlib.sha256(data).hexdigest() != before.sha256:
                raise VerificationError(f"{where} is not what its successor lists")
            older = read_edition(data)
        except NotFoundError:
            return
        except VerificationError as error:
            yield Fault(What.DAMAGED, "", where, error.message)
            return
        said = f"edition {older.number} of {older.date[:10]}"
        for bag in older.bags:
            audiences.setdefault(bag.id, bag.audience)
            if bag.id in withdrawn:
                continue
            if bag.id not in current:
                yield Fault(What.HISTORY, bag.id, "", f"was in {said}, and was dropped without a withdrawal")
            elif current[bag.id] != bag:
                yield Fault(
                    What.HISTORY, bag.id, "", f"was in {said} as something else: sealed bags never change"
                )
        for gone in older.withdrawals:
            if gone.bag not in withdrawn:
                yield Fault(What.HISTORY, gone.bag, "", f"{said} withdrew it; this edition does not say so")
        for stone in older.tombstones:
            if (stone.id, stone.recording, stone.date) not in stones:
                what = stone.recording or ", ".join(stone.sha256)
                yield Fault(What.HISTORY, "", "", f"{said} has a tombstone of {what}; this one has not")
        before = older.previous if older.previous and older.previous.number < older.number else None
