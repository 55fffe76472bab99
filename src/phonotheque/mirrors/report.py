"""A mirror's report: what it says that it holds, signed by a key of its own, as a value and as JSON.

A publisher reads it from strangers, so reading accepts exactly what writing produces (docs/format.md). The
signature proves that two reports come from one key, and nothing about what they say.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from phonotheque.editions.edition_fields import LINE
from phonotheque.mirrors.strict_json import read_json
from phonotheque.model.errors import VerificationError
from phonotheque.model.territory import COUNTRIES

FORMAT: Final = "phonotheque-holdings/1"
MAX_REPORT_BYTES: Final = 16 * 1024**2
MAX_BAGS: Final = 100_000
MAX_PEERS: Final = 20
MAX_NAME: Final = 100  # characters

_FIELDS = {"format", "archive", "mirror", "edition", "time", "name", "country", "web", "peers", "bags"}
_SIGNED = _FIELDS | {"key", "signature"}
_BAG_ID = re.compile(r"[^/\x00-\x1f\x7f\ud800-\udfff]{1,128}")
_ADDRESS = re.compile(r"[!-~]{1,500}")  # visible ASCII
_PEER = re.compile(r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9.-]{1,253}):[0-9]{1,5}")
_KEY = re.compile(r"[0-9a-f]{64}")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")
_TIME = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class ReportedBag:
    """What a mirror says of one bag: its bytes here, when the byte verified longest ago was verified."""

    id: str
    bytes: int
    verified_at: str | None
    whole: bool


@dataclass(frozen=True, slots=True)
class Report:
    """What a mirror says at ``time``; bags in the order of their ids. Who it is, is told if it wants that."""

    archive: str
    mirror: str
    edition: int
    time: str
    bags: tuple[ReportedBag, ...]
    name: str | None = None
    country: str | None = None
    web: str | None = None
    peers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedReport:
    """A report of which the signature holds: ``key`` (hex) made it. ``sha256`` is of the whole."""

    report: Report
    key: str
    sha256: str


def write_report(report: Report, key: Ed25519PrivateKey) -> bytes:
    """Return the report as JSON, signed. Raises VerificationError when it makes no sense."""
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
    value = _value(report) | {"key": public}
    data = _encode(value | {"signature": key.sign(_encode(value)).hex()})
    read_report(data)
    return data


def read_report(data: bytes) -> SignedReport:
    """Read a report and verify its signature. Raises VerificationError, which says what is wrong in it.

    Whether the key is the mirror's, and the time a possible one, is for who knows the mirror to say.
    """
    data = data.rstrip(b"\r\n")  # of a file that somebody sent
    if len(data) > MAX_REPORT_BYTES:
        raise _wrong(f"it is larger than {MAX_REPORT_BYTES} bytes")
    try:
        value = read_json(data)
    except RecursionError:
        raise _wrong("it is nested too deeply") from None
    except ValueError as error:
        raise _wrong(f"it is not JSON: {error}") from error
    report, key, signature = _read(value)
    if _encode(_value(report) | {"key": key, "signature": signature}) != data:
        raise _wrong("it is not in canonical form (order of keys, spacing)")
    try:
        known = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
        known.verify(bytes.fromhex(signature), _encode(_value(report) | {"key": key}))
    except (InvalidSignature, ValueError) as error:
        raise _wrong("its signature does not fit its content and its key") from error
    return SignedReport(report, key, hashlib.sha256(data).hexdigest())


def check_web(address: str) -> str | None:
    """Return why ``address`` cannot be the address of a public tree, None if it can."""
    if not _ADDRESS.fullmatch(address):
        return "it is longer than 500 characters, or has others than visible ASCII"
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        return str(error)
    if parts.scheme not in ("http", "https") or not host:
        return "it does not begin with http:// or https:// and a host"
    if parts.username is not None or parts.query or parts.fragment:
        return "it has a user, a query or a fragment"
    return None


def check_peer(address: str) -> bool:
    """Tell whether ``address`` has the form HOST:PORT."""
    return bool(_PEER.fullmatch(address)) and 0 < int(address.rpartition(":")[2]) < 65536


def _value(report: Report) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "archive": report.archive,
        "mirror": report.mirror,
        "edition": report.edition,
        "time": report.time,
        "name": report.name,
        "country": report.country,
        "web": report.web,
        "peers": list(report.peers),
        "bags": [[bag.id, bag.bytes, bag.verified_at, bag.whole] for bag in report.bags],
    }


def _encode(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode(
        "utf-8", "surrogatepass"
    )


def _read(value: Any) -> tuple[Report, str, str]:
    if not isinstance(value, dict) or value.get("format") != FORMAT:
        raise _wrong(f"it is not of the format {FORMAT}")
    if value.keys() != _SIGNED:
        odd = ", ".join(sorted(value.keys() ^ _SIGNED))
        raise _wrong(f"it has fields too many or too few: {odd:.200}")
    time = _time(value["time"], "time")
    name, country, web, peers = (value[key] for key in ("name", "country", "web", "peers"))
    if name is not None and not (isinstance(name, str) and LINE.fullmatch(name) and len(name) <= MAX_NAME):
        raise _wrong(f"name is no line of up to {MAX_NAME} characters")
    if country is not None and not (isinstance(country, str) and country in COUNTRIES):
        raise _wrong(f"country is none: {country!r:.40}")
    if web is not None and (why := check_web(web) if isinstance(web, str) else "it is no text"):
        raise _wrong(f"web cannot be used: {why}")
    if not isinstance(peers, list) or len(peers) > MAX_PEERS or not all(map(_is_peer, peers)):
        raise _wrong(f"peers is no list of up to {MAX_PEERS} addresses HOST:PORT")
    report = Report(
        archive=_uuid(value["archive"], "archive"),
        mirror=_uuid(value["mirror"], "mirror"),
        edition=_count(value["edition"], "edition"),
        time=time,
        bags=_bags(value["bags"], time),
        name=name,
        country=country,
        web=web,
        peers=tuple(peers),
    )
    return report, _text(value["key"], _KEY, "key"), _text(value["signature"], _SIGNATURE, "signature")


def _bags(value: Any, time: str) -> tuple[ReportedBag, ...]:
    if not isinstance(value, list) or len(value) > MAX_BAGS:
        raise _wrong(f"bags is no list of up to {MAX_BAGS}")
    found, before = [], ""
    for entry in value:
        if not isinstance(entry, list) or len(entry) != 4:
            raise _wrong("bags holds something else than [id, bytes, verified at, whole]")
        name = _text(entry[0], _BAG_ID, "the id of a bag")
        if name <= before:
            raise _wrong(f"bags are not in the order of ids, each once: {name!r:.80}")
        before = name
        size, verified, whole = _count(entry[1], f"{name}: bytes"), entry[2], entry[3]
        if verified is not None and _time(verified, f"{name}: verified at") > time:
            raise _wrong(f"{name} was verified after the report was made")
        if not isinstance(whole, bool) or (whole and verified is None):
            raise _wrong(f"{name} is neither whole nor not, or whole and never verified")
        found.append(ReportedBag(name, size, verified, whole))
    return tuple(found)


def _is_peer(value: Any) -> bool:
    return isinstance(value, str) and check_peer(value)


def _text(value: Any, form: re.Pattern[str], where: str) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise _wrong(f"{where} is not of the expected form: {value!r:.80}")
    return value


def _count(value: Any, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= _LARGEST:
        raise _wrong(f"{where} is no whole number of at least 0: {value!r:.80}")
    return value


def _uuid(value: Any, where: str) -> str:
    try:
        if isinstance(value, str) and str(uuid.UUID(value)) == value:
            return value
    except ValueError:
        pass  # said below, with its place
    raise _wrong(f"{where} is not a UUID: {value!r:.80}")


def _time(value: Any, where: str) -> str:
    try:
        if isinstance(value, str) and _TIME.fullmatch(value):
            datetime.fromisoformat(value)
            return value
    except ValueError:
        pass  # of the form, and still no time
    raise _wrong(f"{where} is no time in UTC like 2026-11-21T10:15:00Z: {value!r:.80}")


def _wrong(what: str) -> VerificationError:
    return VerificationError(f"The report cannot be taken: {what}.", "The mirror must correct it.")
