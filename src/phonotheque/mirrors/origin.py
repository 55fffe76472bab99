"""Where a mirror reads a public tree from: a web server, or a folder. Nothing read is trusted here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from errno import EINVAL, ELOOP, ENOTDIR
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError

from phonotheque.editions.shelves import BAGS, RESTRICTED
from phonotheque.mirrors.patience import breakable, paced
from phonotheque.mirrors.pools import web_pool
from phonotheque.model.errors import NetworkError, NotFoundError, UsageError, VerificationError
from phonotheque.model.proxies import Proxy
from phonotheque.vault.names import check_portable
from phonotheque.vault.place import read_range
from phonotheque.vault.storage.base import PlaceGoneError, Storage

COUNTRY_HEADER = "Phonotheque-Country"  # ISO 3166-1 alpha-2: where the one who asks is
_CONNECT, _READ = 10.0, 30.0  # seconds: to connect, and between two pieces of an answer
_ETAG = re.compile(r'(W/)?"[\x21\x23-\x7e]{0,200}"')  # RFC 9110 §8.8.3, bounded
_CONDITIONS = ("If-None-Match", "If-Modified-Since")
_DATE = re.compile(r"[\x20-\x7e]{1,64}")


@dataclass(frozen=True, slots=True)
class Stamp:
    """By what a server tells whether a file has changed (RFC 9110 §8.8): empty where it does not say."""

    etag: str = ""
    modified: str = ""


Moved = Callable[[str], tuple[Storage, str] | None]


class Origin(Protocol):
    """A public tree. Paths are relative to it, with ``/``, and portable (checked)."""

    @property
    def where(self) -> str:
        """The address, for messages."""

    @property
    def web_seed(self) -> str | None:
        """The address to which a BitTorrent client adds ``<bag>/<path>`` (BEP 19), if there is one."""

    def open_range(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield ``length`` bytes of a file from ``start``, or all that follow; never more, perhaps fewer.

        Raises NotFoundError when the origin says there is no such file, NetworkError on any failure to read.
        """

    def read_if_changed(self, path: str, max_bytes: int, known: Stamp | None) -> tuple[bytes, Stamp] | None:
        """Return a whole small file and its stamp, None if it is still the one of which the stamp is known.

        Raises as :func:`fetch` does.
        """


def open_origin(
    text: str,
    *,
    country: str = "",
    timeout: float = _READ,
    retries: int = 3,
    proxy: Proxy | None = None,
    coming: bool = False,
) -> Origin:
    """Return the origin at an ``http(s)://`` URL, or in a folder (an archive, a mirror, its ``public``).

    ``country`` is told to a web server that is asked for something which not everybody may have.
    ``coming``: a folder may be there later.
    """
    if text.startswith(("btpk:", "magnet:")):
        raise UsageError(
            f"{text:.100} is followed by phono mirror only.", "Give the address or folder of a mirror here."
        )
    if "://" in text:
        return HttpOrigin(text, country=country, timeout=timeout, retries=retries, proxy=proxy)
    return FolderOrigin(Path(text), coming=coming)


def fetch(origin: Origin, path: str, max_bytes: int) -> bytes:
    """Return a whole small file. Raises VerificationError when it is larger than ``max_bytes``."""
    return _whole(origin.open_range(path, 0, max_bytes + 1), f"{path} at {origin.where}", max_bytes)


def _whole(chunks: Iterator[bytes], what: str, max_bytes: int) -> bytes:
    data = bytearray()
    for chunk in chunks:
        data += chunk
        if len(data) > max_bytes:
            raise VerificationError(
                f"{what} is larger than the {max_bytes} bytes it may have.",
                "The origin is damaged or hostile; nothing was taken from this file.",
            )
    return bytes(data)


def is_there(origin: Origin, path: str) -> bool:
    """Tell whether an origin has something at a path. Raises NetworkError."""
    try:
        for _ in origin.open_range(path, 0, 1):
            break
    except NotFoundError:
        return False
    except VerificationError:
        pass  # there is something of that name
    return True


class FolderOrigin:
    """A public tree in a folder. Links inside it are followed: what is read gets verified afterwards.

    ``moved`` tells of a file that is not there in which storage, under which key, it is instead, if it is.
    ``coming``: it may be there later, as a disk that is not in its place; else NotFoundError is raised now.
    """

    def __init__(
        self,
        folder: Path,
        moved: Callable[[str], tuple[Storage, str] | None] | None = None,
        *,
        coming: bool = False,
    ) -> None:
        self._folder = folder
        self._moved = moved
        if not coming and not self._is_there:
            raise NotFoundError(
                f"{folder} holds no published edition: it has no public/metadata.",
                "Give the folder of an archive or mirror, or run: phono publish",
            )

    @property
    def _public(self) -> Path:
        inside = self._folder / "public"
        return inside if (inside / "metadata").is_dir() else self._folder

    @property
    def _is_there(self) -> bool:
        return (self._public / "metadata").is_dir()

    @property
    def where(self) -> str:
        """The folder."""
        return str(self._public)

    @property
    def web_seed(self) -> str | None:
        """A folder is no web seed."""
        return None

    def open_range(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield bytes of a regular file; see :class:`Origin`."""
        file = self._public / _checked(path)
        try:
            yield from read_range(file, start, length)
        except FileNotFoundError as error:
            found = self._moved(path) if self._moved is not None else None
            if found is None and not self._is_there:
                raise NetworkError(
                    f"{self._folder} is not there, or holds no published edition.",
                    "Check the disk or the mount.",
                ) from error
            if found is None:
                raise _absent(path, self.where) from error
            yield from _stored(*found, start, length)
        except OSError as error:
            if error.errno in (EINVAL, ELOOP, ENOTDIR):
                raise VerificationError(f"{file} is not a regular file.", "The origin is damaged.") from error
            raise NetworkError(
                f"{file} cannot be read: {error.strerror}.", "Check the disk or the mount, then run it again."
            ) from error

    def read_if_changed(self, path: str, max_bytes: int, known: Stamp | None) -> tuple[bytes, Stamp] | None:
        """Return the file: reading it costs no more than asking."""
        return fetch(self, path, max_bytes), Stamp()


def _stored(storage: Storage, key: str, start: int, length: int | None) -> Iterator[bytes]:
    try:
        yield from storage.read(key, start, length)
    except PlaceGoneError as error:  # of what is in it, that says nothing
        raise NetworkError(error.message, error.advice) from error


class HttpOrigin:
    """A public tree on a web server. Answers are bounded in size and time, redirects followed a few times."""

    def __init__(
        self,
        url: str,
        *,
        country: str = "",
        timeout: float = _READ,
        retries: int = 3,
        proxy: Proxy | None = None,
    ) -> None:
        parts = urlsplit(url)
        if "@" in parts.netloc:
            raise UsageError(
                f"The address of {parts.hostname} has a user name or a password, which would not be sent.",
                "Leave that out: public trees are open to everybody.",
            )
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise UsageError(
                f"{url} is not an address to mirror.", "Write it as https://host/path or a folder."
            )
        self._base = url.rstrip("/") + "/"
        self._country = country
        self._patience = 2 * timeout
        self._pool = web_pool(
            proxy,
            timeout=urllib3.Timeout(connect=min(timeout, _CONNECT), read=timeout),
            # How long to wait is not for the server to say (Retry-After): it might say a year.
            retries=urllib3.Retry(
                total=retries, redirect=3, backoff_factor=0.2, respect_retry_after_header=False
            ),
            headers={"User-Agent": "Phonotheque", "Accept-Encoding": "identity"},
        )

    @property
    def where(self) -> str:
        """The URL."""
        return self._base

    @property
    def web_seed(self) -> str | None:
        """Bags that everybody may have lie under ``bags/`` in every public tree."""
        return f"{self._base}{BAGS}/"

    def open_range(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield bytes by a range request (RFC 9110 §14); see :class:`Origin`."""
        headers = {}
        if self._country and RESTRICTED in path.split("/"):
            headers[COUNTRY_HEADER] = self._country
        yield from self.open_url(quote(_checked(path)), start, length, headers)

    def open_url(
        self, url: str, start: int = 0, length: int | None = None, headers: dict[str, str] | None = None
    ) -> Iterator[bytes]:
        """Yield bytes of what has an address below this one, written as in a URL."""
        if length == 0:
            return
        end = "" if length is None else str(start + length - 1)
        ranged = {"Range": f"bytes={start}-{end}"} if start or length is not None else {}
        asked = ranged | (headers or {})
        yield from paced(lambda: self._read(url, asked, start, length, {}), self._base + url, self._patience)

    def read_if_changed(self, path: str, max_bytes: int, known: Stamp | None) -> tuple[bytes, Stamp] | None:
        """Ask with what is known of it (RFC 9110 §13.1); an unchanged file costs a 304 without a body."""
        stamp = known or Stamp()
        conditions = zip(_CONDITIONS, (stamp.etag, stamp.modified), strict=True)
        asked = {name: value for name, value in conditions if value}
        url, told = quote(_checked(path)), dict[str, str]()
        chunks = paced(lambda: self._read(url, asked, 0, None, told), self._base + url, self._patience)
        data = _whole(chunks, f"{path} at {self._base}", max_bytes)
        if told["status"] == "304":
            return None
        etag, modified = told["etag"], told["modified"]
        return data, Stamp(
            etag if _ETAG.fullmatch(etag) else "", modified if _DATE.fullmatch(modified) else ""
        )

    def _read(
        self, path: str, asked: dict[str, str], start: int, length: int | None, told: dict[str, str]
    ) -> Iterator[bytes]:
        url = self._base + path
        try:
            answer = self._pool.request("GET", url, preload_content=False, headers=self._headers(asked))
        except MaxRetryError as error:
            raise self._broken(url, str(error.reason)) from error
        except HTTPError as error:
            raise self._broken(url, str(error)) from error
        told["status"] = str(answer.status)
        told["etag"], told["modified"] = (answer.headers.get(name, "") for name in ("ETag", "Last-Modified"))
        try:
            if answer.status in (403, 404, 410):  # object stores answer 403 for what is not there
                raise _absent(unquote(path), self._base)
            if answer.status == 451:  # RFC 7725
                raise _barred(unquote(path), self._base, self._country)
            if answer.status == 416 and "Range" in asked:  # the file ends before the range begins
                return
            if answer.status == 304 and not asked.keys().isdisjoint(_CONDITIONS):
                return
            if answer.status not in (200, 206):
                raise self._broken(url, f"the server answered {answer.status}")
            with breakable(answer.shutdown):
                yield from self._body(answer, skip=start if answer.status == 200 else 0, length=length)
        except HTTPError as error:
            raise self._broken(url, str(error)) from error
        finally:
            answer.close()

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return dict(self._pool.headers) | more

    @staticmethod
    def _body(answer: urllib3.BaseHTTPResponse, *, skip: int, length: int | None) -> Iterator[bytes]:
        """Cut the asked range out of what came: a server may ignore ranges, or send more than asked."""
        left = length
        for chunk in answer.stream(64 * 1024, decode_content=False):
            part = chunk[skip:]
            skip -= len(chunk) - len(part)
            if left is not None:
                part = part[:left]
                left -= len(part)
            if part:
                yield part
            if left == 0:
                return

    @staticmethod
    def _broken(url: str, why: str) -> NetworkError:
        return NetworkError(f"{url} could not be fetched: {why}.", "Run it again: what is verified is kept.")


def _checked(path: str) -> str:
    if reason := check_portable(path.removeprefix(".well-known/")):
        raise VerificationError(
            f"The path {path!r:.200} is refused: {reason}.", "The publisher must correct it."
        )
    return path


def _barred(path: str, where: str, country: str) -> NotFoundError:
    there = f"in {country}" if country else "by somebody who does not say where they are"
    return NotFoundError(
        f"{where} says that {path} may not be had {there}.", "Say where you are, as it is, with --in."
    )


def _absent(path: str, where: str) -> NotFoundError:
    return NotFoundError(f"{path} is not there at {where}.", "Ask the publisher, or try another origin.")
