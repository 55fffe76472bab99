"""The command line in processes forked from one that has imported all of it: quick enough to kill often."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.endtoend.commands import PATIENCE, Done
from tests.endtoend.stepping import SAYS

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.storage.forked", "phonotheque.cli.publish", "phonotheque.cli.add"])
NOTHING = "let"  # happen: the command runs to its end


def run(
    *words: object,
    env: Mapping[str, str] = {},
    what: str = NOTHING,
    begun: Callable[[int], None] = lambda _: None,
) -> Done:
    """Run a command; ``what`` as for tests.endtoend.stepping; ``begun`` is told the process. -9 if killed."""
    with tempfile.TemporaryDirectory() as folder:
        arguments = (what, *map(str, words))
        process = _CONTEXT.Process(target=_phono, args=(arguments, {**os.environ, **env}, folder))
        process.start()
        assert process.pid is not None
        begun(process.pid)
        process.join(3 * PATIENCE)
        ended = process.exitcode is not None
        process.kill()
        process.join()
        out, err = (Path(folder, name).read_text(encoding="utf-8") for name in ("out", "err"))
        assert ended, f"phono {arguments} does not end:\n{err}"
        assert "Traceback" not in err, err
        assert process.exitcode is not None
        return Done(process.exitcode, out, err)


def counted(done: Done) -> int:
    """Return the number of steps of a command that was run with ``what="count"``."""
    return int(done.err.rpartition(SAYS)[2].split()[0])


def was_killed(done: Done) -> bool:
    """Return whether it was killed; if not, it has ended well."""
    assert done.code in (0, -signal.SIGKILL), done.err
    return done.code != 0


def _phono(arguments: tuple[str, ...], env: Mapping[str, str], folder: str) -> None:
    from tests.endtoend import stepping

    os.environ.clear()
    os.environ.update(env)
    for descriptor, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(Path(folder, name), os.O_WRONLY | os.O_CREAT), descriptor)
    sys.argv = ["phono", *arguments]
    stepping.main()
