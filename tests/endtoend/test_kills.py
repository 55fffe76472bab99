"""Nothing acknowledged is ever lost: ``kill -9`` at random moments and steps, then everything is looked at.

``KILL_ROUNDS`` sets how many rounds are run (9 by default, 3 on PostgreSQL); ``python -m tests.endtoend``
runs hundreds, or one before every single step. A failure names its seed, which ``KILL_SEED`` repeats.
"""

from __future__ import annotations

import os
import uuid

import pytest

from tests.endtoend.kill_rounds import COMMANDS, Bases, run_round
from tests.postgresql import ON_POSTGRESQL

ROUNDS = int(os.environ.get("KILL_ROUNDS", "3" if ON_POSTGRESQL else "9"))
SEED = os.environ.get("KILL_SEED")

pytestmark = pytest.mark.xdist_group("bases")


@pytest.mark.parametrize("number", range(ROUNDS))
def test_a_killed_command_loses_nothing_and_is_completed_by_the_next(bases: Bases, number: int) -> None:
    # Not the same moments in every run of the suite: over time, all are tried.
    run_round(bases, SEED or uuid.uuid4().hex[:8], COMMANDS[number % len(COMMANDS)])
