"""Asking a mirror's web server for random blocks of bags, and believing none of its answers.

A redirect is not followed: who answers must have the bytes. An answer is bounded in size and in time.
"""

from __future__ import annotations

import hashlib
import time
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from urllib.parse import quote, urlsplit

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from phonotheque.editions.metainfo import TorrentFile, TorrentMeta
from phonotheque.editions.shelves import RESTRICTED, bags_folder
from phonotheque.mirrors.origin import COUNTRY_HEADER
from phonotheque.mirrors.patience import breakable, paced
from phonotheque.mirrors.pools import web_pool
from phonotheque.mirrors.reach import ANYWHERE, Reach, resolve
from phonotheque.mirrors.standing import piece_size
from phonotheque.model.errors import NetworkError, UsageError
from phonotheque.vault.hashing import piece_hash

_CHUNK: Final = 64 * 1024
_ABSENT: Final = (403, 404, 410, 416)  # object stores answer 403 for what is not there


class Verdict(StrEnum):
    """What an answer was worth."""

    RIGHT = "right"
    SLOW = "slow"  # right, and later than the limit; or there, and no whole answer within it
    WRONG = "wrong"  # other bytes, or too few
    MISSING = "missing"  # it says that there is no such file
    BARRED = "barred"  # not for where we are (RFC 7725)
    ELSEWHERE = "elsewhere"  # it sends us to another address
    SILENT = "silent"  # no answer, a broken one, or one that did not end


@dataclass(frozen=True, slots=True)
class Question:
    """One piece of one file of a bag: ``expected`` is its hash by the bag's torrent (BEP 52)."""

    bag: str
    path: str  # in the bag
    shown: str  # in the public tree
    start: int
    length: int
    piece_length: int
    whole_file: bool  # the piece is all of the file
    expected: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a question. Seconds: to the first byte, and to the last. ``why`` if it is not right."""

    question: Question
    verdict: Verdict
    first: float
    seconds: float
    why: str = ""


class StatusError(Exception):
    """A server answered with a status that brings no bytes."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the server answered {status}")
        self.status = status


class Respondent:
    """The web server of one mirror. ``limit``: seconds to begin an answer, and for each further 64 KiB.

    Its name is resolved once, when it is first asked; ``reach`` says what it may be resolved to.
    """

    def __init__(self, web: str, *, country: str = "", limit: float, reach: Reach = ANYWHERE) -> None:
        parts = urlsplit(web)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise UsageError(f"{web} is no address of a mirror.", "Write it as https://host/path")
        self.web = web.rstrip("/") + "/"
        self.answered_at = ""  # HOST:PORT that was connected to, the host as a number
        self._country, self._limit, self._reach = country, limit, reach
        self._parts = parts
        self._web = web_pool(timeout=urllib3.Timeout(connect=limit / 2, read=limit))
        self._pools: list[urllib3.HTTPConnectionPool] = []

    def ask(self, question: Question, slow: float) -> Answer:
        """Ask for one piece and judge it; later than ``slow`` seconds, a right one is slow."""
        begun, first, data = time.monotonic(), 0.0, bytearray()
        verdict, why = Verdict.SILENT, ""
        try:
            for chunk in self.read(question.shown, question.start, question.length):
                first = first or time.monotonic() - begun
                data += chunk
            verdict, why = self._judge(question, data)
        except StatusError as error:
            verdict, why = _by_status(error.status)
        except NetworkError as error:
            why = error.message
            if time.monotonic() - begun >= self._limit:
                verdict = Verdict.SLOW
        seconds = time.monotonic() - begun
        if verdict is Verdict.RIGHT and seconds > slow:
            verdict, why = Verdict.SLOW, f"the answer took {seconds:.1f} s"
        return Answer(question, verdict, first, seconds, why)

    def shows(self, shown: str) -> bool:
        """Tell whether the mirror gives a byte of a file. Raises NetworkError when nothing was learnt."""
        try:
            return any(self.read(shown, 0, 1))
        except StatusError as error:
            if _by_status(error.status)[0] is Verdict.SILENT:
                raise NetworkError(f"{self.web} answered {error.status}.") from error
            return False

    def read(self, shown: str, start: int, length: int) -> Iterator[bytes]:
        """Yield at most ``length`` bytes of a file from ``start``."""
        url = self.web + quote(shown)
        headers = {"Range": f"bytes={start}-{start + length - 1}"}
        if self._country and RESTRICTED in shown.split("/"):
            headers[COUNTRY_HEADER] = self._country
        status: list[int] = []

        def answer() -> Iterator[bytes]:
            got = self._get(shown, headers)
            try:
                status.append(got.status)
                if got.status in (200, 206):
                    with breakable(got.shutdown):
                        yield from _cut(got.stream(_CHUNK), start if got.status == 200 else 0, length)
            except HTTPError as error:
                raise NetworkError(f"{url} could not be asked: {error}.") from error
            finally:
                got.close()

        yield from paced(answer, url, self._limit)
        if status and status[0] not in (200, 206):
            raise StatusError(status[0])

    def _get(self, shown: str, headers: dict[str, str]) -> urllib3.BaseHTTPResponse:
        """Ask at the address that answered before; the first time at those that the name has, in turn."""
        target, failed = f"{self._parts.path.rstrip('/')}/{quote(shown)}", ""
        if not self._pools:
            self._pools = list(self._connections())
        for pool in list(self._pools):
            try:
                got = pool.urlopen(
                    "GET",
                    target,
                    preload_content=False,
                    redirect=False,
                    retries=False,
                    headers=self._headers | headers,
                )
            except (NewConnectionError, ConnectTimeoutError) as error:
                failed = str(error)
                continue
            except HTTPError as error:
                raise NetworkError(f"{self.web}{quote(shown)} could not be asked: {error}.") from error
            self._pools = [pool]
            self.answered_at = (
                f"[{pool.host}]:{pool.port}" if ":" in pool.host else f"{pool.host}:{pool.port}"
            )
            return got
        raise NetworkError(f"{self.web}{quote(shown)} could not be asked: {failed}.")

    def _connections(self) -> Iterator[urllib3.HTTPConnectionPool]:
        host, secure = self._parts.hostname or "", self._parts.scheme == "https"
        port = self._parts.port or (443 if secure else 80)
        named = {"server_hostname": host, "assert_hostname": host} if secure else {}
        for address in resolve(host, port, self._reach):
            yield self._web.connection_from_host(address, port, self._parts.scheme, named)

    @property
    def _headers(self) -> dict[str, str]:
        return {
            "Host": self._parts.netloc.rpartition("@")[2],
            "User-Agent": "Phonotheque",
            "Accept-Encoding": "identity",
        }

    def _judge(self, question: Question, data: bytearray) -> tuple[Verdict, str]:
        if len(data) != question.length:
            return Verdict.WRONG, f"{len(data)} bytes came of {question.length}"
        found = piece_hash(data, question.piece_length, whole_file=question.whole_file)
        if found != question.expected:
            return Verdict.WRONG, "the bytes are not those that were sealed"
        return Verdict.RIGHT, ""


def questions(bag: str, audience: str, meta: TorrentMeta, number: int, *salt: str) -> list[Question]:
    """Return questions about ``number`` different pieces of a bag (or all), drawn by what is in ``salt``.

    Each piece is as likely as every other, so each byte nearly is. Who has not got a share of f of the pieces
    passes n questions with a probability of (1 - f)^n.
    """
    files = [file for file in meta.files if file.pieces]
    starts = [file.first_piece for file in files]
    pieces = sum(file.pieces for file in files)
    asked = []
    for piece in draw(pieces, number, bag, *salt):
        file = files[bisect_right(starts, piece) - 1]
        asked.append(_question(bag, audience, meta, file, piece - file.first_piece))
    return asked


def draw(of: int, number: int, *salt: str) -> list[int]:
    """Return up to ``number`` different numbers below ``of``: the same for the same salt, to anybody."""
    found: dict[int, None] = {}
    count = 0
    while len(found) < min(number, of):
        said = "\0".join([*salt, str(count)]).encode()
        found.setdefault(int.from_bytes(hashlib.sha256(said).digest()) % of)
        count += 1
    return list(found)


def file_questions(bag: str, audience: str, meta: TorrentMeta, file: TorrentFile) -> list[Question]:
    """Return the pieces of a whole file in order."""
    return [_question(bag, audience, meta, file, index) for index in range(file.pieces)]


def in_order(chunks: Iterator[bytes], sizes: Sequence[int]) -> Iterator[bytearray]:
    """Cut what comes into pieces of these sizes; the last one may be short if too little comes."""
    piece, at = bytearray(), 0
    for chunk in chunks:
        piece += chunk
        while at < len(sizes) and len(piece) >= sizes[at]:
            yield piece[: sizes[at]]
            piece = piece[sizes[at] :]
            at += 1
    if at < len(sizes):
        yield piece


def _question(bag: str, audience: str, meta: TorrentMeta, file: TorrentFile, index: int) -> Question:
    alone = file.pieces == 1
    return Question(
        bag=bag,
        path=file.path,
        shown=f"{bags_folder(audience)}/{bag}/{file.path}",
        start=index * meta.piece_length,
        length=piece_size(file, index, meta.piece_length),
        piece_length=meta.piece_length,
        whole_file=alone,
        expected=file.root if alone else file.layer[32 * index : 32 * index + 32],
    )


def _by_status(status: int) -> tuple[Verdict, str]:
    why = f"the server answered {status}"
    if status in _ABSENT:
        return Verdict.MISSING, why
    if status == 451:
        return Verdict.BARRED, why
    if 300 <= status < 400:
        return Verdict.ELSEWHERE, f"{why}: it sends to another address, which proves nothing"
    return Verdict.SILENT, why


def _cut(chunks: Iterator[bytes], skip: int, length: int) -> Iterator[bytes]:
    """Yield what was asked for: a server may ignore ranges, or send more."""
    for chunk in chunks:
        part = chunk[skip:]
        skip -= len(chunk) - len(part)
        part = part[:length]
        length -= len(part)
        if part:
            yield part
        if not length:
            return
