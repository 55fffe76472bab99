"""A mirror at work and those it works for: its keeper, who reads or keeps a log; HTTP; monitors; systemd."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from phonotheque import __version__
from phonotheque.cli.common import counted, messages, progress_bars
from phonotheque.cli.ending import ending_well
from phonotheque.cli.log import LOGGED, tell, without_password
from phonotheque.cli.service import notify, one_line, pulse
from phonotheque.mirrors.messages import Report
from phonotheque.mirrors.reporting import Reporter
from phonotheque.mirrors.sync import SyncResult
from phonotheque.mirrors.working import Stop, Tally
from phonotheque.model.progress import Progress
from phonotheque.vault.archive import SETTINGS_FILE, Archive
from phonotheque.vault.settings_file import set_in_file

if TYPE_CHECKING:
    from starlette.types import ASGIApp

_SILENCE = 3600.0  # seconds without a sign of life; reading a large bag on a slow disk gives none for a while


@dataclass(frozen=True, slots=True)
class Work:
    """What ``sync`` is given, so that others see what it does and can end it."""

    stop: Stop
    progress: Progress
    on_listening: Callable[[int, int], None]
    on_report: Callable[[Report], None]
    on_round: Callable[[SyncResult], None]


def keep_address(mirror: Archive, key: str, given: str) -> str:
    """Return where to listen for ``serve`` or ``metrics``: what is given, and then kept; or what was kept."""
    kept = str(getattr(mirror.settings.mirror, key))
    if given and given != kept:
        from phonotheque.web.server import parse_address

        parse_address(given, f"--{key}")
        set_in_file(mirror.folder / SETTINGS_FILE, "mirror", key, given)
    return given or kept


@contextmanager
def at_work(
    mirror: Archive, *, budget: int, serve: str, metrics: str, logged: bool, once: bool
) -> Iterator[Work]:
    """Serve over HTTP, answer monitors, and tell keeper and systemd what happens, while the block runs.

    ``serve`` and ``metrics`` are addresses, or "". The first Ctrl-C or SIGTERM sets ``stop``, a second one
    ends the process. Raises UsageError and PhonothequeError for addresses that cannot be had.
    """
    stop, tally = Stop(), Tally()
    with ExitStack() as stack:
        progress = LOGGED if logged else stack.enter_context(progress_bars())
        stack.enter_context(ending_well(stop, lambda number: _ending(number, logged=logged)))
        if logged:
            followed = without_password(mirror.settings.mirror.origin)
            tell("started", version=__version__, folder=mirror.folder, origin=followed, budget=budget)
        is_well = stack.enter_context(_servers(mirror, budget, serve, metrics, stop, tally, logged=logged))
        stack.enter_context(pulse(is_well))
        notify("READY=1", "STATUS=Looking at the origin.")
        told = _log_round() if logged else _say_round()

        def on_round(result: SyncResult) -> None:
            tally.round(result)
            notify(f"STATUS={one_line(_standing(result))}")
            if logged or not once:
                told(result)

        yield Work(stop, progress, lambda port, _: _listening(port, logged=logged), tally.report, on_round)


def reporting(mirror: Archive, work: Work) -> Callable[[SyncResult], None]:
    """Return what is done after a round by a mirror that also tells its publisher what it holds."""
    report = Reporter(mirror, work.progress.say)

    def on_round(result: SyncResult) -> None:
        work.on_round(result)
        report()

    return on_round


@contextmanager
def _servers(
    mirror: Archive, budget: int, serve: str, metrics: str, stop: Stop, tally: Tally, *, logged: bool
) -> Iterator[Callable[[], bool]]:
    """Run the servers that are asked for; yields what tells whether all is well."""
    if not serve and not metrics:
        yield lambda: stop.silence < _SILENCE
        return
    # What is imported here takes a while, and most mirrors are asked for neither.
    from phonotheque.mirrors.figures import FiguresOf
    from phonotheque.web.counting import Traffic
    from phonotheque.web.metrics import Watched, watching_application
    from phonotheque.web.serve import public_application
    from phonotheque.web.server import Beside, parse_address

    servers: list[Beside] = []
    traffic = Traffic()

    def trouble() -> str:
        if stop.silence >= _SILENCE:
            return f"no sign of life for {stop.silence:.0f} s"
        return "" if all(server.running for server in servers) else "a web server has ended"

    def public() -> ASGIApp:
        return public_application(mirror, traffic=traffic, trouble=trouble)

    def watching() -> ASGIApp:
        served = traffic if serve else None
        watched = Watched(budget, FiguresOf(mirror), tally.worked, lambda: stop.silence, served)
        return watching_application(watched, trouble)

    with ExitStack() as stack:
        for where, text, application in (("--serve", serve, public), ("--metrics", metrics, watching)):
            if text:
                server = stack.enter_context(Beside(application(), *parse_address(text, where)))
                servers.append(server)
                _serving(where, server.url, logged=logged)
        yield lambda: not trouble()


def _ending(number: signal.Signals, *, logged: bool) -> None:
    notify("STOPPING=1", "STATUS=Ending.")
    if logged:
        tell("ending", signal=number.name)
    else:
        messages.print("Ending; once more to end at once.")


def _listening(port: int, *, logged: bool) -> None:
    if logged:
        tell("listening", port=port)
    elif not port:
        messages.print("Peers are called through the proxy; nobody can call here.")
    else:
        messages.print(f"Listening for peers on port {port}.")


def _serving(option: str, url: str, *, logged: bool) -> None:
    if logged:
        tell("serving", what="bags" if option == "--serve" else "metrics", url=url)
    elif option == "--serve":
        messages.print(f"Serving over HTTP at {url}")
    else:
        messages.print(f"Metrics at {url}metrics")


def _standing(result: SyncResult) -> str:
    parts = f" and parts of {len(result.partial)}" if result.partial else ""
    held = f"Edition {result.edition}: {counted(len(result.complete), 'bag')}{parts} held and served"
    gone = f"; {counted(result.erased_files, 'file')} erased" if result.erased_files else ""
    waiting = f"; {len(result.missing)} not to be had yet" if result.missing else ""
    return f"{held}{gone}{waiting}."


def _say_round() -> Callable[[SyncResult], None]:
    """Return what tells people of a running mirror's rounds, if they have changed anything."""
    seen: list[tuple[int, tuple[str, ...]]] = []

    def say(result: SyncResult) -> None:
        now = (result.edition, (*result.complete, *result.partial))
        if seen[-1:] == [now] and not result.erased_files:
            return
        seen[:] = [now]
        messages.print(_standing(result))

    return say


def _log_round() -> Callable[[SyncResult], None]:
    """Return what logs each round, and each bag of which something is new."""
    seen: dict[str, tuple[str, str]] = {}

    def log(result: SyncResult) -> None:
        now = dict.fromkeys((*result.complete, *result.partial), ("bag-held", ""))
        now |= {bag: ("bag-missing", why) for bag, why in result.missing}
        now |= {bag: ("bag-refused", why) for bag, why in result.refused}
        now |= {bag: ("bag-withdrawn", successor or "") for bag, successor in result.withdrawn}
        for bag, (event, why) in now.items():
            if seen.get(bag) != (event, why):
                _log_bag(event, bag, why)
        seen.clear()
        seen.update(now)
        tell(
            "round",
            level=logging.WARNING if result.missing or result.refused or result.stale else logging.INFO,
            edition=result.edition,
            held=len(result.complete),
            missing=len(result.missing),
            refused=len(result.refused),
            left_out=len(result.left_out),
            fetched=result.fetched,
            reused=result.reused,
            erased_files=result.erased_files,
            erased_bytes=result.erased_bytes,
            stale=result.stale,
            offline=result.offline,
            seconds=round(result.seconds, 3),
        )

    return log


def _log_bag(event: str, bag: str, why: str) -> None:
    match event:
        case "bag-held":
            tell(event, bag=bag)
        case "bag-withdrawn":
            tell(event, bag=bag, replaced_by=why or None)
        case _:
            tell(event, level=logging.ERROR if event == "bag-refused" else logging.WARNING, bag=bag, why=why)
