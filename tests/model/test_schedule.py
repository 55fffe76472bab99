"""When a mirror may transfer, and how much: by days and hours of its own place."""

from __future__ import annotations

import contextlib
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from phonotheque.model.errors import UsageError
from phonotheque.model.schedule import Limits, Schedule, parse_schedule

USUAL = Limits(upload=2_000_000, download=10_000_000, connections=100)
MONDAY = "2026-11-23"


def at(schedule: str, day: str, hour: str) -> Limits:
    return parse_schedule(schedule).limits(datetime.fromisoformat(f"{day}T{hour}"), USUAL)


def test_without_rules_the_usual_limits_hold() -> None:
    assert at("", MONDAY, "03:00") == USUAL
    assert parse_schedule(" ; ") == Schedule()


@pytest.mark.parametrize(
    ("schedule", "day", "hour", "goes"),
    [
        ("23:00-07:00", MONDAY, "22:59", False),
        ("23:00-07:00", MONDAY, "23:00", True),
        ("23:00-07:00", MONDAY, "06:59", True),
        ("23:00-07:00", MONDAY, "07:00", False),
        ("sun 23:00-07:00", MONDAY, "06:00", True),  # what began on Sunday goes on
        ("mon 23:00-07:00", MONDAY, "06:00", False),
        ("fri-mon", MONDAY, "12:00", True),
        ("sat,sun", MONDAY, "12:00", False),
        ("mon 00:00-24:00", MONDAY, "23:59", True),
        ("08:00-08:00", MONDAY, "03:00", True),
        ("mon pause; always", MONDAY, "12:00", False),
        ("mon pause; always", "2026-11-24", "12:00", True),
        ("12:00-13:00 pause; mon 08:00-18:00", MONDAY, "12:30", False),
    ],
)
def test_the_first_rule_that_holds_counts_and_without_one_transfers_pause(
    schedule: str, day: str, hour: str, goes: bool
) -> None:
    assert at(schedule, day, hour).paused is not goes


def test_a_rule_changes_the_limits_that_it_names() -> None:
    schedule = "mon-fri 8:00-18:00 up 500kB down 0; always connections 9"
    assert at(schedule, MONDAY, "09:00") == Limits(500_000, 0, 100)
    assert at(schedule, MONDAY, "19:00") == Limits(2_000_000, 10_000_000, 9)


def test_when_transfers_go_on_is_known() -> None:
    schedule = parse_schedule("sat 23:30-01:00")
    moment = datetime.fromisoformat(f"{MONDAY}T12:00:31")
    assert schedule.resumes(moment, USUAL) == datetime.fromisoformat("2026-11-28T23:30")
    assert parse_schedule("always pause").resumes(moment, USUAL) is None


@pytest.mark.parametrize(
    "text",
    [
        "nights",
        "up 5MB",
        "25:00-26:00",
        "24:30-01:00",
        "mon-xyz",
        "always up",
        "always up 1MB up 2MB",
        "always sideways 1MB",
        "always connections 0",
        "always pause up 1MB",
        "23:00-07:00, sat",
    ],
)
def test_what_is_no_rule_is_named(text: str) -> None:
    with pytest.raises(UsageError, match=r"is no rule of a schedule|is not a size"):
        parse_schedule(f"always; {text}")


@given(st.text(alphabet="monfri-,:; 0123456789upalwys"), st.datetimes())
def test_no_text_breaks_the_reader(text: str, moment: datetime) -> None:
    with contextlib.suppress(UsageError):
        parse_schedule(text).limits(moment, USUAL)
