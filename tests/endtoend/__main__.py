"""Many rounds of kills, outside the test suite: ``python -m tests.endtoend --rounds 200``."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from tests.endtoend.commands import serving
from tests.endtoend.kill_rounds import COMMANDS, make_bases, run_round


def main() -> int:
    """Run the rounds; say what happened, and return 1 if a promise was broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.endtoend", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", default="soak")
    parser.add_argument("--only", choices=COMMANDS)
    parser.add_argument("--every-step", action="store_true", help="one kill before each step, in order")
    options = parser.parse_args()
    commands = [options.only] if options.only else COMMANDS
    began, kills, late, failed, total = time.monotonic(), Counter[str](), 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        bases = make_bases(Path(folder))
        print(bases.seconds, bases.steps, flush=True)
        todo: list[tuple[str, int | None]]
        if options.every_step:
            todo = [(command, step) for command in commands for step in range(1, bases.steps[command] + 1)]
        else:
            todo = [(commands[number % len(commands)], None) for number in range(options.rounds)]
        with serving(bases.base("mirror") / "archive") as bases.url:
            for number, (command, step) in enumerate(todo):
                total += 1
                try:
                    done = run_round(bases, f"{options.seed}-{number}", command, step=step)
                except AssertionError:
                    failed += 1
                    traceback.print_exc(file=sys.stdout)
                    continue
                kills[command] += len(done.kills)
                late += done.survived
                head = f"{number:4} {command:8} {done.variant:7} {done.seconds:5.1f} s"
                print(head, "; ".join(done.kills), flush=True)
    minutes = (time.monotonic() - began) / 60
    came = f"{kills.total()} kills {dict(kills)}, {late} too late; {failed} rounds failed"
    print(f"{total} rounds in {minutes:.0f} min: {came}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
