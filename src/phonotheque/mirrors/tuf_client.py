"""The Update Framework's client: python-tuf's, reading from an origin.

TUF specification 1.0, section 5 (https://theupdateframework.github.io/specification/latest/). python-tuf does
its whole workflow: every root in turn, signed by the one before and by itself; thresholds; versions that
never go back; the snapshot against the timestamp; lengths and hashes; local metadata that the newest root's
keys did not sign is dropped, which ends a fast-forward attack (5.3.11).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tuf.api.exceptions import (
    BadVersionNumberError,
    DownloadHTTPError,
    DownloadLengthMismatchError,
    RepositoryError,
)
from tuf.api.metadata import Metadata, Root, TargetFile
from tuf.ngclient import Updater
from tuf.ngclient.fetcher import FetcherInterface

from phonotheque.mirrors.origin import Origin
from phonotheque.model.errors import NotFoundError, VerificationError

ROLE_FILES = ("root.json", "timestamp.json", "snapshot.json", "targets.json")  # of python-tuf's client
MAX_ROOT = 512_000  # bytes, as python-tuf's client has it
MAX_TIMESTAMP = 16_384
TIMESTAMP = "metadata/timestamp.json"
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
ADVICE = "Nothing was taken from it; what is held stays. Ask the publisher, by another way, what happened."
_SCHEME = "origin:"


def trusted_root(trust_dir: Path) -> Root | None:
    """Return the newest root that is trusted, None before the first one. Raises VerificationError."""
    path = trust_dir / ROLE_FILES[0]
    try:
        return Metadata[Root].from_bytes(path.read_bytes()).signed
    except FileNotFoundError:
        return None
    except RepositoryError as error:
        raise VerificationError(f"{path} does not make sense: {error}.", ADVICE) from error


class BehindError(VerificationError):
    """The origin's timestamp is properly signed, and older than what was accepted before.

    The publisher's own server that says so is attacked; another mirror may just not have looked yet.
    """


class TufClient:
    """One look at an origin. ``trust_dir`` keeps what is trusted, and must hold a ``root.json``.

    Metadata that had expired at ``clock`` is refused. At the default, nothing has: a mirror calls expired
    metadata stale, and follows it, because an archive must outlive its publisher. ``ready`` holds files, by
    path, that were just read from the same origin.
    """

    def __init__(
        self,
        origin: Origin,
        trust_dir: Path,
        *,
        clock: datetime = LONG_AGO,
        ready: Mapping[str, bytes] | None = None,
    ) -> None:
        self._origin = origin
        self._fetcher = _Fetcher(origin, dict(ready or {}))
        with self._naming_files():
            self._updater = Updater(
                str(trust_dir), f"{_SCHEME}metadata/", fetcher=self._fetcher, bootstrap=None
            )
            # No public way leads to the client's clock. Should this name ever change, expired metadata would
            # be refused (and a test fail), nothing would be accepted that should not be.
            self._updater._trusted_set.reference_time = clock

    def refresh(self) -> None:
        """Bring the four top-level roles up to date. Raises VerificationError naming the file."""
        with self._naming_files():
            self._updater.refresh()

    def find(self, path: str) -> TargetFile | None:
        """Return what the signed metadata say of a target; None if they list no such thing."""
        with self._naming_files():
            return self._updater.get_targetinfo(path)

    def read(self, target: TargetFile, max_bytes: int) -> bytes:
        """Return a target's bytes, verified. Raises VerificationError."""
        path = f"targets/{self._name(target)}"
        if target.length > max_bytes:
            raise VerificationError(f"{path} is too large: {target.length} bytes.", ADVICE)
        with self._naming_files():
            data = self._fetcher.download_bytes(_SCHEME + path, target.length)
        try:
            target.verify_length_and_hashes(data)
        except RepositoryError as error:
            raise VerificationError(
                f"{path} at {self._origin.where} is not what targets.json lists: {error}.", ADVICE
            ) from error
        return data

    def _name(self, target: TargetFile) -> str:
        """Return the name under which a target is asked for: TUF 1.0 §6.2, consistent snapshots."""
        if not self._updater._trusted_set.root.consistent_snapshot:
            return target.path
        folder, slash, name = target.path.rpartition("/")
        digest = target.hashes.get("sha256") or next(iter(target.hashes.values()))
        return f"{folder}{slash}{digest}.{name}"

    @contextmanager
    def _naming_files(self) -> Iterator[None]:
        try:
            yield
        except DownloadHTTPError as error:
            raise NotFoundError(str(error), "The tree is incomplete there: try again later.") from error
        except (DownloadLengthMismatchError, RepositoryError) as error:
            where = f"{self._fetcher.last} at {self._origin.where}"
            if isinstance(error, BadVersionNumberError) and self._fetcher.last == TIMESTAMP:
                raise BehindError(f"{where} does not verify, as it is too old: {error}.", ADVICE) from error
            raise VerificationError(f"{where} does not verify: {error}.", ADVICE) from error


class _Fetcher(FetcherInterface):
    """Lets python-tuf's client read from an origin, and remembers what it read last, for messages."""

    def __init__(self, origin: Origin, ready: dict[str, bytes]) -> None:
        self._origin = origin
        self._ready = ready
        self.last = "metadata/1.root.json"

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.last = url.removeprefix(_SCHEME)
        if (data := self._ready.pop(self.last, None)) is not None:
            yield data
            return
        try:
            yield from self._origin.open_range(self.last)
        except NotFoundError as error:
            raise DownloadHTTPError(error.message, 404) from error
