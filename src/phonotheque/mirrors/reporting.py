"""A mirror tells what it holds: made from its ledger, signed by its own key, sent or written to a file.

Nothing personal is in it unless its keeper set that: no name, no address. Nothing but the mirror's id and its
key, which mean nothing elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import urllib3
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from urllib3.exceptions import HTTPError

from phonotheque.ledger.holdings import HoldingState, all_holdings, verified_parts
from phonotheque.mirrors.follow import accepted
from phonotheque.mirrors.home import trust_dir
from phonotheque.mirrors.lowering import read_lowering
from phonotheque.mirrors.pools import web_pool
from phonotheque.mirrors.report import (
    MAX_NAME,
    MAX_PEERS,
    Report,
    ReportedBag,
    check_peer,
    check_web,
    write_report,
)
from phonotheque.mirrors.strict_json import read_json
from phonotheque.model.errors import (
    BusyError,
    NetworkError,
    NotFoundError,
    PhonothequeError,
    UsageError,
    VerificationError,
)
from phonotheque.model.proxies import Proxy, parse_proxy
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.place import fsync_dir, write_durably

REPORTS = "reports"  # where a publisher takes them, relative to the address of its public tree
EVERY = timedelta(hours=24)  # how often a mirror reports of which nothing has changed
_SENT = "reported.json"  # in the mirror's folder: what was told last
_LONGEST_ANSWER = 4096  # bytes
_PATIENCE = urllib3.Timeout(connect=10.0, read=60.0)


def own_key(mirror: Archive) -> Ed25519PrivateKey:
    """Return the mirror's signing key, made when it is first asked for. Raises PhonothequeError."""
    path = mirror.keys / "mirror.pem"
    if not path.exists():
        mirror.keys.mkdir(mode=0o700, exist_ok=True)
        made = Ed25519PrivateKey.generate()
        write_durably(path, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), mode=0o600)
        fsync_dir(mirror.folder)
        return made
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except (ValueError, TypeError) as error:
        raise _no_key(path, str(error)) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _no_key(path, "it is not an Ed25519 key")
    return key


def _no_key(path: Path, why: str) -> PhonothequeError:
    return PhonothequeError(
        f"The mirror's key {path} cannot be read: {why}.",
        "Bring it back from a backup. To begin with a new one, remove it, and ask the publisher to forget "
        "this mirror.",
    )


def make_report(mirror: Archive, at: datetime) -> Report:
    """Return what a mirror holds at this moment: whole bags, and parts of others that were verified.

    A bag that is about to be dropped is told of as a part, so that nobody counts on it any more.

    Raises NotFoundError before the first edition, UsageError for what the settings cannot mean.
    """
    if not mirror.is_mirror:
        raise UsageError(f"{mirror.folder} is an archive, and reports to nobody.", "Give a mirror's folder.")
    followed = accepted(trust_dir(mirror), now=at)
    if followed is None:
        raise NotFoundError(f"{mirror.folder} has not followed an edition yet.", "Run: phono mirror")
    settings, moment = mirror.settings.mirror, timestamp(at)
    check_contact(mirror)
    with mirror.ledger.connect() as ledger:
        held = all_holdings(ledger)
        parts = verified_parts(ledger)
    leaving = _announced(mirror)
    bags = []
    for (
        bag,
        holding,
    ) in held.items():  # a clock may have been set back: nothing was verified after this moment
        if holding.state is HoldingState.COMPLETE:
            verified = min(holding.verified_at or moment, moment)
            bags.append(ReportedBag(bag, holding.bytes, verified, whole=bag not in leaving))
        elif bag in parts:
            size, since = parts[bag]
            bags.append(ReportedBag(bag, size, min(since, moment), whole=False))
    return Report(
        archive=followed.edition.archive.id,
        mirror=mirror.settings.archive.id,
        edition=followed.edition.number,
        time=moment,
        bags=tuple(sorted(bags, key=lambda bag: bag.id)),
        name=settings.name or None,
        country=settings.country or None,
        web=settings.web or None,
        peers=settings.peers,
    )


def check_reporting(mirror: Archive) -> None:
    """Raise UsageError, before any work is done, for settings by which nothing could be reported."""
    address_for_reports(mirror)
    check_contact(mirror)


def check_contact(mirror: Archive) -> None:
    """Raise UsageError for settings of what is told that cannot be told."""
    settings = mirror.settings.mirror
    if len(settings.name) > MAX_NAME or not settings.name.isprintable():
        raise UsageError(
            f"[mirror] name cannot be told: {settings.name!r:.80}.", f"Write up to {MAX_NAME} characters."
        )
    if settings.web and (why := check_web(settings.web)):
        raise UsageError(f"[mirror] web cannot be told: {why}.", "Write it like https://host/path.")
    if len(settings.peers) > MAX_PEERS or not all(map(check_peer, settings.peers)):
        raise UsageError(
            f"[mirror] peers cannot be told: {', '.join(settings.peers):.200}.",
            f"Write up to {MAX_PEERS} addresses like host.example.org:6881.",
        )


def signed_report(mirror: Archive, at: datetime) -> bytes:
    """Return a mirror's report as the file or the message that it is."""
    report = make_report(mirror, at)
    _keep_told(mirror, _still_leaving(mirror, report))
    return write_report(report, own_key(mirror))


def told_leaving(mirror: Archive) -> Mapping[str, str]:
    """Return since when every report has told the publisher that a bag, about to go, is not held whole."""
    sent = _sent(mirror)
    leaving = sent.get("leaving") if sent.get("to") == _to(mirror) else None
    return leaving if isinstance(leaving, dict) else {}


def keep_sent(mirror: Archive, report: Report) -> None:
    """Keep that the publisher has taken this report."""
    now_told = dict.fromkeys(_not_whole(report, _announced(mirror)), report.time)
    leaving = now_told | _still_leaving(mirror, report)
    sent = {"time": report.time, "content": _content(report), "to": _to(mirror), "leaving": leaving}
    write_durably(mirror.folder / _SENT, json.dumps(sent).encode())


def _announced(mirror: Archive) -> frozenset[str]:
    lowering = read_lowering(mirror)
    return frozenset(lowering.announced) if lowering is not None else frozenset()


def _not_whole(report: Report, bags: frozenset[str]) -> frozenset[str]:
    return bags - {bag.id for bag in report.bags if bag.whole}


def _still_leaving(mirror: Archive, report: Report) -> dict[str, str]:
    told = told_leaving(mirror)
    return {bag: told[bag] for bag in _not_whole(report, frozenset(told)) & _announced(mirror)}


def _keep_told(mirror: Archive, leaving: Mapping[str, str]) -> None:
    """Forget, before a report says otherwise, which bags were told of as leaving and are not any more."""
    if told_leaving(mirror) != leaving:
        write_durably(mirror.folder / _SENT, json.dumps(_sent(mirror) | {"leaving": leaving}).encode())


def _sent(mirror: Archive) -> dict[str, Any]:
    """Return what was told last; nothing if that is not known any more."""
    try:
        sent = read_json((mirror.folder / _SENT).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return sent if isinstance(sent, dict) else {}


def _to(mirror: Archive) -> str:
    return mirror.settings.mirror.report_to or mirror.settings.mirror.origin


def address_for_reports(mirror: Archive) -> str:
    """Return where a mirror's reports go. Raises UsageError when it follows a folder and names no address."""
    address = mirror.settings.mirror.report_to or mirror.settings.mirror.origin
    if check_web(address):
        raise UsageError(
            f"Nothing can be reported to {address}.",
            "Set [mirror] report_to to the publisher's http(s):// address, or give him the file that this "
            f"writes: phono holdings export {mirror.folder}",
        )
    return f"{address.rstrip('/')}/{REPORTS}"


def send_report(address: str, data: bytes, *, proxy: Proxy | None = None) -> str:
    """Send a report; return in a few words what the publisher says to it.

    Raises NetworkError when nobody answers, BusyError when it should be sent again later, VerificationError
    when it is refused for what is in it.
    """
    pool = web_pool(proxy, timeout=_PATIENCE, retries=urllib3.Retry(total=1, redirect=0, status=0))
    headers = {"User-Agent": "Phonotheque", "Content-Type": "application/json", "Accept-Encoding": "identity"}
    try:
        answer = pool.request(
            "POST", address, body=data, headers=headers, preload_content=False, redirect=False
        )
        try:
            said = answer.read(_LONGEST_ANSWER, decode_content=False).decode("utf-8", "replace").strip()
        finally:
            answer.close()
    except HTTPError as error:
        raise NetworkError(
            f"{address} did not take the report: {error}.", "It is sent again later."
        ) from error
    if answer.status == 200:
        return said
    why = f"{address} answered {answer.status}: {said:.300}"
    if answer.status in (429, 502, 503, 504):
        raise BusyError(why, "The report is sent again later.")
    if answer.status in (301, 302, 307, 308, 404, 405):
        raise NetworkError(
            f"{address} takes no reports (it answered {answer.status}).",
            "Set [mirror] report_to to the publisher's own address, or send a file: phono holdings export",
        )
    raise VerificationError(why, "The publisher refuses this report.")


@dataclass(slots=True)
class Reporter:
    """Reports after a mirror's rounds: when something has changed, and daily. It never stops the mirror."""

    mirror: Archive
    say: Callable[[str], None]
    clock: Callable[[], datetime] = now

    def __call__(self) -> bool:
        """Report if that is due; tell whether it was done. What hinders it is said, and tried again later."""
        at = self.clock()
        try:
            address = address_for_reports(self.mirror)
            report = make_report(self.mirror, at)
            content = _content(report)
            if not self._is_due(content, at):
                return False
            _keep_told(self.mirror, _still_leaving(self.mirror, report))
            data = write_report(report, own_key(self.mirror))
            send_report(address, data, proxy=parse_proxy(self.mirror.settings.mirror.proxy))
        except (PhonothequeError, OSError) as error:
            self.say(f"What is held could not be reported: {error}")
            return False
        keep_sent(self.mirror, report)
        self.say(f"Reported to {address}: {len(report.bags)} bags.")
        return True

    def _is_due(self, content: str, at: datetime) -> bool:
        try:
            sent = _sent(self.mirror)
            last = datetime.fromisoformat(sent["time"])
            return bool(sent["content"] != content or not timedelta(0) <= at - last < EVERY)
        except (ValueError, TypeError, KeyError):
            return True  # never reported, or not known any more


def _content(report: Report) -> str:
    """Return a hash of what is said, but for the moment."""
    said = (report.edition, report.name, report.country, report.web, report.peers)
    bags = [(bag.id, bag.bytes, bag.whole) for bag in report.bags]
    return sha256(repr((said, bags)).encode()).hexdigest()
