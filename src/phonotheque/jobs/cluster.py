"""A Dask cluster's workers as an executor, by the address of its scheduler.

Dask is an extra, ``phonotheque[cluster]``, and slow to import: nothing of it is touched without an address.
"""

from __future__ import annotations

import logging
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from phonotheque.jobs.child import WorkerDied
from phonotheque.jobs.cluster_worker import Meeting, meet, work_there
from phonotheque.model.errors import NetworkError, UsageError

Client = Any  # distributed.Client: its methods have no types

_PATIENCE: Final = 10  # seconds for a scheduler to answer
_COUNTED: Final = 5.0  # seconds for which a number of workers is believed
_MARK: Final = ".taking-token-"  # removed with what an interrupted run left half-copied
_SAME: Final = ("phonotheque", "distributed")  # packages of which the versions must be equal everywhere


class ClusterPool(Executor):
    """The workers of a cluster. They may come and go; work that a lost one had is given to another."""

    def __init__(self, client: Client, address: str, meeting: Meeting, say: Callable[[str], None]) -> None:
        from distributed import KilledWorker

        self._say = say
        self._client = client
        self._address = address
        self._meeting = meeting
        self._killed = KilledWorker
        # Not "pure": the same work given again is to be done again.
        self._executor = client.get_executor(pure=False)
        self._slots = -1  # not known yet
        self._counted = -_COUNTED

    def slots(self) -> int:
        """Return how many pieces of work the workers can do at once, at least one. Raises NetworkError."""
        if time.monotonic() - self._counted > _COUNTED:
            with self._connected():
                now = sum(self._client.nthreads().values())
            if not now and self._slots != now:
                self._say(f"{self._address} has no workers: the work waits until there are some.")
            self._slots = now
            self._counted = time.monotonic()
        return max(1, self._slots)

    def submit(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a worker do ``work(chunk)``.

        The future raises WorkerDied if a process dies of that, or one worker after another is lost with it,
        and NetworkError if the scheduler is.
        """
        with self._connected():
            inner = self._executor.submit(work_there, self._meeting, work, *args, **kwargs)
        outer: Future[Any] = Future()
        inner.add_done_callback(partial(self._hand_on, outer))
        return outer

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Leave the cluster; it forgets what it was given. What it is just at, it finishes for nothing."""
        try:
            self._client.close(timeout=_PATIENCE)
        finally:
            self._meeting.token.unlink(missing_ok=True)

    @contextmanager
    def _connected(self) -> Iterator[None]:
        if self._client.status != "running":
            raise _lost(self._address)
        try:
            yield
        except OSError as error:
            raise _lost(self._address) from error

    def _hand_on(self, outer: Future[Any], inner: Future[Any]) -> None:
        if inner.cancelled():
            lost = self._client.status != "running"
            outer.set_exception(_lost(self._address) if lost else WorkerDied("the cluster cancelled it"))
        elif isinstance(error := inner.exception(), self._killed):
            outer.set_exception(WorkerDied(f"{error.allowed_failures + 1} workers that had it were lost"))
        elif error is not None:
            outer.set_exception(error)
        else:
            outer.set_result(inner.result())


def cluster_pool(
    address: str, *, shared: Path, folders: Sequence[Path] = (), say: Callable[[str], None] = lambda _: None
) -> ClusterPool:
    """Return the workers of the Dask scheduler at ``address`` ("tcp://host:8786", "tls://…").

    ``shared`` is the folder that they write to, ``folders`` are what they read besides: absolute paths, the
    same on all machines. Raises UsageError when Dask is not installed, the address means nothing, or the
    machines do not have the same packages or do not see the same folders; NetworkError when nobody answers.
    """
    client = _client(address)
    try:
        with _reaching(address):
            versions = client.get_versions(packages=list(_SAME))
            compare_versions(versions)
            meeting = _meeting(shared, folders)
            try:
                client.run(meet, meeting)
                return ClusterPool(client, address, meeting, say)
            except BaseException:
                meeting.token.unlink(missing_ok=True)
                raise
    except BaseException:
        client.close(timeout=_PATIENCE)
        raise


def compare_versions(versions: Mapping[str, Any]) -> None:
    """Make sure that client, scheduler and workers have the same packages. Raises UsageError."""
    ours = versions["client"]
    others = {"the scheduler": versions["scheduler"]}
    others |= {f"the worker {address}": about for address, about in versions["workers"].items()}
    for where, theirs in others.items():
        for package in _SAME:
            want, have = ours["packages"].get(package), theirs["packages"].get(package)
            if have is None:
                raise _unequal(f"On {where}, {package} is not installed", want, package)
            if have != want:
                raise _unequal(f"On {where}, {package} is version {have}, and here {want}", want, package)
        want, have = (_minor(about["host"]["python"]) for about in (ours, theirs))
        if have != want:
            raise UsageError(
                f"On {where}, Python is version {have}, and here {want}.", "Use the same on all machines."
            )


def _unequal(problem: str, version: str | None, package: str) -> UsageError:
    extra = "[cluster]" if package == "phonotheque" else ""
    return UsageError(f"{problem}.", f"On all machines: pip install '{package}{extra}=={version}'")


def _minor(python: str) -> str:
    return ".".join(python.split(".")[:2])


def _client(address: str) -> Client:
    try:
        import distributed
    except ImportError as error:
        raise UsageError(
            f"A cluster needs the package “distributed” ({error}).", "pip install 'phonotheque[cluster]'"
        ) from error
    logging.getLogger("distributed").setLevel(
        logging.CRITICAL
    )  # what matters is raised, and said in our words
    try:
        # A scheme that is not known, or TLS without a certificate: what Dask says of it is plain enough.
        with _reaching(address), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions that differ: compared next
            client: Client = distributed.Client(address, timeout=_PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]
            return client
    except (ValueError, TypeError, RuntimeError) as error:
        raise UsageError(
            f"No cluster can be reached by “{address}”: {error}.",
            "Give the address that the scheduler shows, such as tcp://host:8786 or tls://host:8786.",
        ) from error


def _meeting(shared: Path, folders: Sequence[Path]) -> Meeting:
    word = uuid.uuid4().hex
    token = shared / f"{_MARK}{word}"
    token.write_text(word, encoding="ascii")
    return Meeting(token, word, token.stat().st_ino, tuple(folders))


@contextmanager
def _reaching(address: str) -> Iterator[None]:
    try:
        yield
    except (OSError, TimeoutError) as error:
        if getattr(error, "filename", None) is not None:
            raise  # of a file, not of the network
        raise NetworkError(
            f"The scheduler {address} does not answer: {error}.",
            "Start it, or correct its address; then run the same command again.",
        ) from error


def _lost(address: str) -> NetworkError:
    return NetworkError(
        f"The connection to the scheduler {address} was lost.",
        "Nothing acknowledged is lost: run the same command again to go on.",
    )
