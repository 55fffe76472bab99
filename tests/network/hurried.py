"""Run ``phono`` with mirrors that look at their origin every second, rather than every hour."""

from __future__ import annotations

import dataclasses
import os
import sys

from phonotheque.cli.main import main as phono
from phonotheque.mirrors.fetching import Pace
from tests.endtoend.stepping import SAYS, Steps

EVERY = 1.0  # seconds
STEP = "TESTS_STEP"  # in the environment: what tests.endtoend.stepping is to do


def main() -> None:
    """Run the command line so."""
    defaults = {field.name: field.default for field in dataclasses.fields(Pace)} | {"follow_every": EVERY}
    Pace.__init__.__defaults__ = tuple(defaults.values())
    steps = Steps(os.environ.get(STEP, ""))
    if steps.kind:
        steps.watch()
    try:
        phono()
    finally:
        if steps.kind == "count":
            print(f"{SAYS}{steps.count}", file=sys.stderr)


if __name__ == "__main__":
    main()
