"""What a running mirror tells those who watch it: Prometheus metrics, and whether it is alive. Numbers only.

No address, no name of a listener, no title is in them. docs/how-to/run-a-mirror-as-a-service.md lists them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from prometheus_client import CollectorRegistry, Metric, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, SummaryMetricFamily
from prometheus_client.exposition import choose_encoder
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from phonotheque import __version__
from phonotheque.ledger.holdings import HoldingState
from phonotheque.mirrors.figures import Figures
from phonotheque.mirrors.working import Worked
from phonotheque.web.counting import Traffic
from phonotheque.web.serve import health_route

_STATES = ("arriving", *(state.value for state in HoldingState))
_ROLES = ("root", "timestamp", "snapshot", "targets")


@dataclass(frozen=True, slots=True)
class Watched:
    """What is known of a running mirror, asked anew for every answer. ``budget`` in bytes.

    ``silence`` is for how many seconds it has given no sign of life.
    """

    budget: int
    figures: Callable[[], Figures]
    worked: Callable[[], Worked]
    silence: Callable[[], float]
    traffic: Traffic | None = None  # None where it serves nothing over HTTP


def watching_application(watched: Watched, trouble: Callable[[], str]) -> Starlette:
    """Return the application with ``/metrics`` (Prometheus' text format, or OpenMetrics) and ``/healthz``."""
    registry = CollectorRegistry()
    registry.register(_Collector(watched))
    ProcessCollector(registry=registry)

    def metrics(request: Request) -> Response:
        encode, kind = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(registry), headers={"Content-Type": kind, "Cache-Control": "no-store"})

    routes = [health_route(trouble), Route("/metrics", metrics, methods=["GET", "HEAD"])]
    return Starlette(routes=routes)


class _Collector:
    """Makes metrics of what is known at the moment somebody asks."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched

    def describe(self) -> list[Metric]:
        """Return nothing: its names are its own, and need not be read from the ledger to be compared."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield every metric."""
        yield _labelled("phonotheque_info", "The program that runs.", "version", {__version__: 1})
        yield from _holding(self._watched.figures(), self._watched.budget)
        yield from _working(self._watched.worked())
        yield _gauge(
            "silence_seconds", "For how long the mirror has given no sign of life.", self._watched.silence()
        )
        if self._watched.traffic is not None:
            yield from _serving(self._watched.traffic)


def _holding(figures: Figures, budget: int) -> Iterator[Metric]:
    bags = {state: figures.bags.get(state, 0) for state in _STATES}
    yield _labelled("phonotheque_bags", "Bags by state, as the ledger has them.", "state", bags)
    yield _gauge("held_bytes", "Bytes of bags that are held, every one of them verified.", figures.held)
    yield _gauge("budget_bytes", "Bytes that the mirror may take.", budget)
    yield _gauge("disk_free_bytes", "Bytes that are free on the mirror's disk.", figures.free)
    if figures.oldest_verified is not None:
        yield _gauge(
            "oldest_verification_timestamp_seconds",
            "When the bag was verified that was verified longest ago.",
            _moment(figures.oldest_verified),
        )
    if edition := figures.edition:
        yield _gauge("edition", "The number of the edition that is followed.", edition.number)
        yield _gauge("edition_timestamp_seconds", "The date of that edition.", _moment(edition.date))
        yield _gauge("edition_bags", "Bags that it lists.", edition.bags)
        yield _gauge("edition_bytes", "Bytes of all bags that it lists.", edition.bytes)
    if scrub := figures.scrub:
        read = {"verified": scrub.verified.bytes, "overdue": scrub.overdue.bytes}
        yield _labelled(
            "phonotheque_scrub_bytes", "Bytes read within the period of the check, or not.", "state", read
        )
        yield _gauge("scrub_wrong", "Things that were not right when they were read last.", len(scrub.wrong))


def _working(worked: Worked) -> Iterator[Metric]:
    yield SummaryMetricFamily(
        "phonotheque_round_seconds",
        "Rounds that are over: a look at the origin, and all that came of it.",
        count_value=worked.rounds,
        sum_value=worked.in_rounds,
    )
    if worked.last_round is not None and worked.last_end is not None:
        yield _gauge("last_round_seconds", "How long the last round took.", worked.last_round)
        yield _gauge("last_round_timestamp_seconds", "When the last round ended.", worked.last_end)
    if result := worked.result:
        yield _gauge("missing", "What nobody delivered in the last round.", len(result.missing))
        yield _gauge("refused", "What did not verify in the last round.", len(result.refused))
        yield _gauge("no_room", "What the disk was too small for.", len(result.no_room))
        yield _gauge("origin_reachable", "1 if the origin answered in the last round.", not result.offline)
        expired = {role: int(role in result.stale) for role in _ROLES}
        yield _labelled(
            "phonotheque_stale",
            "1 if the signatures of a role are past their date.",
            "role",
            expired,
        )
    yield _counter("fetched_bytes", "Bytes that came from the origin, web seeds and peers.", worked.fetched)
    yield _counter("uploaded_bytes", "Bytes given to peers over BitTorrent.", worked.uploaded)
    yield _counter("swarm_troubles", "What the BitTorrent process complained of.", worked.troubles)
    yield _gauge("peers", "Connections to peers.", worked.peers)


def _serving(traffic: Traffic) -> Iterator[Metric]:
    answers, sent = traffic.totals()
    of_bodies = CounterMetricFamily("phonotheque_http_sent_bytes", "Bytes sent over HTTP.", labels=["what"])
    for what, size in sorted(sent.items()):
        of_bodies.add_metric([what], size)
    yield of_bodies
    by_status = CounterMetricFamily("phonotheque_http_answers", "Answers over HTTP.", labels=["status"])
    for status, count in sorted(answers.items()):
        by_status.add_metric([str(status)], count)
    yield by_status


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"phonotheque_{name}", help_text, value=float(value))


def _counter(name: str, help_text: str, value: float) -> Metric:
    return CounterMetricFamily(f"phonotheque_{name}", help_text, value=value)


def _labelled(name: str, help_text: str, label: str, values: Mapping[str, float]) -> Metric:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for value, number in values.items():
        family.add_metric([value], number)
    return family


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
