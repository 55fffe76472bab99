"""What a monitor is told: parsed with the parsers that monitors use."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, fields
from typing import Any

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text
from starlette.applications import Starlette
from starlette.types import Message

from phonotheque.mirrors.figures import EditionFigures, Figures
from phonotheque.mirrors.sync import SyncResult
from phonotheque.mirrors.working import Worked
from phonotheque.vault.scrub_standing import Amount, Standing
from phonotheque.web.counting import Traffic
from phonotheque.web.metrics import Watched, watching_application
from tests.web.test_web_server import ask, body

_NOTHING: dict[str, Any] = {one.name: () for one in fields(SyncResult) if one.default is MISSING}
RESULT = SyncResult(
    **_NOTHING
    | {
        "edition": 7,
        "complete": ("audio-1",),
        "missing": (("audio-2", "nobody"),),
        "refused": (("audio-3", "crooked"), ("audio-4", "crooked")),
        "fetched": 5,
        "fingerprint": "f" * 64,
        "stale": ("timestamp",),
        "offline": True,
        "seconds": 2.5,
    }
)
FIGURES = Figures(
    bags={"complete": 2, "arriving": 1, "barred": 3},
    held=12_000,
    free=34_000,
    oldest_verified="2026-11-21T10:15:00Z",
    edition=EditionFigures(7, "2026-11-22T00:00:00Z", 9, 90_000),
    scrub=Standing(
        period_days=30.0,
        all=Amount(3, 12_000),
        verified=Amount(2, 9_000),
        never=Amount(1, 3_000),
        overdue=Amount(1, 3_000),
        oldest="2026-10-01T00:00:00Z",
        wrong=(("bags", "audio-1"),),
        a_day=100,
        overdue_until=None,
        covers=None,
        needed_a_day=400,
    ),
)
WORKED = Worked(
    began=1.0,
    rounds=3,
    in_rounds=7.5,
    last_round=2.5,
    last_end=1_795_000_000.0,
    fetched=1_000,
    uploaded=2_000,
    peers=4,
    troubles=1,
    result=RESULT,
)


def application(
    figures: Figures = FIGURES,
    worked: Worked = WORKED,
    traffic: Traffic | None = None,
    trouble: Callable[[], str] = lambda: "",
) -> Starlette:
    watched = Watched(50_000, lambda: figures, lambda: worked, lambda: 12.0, traffic)
    return watching_application(watched, trouble)


def kind(answer: list[Message]) -> str:
    (found,) = [value for name, value in answer[0]["headers"] if name == b"content-type"]
    return str(found, "ascii")


def told(asked: Starlette) -> str:
    return body(ask(asked, "/metrics")).decode()


def values(text: str, read: Callable[[str], Any] = read_text) -> dict[str, float]:
    """Every sample by its name with labels, as Prometheus writes it."""
    found = {}
    for family in read(text):
        for sample in family.samples:
            labels = ",".join(f'{name}="{value}"' for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_metrics_tell_how_a_mirror_stands() -> None:
    traffic = Traffic()
    traffic.began(200)
    traffic.began(404)
    traffic.sent(700, of_a_bag=True)
    asked = application(traffic=traffic)
    assert kind(ask(asked, "/metrics")).startswith("text/plain; version=")
    found = values(told(asked))
    expected = {
        'phonotheque_bags{state="complete"}': 2,
        'phonotheque_bags{state="arriving"}': 1,
        'phonotheque_bags{state="wanted"}': 0,
        'phonotheque_bags{state="barred"}': 3,
        "phonotheque_held_bytes": 12_000,
        "phonotheque_budget_bytes": 50_000,
        "phonotheque_disk_free_bytes": 34_000,
        "phonotheque_oldest_verification_timestamp_seconds": 1_795_256_100,
        "phonotheque_edition": 7,
        "phonotheque_edition_timestamp_seconds": 1_795_305_600,
        "phonotheque_edition_bags": 9,
        "phonotheque_edition_bytes": 90_000,
        'phonotheque_scrub_bytes{state="verified"}': 9_000,
        'phonotheque_scrub_bytes{state="overdue"}': 3_000,
        "phonotheque_scrub_wrong": 1,
        "phonotheque_round_seconds_count": 3,
        "phonotheque_round_seconds_sum": 7.5,
        "phonotheque_last_round_seconds": 2.5,
        "phonotheque_last_round_timestamp_seconds": 1_795_000_000,
        "phonotheque_missing": 1,
        "phonotheque_refused": 2,
        "phonotheque_no_room": 0,
        "phonotheque_origin_reachable": 0,
        'phonotheque_stale{role="timestamp"}': 1,
        'phonotheque_stale{role="root"}': 0,
        "phonotheque_fetched_bytes_total": 1_000,
        "phonotheque_uploaded_bytes_total": 2_000,
        "phonotheque_swarm_troubles_total": 1,
        "phonotheque_peers": 4,
        "phonotheque_silence_seconds": 12,
        'phonotheque_http_answers_total{status="200"}': 1,
        'phonotheque_http_answers_total{status="404"}': 1,
        'phonotheque_http_sent_bytes_total{what="bags"}': 700,
        'phonotheque_http_sent_bytes_total{what="other"}': 0,
    }
    assert {name: found[name] for name in expected} == expected
    assert found["process_resident_memory_bytes"] > 0


def test_a_mirror_that_has_done_nothing_yet_is_told_of_too() -> None:
    nothing = Figures(bags={}, held=0, free=34_000, oldest_verified=None, edition=None, scrub=None)
    found = values(told(application(nothing, Worked(began=1.0))))
    assert found['phonotheque_bags{state="complete"}'] == 0
    assert found["phonotheque_round_seconds_count"] == 0
    unknown = ("edition", "oldest_verification_timestamp_seconds", "origin_reachable", "last_round_seconds")
    for name in unknown:
        assert f"phonotheque_{name}" not in found  # nobody knows; nothing is not zero
    assert not any(name.startswith("phonotheque_http") for name in found)


def test_openmetrics_is_spoken_to_who_asks_for_it() -> None:
    accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
    answer = ask(application(), "/metrics", accept=accept)
    assert kind(answer).startswith("application/openmetrics-text; version=1.0.0")
    assert values(body(answer).decode(), read_openmetrics)["phonotheque_edition"] == 7


def test_no_reason_no_name_and_no_address_is_in_metrics() -> None:
    lines = told(application(traffic=Traffic())).splitlines()
    samples = "\n".join(line for line in lines if not line.startswith("#"))
    for word in ("audio-", "nobody", "crooked", "ffff"):
        assert word not in samples
    assert not re.search(r"\d+\.\d+\.\d+\.\d+|::", samples.replace("0.1.0", ""))


@pytest.mark.parametrize(("trouble", "status"), [("", 200), ("no sign of life for 3700 s", 503)])
def test_health(trouble: str, status: int) -> None:
    answer = ask(application(trouble=lambda: trouble), "/healthz")
    assert (answer[0]["status"], body(answer).decode()) == (status, f"{trouble or 'ok'}\n")


def test_only_these_two_are_answered() -> None:
    asked = [("/metrics", "HEAD"), ("/", "GET"), ("/metrics", "POST")]
    assert [ask(application(), path, method)[0]["status"] for path, method in asked] == [200, 404, 405]
