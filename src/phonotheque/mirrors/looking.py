"""A mirror's looks at its origins: what is followed is recorded, and what its keeper should know is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from phonotheque.ledger.events import record_event
from phonotheque.mirrors.follow import Followed, accepted, follow
from phonotheque.mirrors.home import trust_dir
from phonotheque.mirrors.origin import Origin
from phonotheque.mirrors.rest import Rest
from phonotheque.model.errors import VerificationError
from phonotheque.model.progress import Progress
from phonotheque.vault.archive import Archive, timestamp


@dataclass(frozen=True, slots=True)
class Looking:
    """What a mirror follows. ``once``: an origin that does not verify ends the run, else it is said."""

    mirror: Archive
    origin: Origin
    trust: str | None
    once: bool
    progress: Progress
    clock: Callable[[], datetime]
    rest: Rest

    def follow(self) -> Followed:
        """Return the newest edition that verifies; what was accepted before while origins are left alone."""
        home, say = trust_dir(self.mirror), self.progress.say
        before = accepted(home, now=self.clock())
        if before is not None and not self.rest.over:
            return before
        try:
            followed = follow(self.origin, home, now=self.clock(), trust=self.trust)
        except VerificationError as error:
            self.rest.failed()
            if self.once or before is None:
                raise
            say(f"{error.message} Serving on edition {before.edition.number}.")
            return before
        (self.rest.failed if followed.offline else self.rest.answered)()
        number = followed.edition.number
        for warning in followed.warnings:
            say(warning)
        if followed.first_use:
            say(f"First contact: compare the fingerprint {followed.fingerprint} with the publisher's.")
        if followed.offline:
            say(f"{self.origin.where} does not answer; going on with edition {number}.")
        if followed.stale:
            roles = ", ".join(followed.stale)
            say(f"Signatures have expired ({roles}): the origin is outdated or abandoned.")
        if before is None or before.edition.number < number:
            self._record(followed)
        return followed

    def news(self, followed: Followed) -> bool:
        """Look at the origin while bags are on their way; tell whether it has another edition."""
        number = followed.edition.number
        if not self.rest.over:
            return False
        try:
            found = follow(self.origin, trust_dir(self.mirror), now=self.clock(), trust=self.trust)
        except VerificationError as error:
            self.rest.failed()
            self.progress.say(f"{error.message} Going on with edition {number}.")
            return False
        if found.edition.number == number:
            return False
        self._record(found)
        self.progress.say(
            f"Edition {found.edition.number} is out: it is followed before anything else is fetched."
        )
        return True

    def _record(self, followed: Followed) -> None:
        detail = {
            "sha256": followed.sha256,
            "origin": self.origin.where,
            "fingerprint": followed.fingerprint,
        }
        with self.mirror.ledger.begin() as connection:
            record_event(
                connection,
                at=timestamp(self.clock()),
                kind="digital signature validation",
                subject=f"edition {followed.edition.number}",
                agent=self.mirror.settings.archive.agent,
                detail=detail,
            )
