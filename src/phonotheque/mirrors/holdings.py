"""Which bags ought to lie in a folder, and what is known of them from elsewhere than the folder itself."""

from __future__ import annotations

from phonotheque.editions.edition import Edition, read_edition
from phonotheque.ledger.holdings import GOING, HELD, HoldingState, all_holdings, lost_since, verified_files
from phonotheque.mirrors.follow import EDITION, accepted
from phonotheque.mirrors.home import trust_dir
from phonotheque.mirrors.whereabouts import may_hold
from phonotheque.model.errors import NotFoundError
from phonotheque.vault.archive import Archive, now


def current_edition(folder: Archive) -> Edition:
    """Return the edition a mirror has accepted, or the one an archive has published. Raises NotFoundError."""
    if folder.is_mirror:
        followed = accepted(trust_dir(folder), now=now())
        if followed is None:
            raise NotFoundError(f"{folder.folder} has not followed an edition yet.", "Run: phono mirror")
        return followed.edition
    try:
        return read_edition((folder.public / "targets" / EDITION).read_bytes())
    except FileNotFoundError as error:
        raise NotFoundError(f"{folder.folder} has published no edition.", "Run: phono publish") from error


def lost_by_moving(mirror: Archive, country: str) -> dict[str, int]:
    """Return the bags held here that may not be held in ``country``, with their bytes."""
    followed = accepted(trust_dir(mirror), now=now())
    if followed is None:
        return {}
    with mirror.ledger.connect() as connection:
        held = {bag for bag, holding in all_holdings(connection).items() if holding.state not in GOING}
    return {
        entry.id: entry.bytes
        for entry in followed.edition.bags
        if entry.id in held and not may_hold(country, entry.audience)
    }


def expected_bags(mirror: Archive) -> dict[str, str | None]:
    """Return the bags that should lie in a mirror's ``vault/bags``, with the SHA-256 of their tag manifests.

    Those are the ones held, whole or in part, and others whose folder is there, but none that has to go; the
    hash is None for a bag that the edition does not list.
    """
    with mirror.ledger.connect() as connection:
        held = all_holdings(connection)
    if not held:
        return {}
    known = {entry.id: entry.tagmanifest_sha256 for entry in current_edition(mirror).bags}
    return {
        bag: known.get(bag)
        for bag, holding in held.items()
        if holding.state in HELD or (holding.state not in GOING and (mirror.bags / bag).exists())
    }


def parts_held(mirror: Archive) -> dict[str, frozenset[str]]:
    """Return, of each bag that a mirror holds in part, the files that were verified."""
    with mirror.ledger.connect() as connection:
        return {
            bag: frozenset(verified_files(connection, bag))
            for bag, holding in all_holdings(connection).items()
            if holding.state is HoldingState.PARTIAL
        }


def parts_expected(mirror: Archive) -> dict[str, frozenset[str]]:
    """Return, of each bag that a mirror holds in part, the files that ought to be there: lost ones, too."""
    with mirror.ledger.connect() as connection:
        return {
            bag: frozenset(verified_files(connection, bag) | lost_since(connection, bag))
            for bag, holding in all_holdings(connection).items()
            if holding.state is HoldingState.PARTIAL
        }
