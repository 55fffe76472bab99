"""Ctrl-C while others work: the first asks for an end that keeps what is under way, the next ends at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

Item = TypeVar("Item")


class Stopping:
    """Whether an end was asked for."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._asked = False
        self._say = say
        self._looking = False

    def asked(self) -> bool:
        """Return whether it was."""
        return self._asked

    def until(self, items: Iterable[Item]) -> Iterator[Item]:
        """Yield items until an end is asked for; looking for the next one is broken off by that."""
        source = iter(items)
        while not self.asked():
            try:
                self._looking = True
                item = next(source)
            except StopIteration:
                return
            except KeyboardInterrupt:
                if not self.asked():
                    raise  # it does not come from here
                break
            finally:
                self._looking = False
            yield item
        # Not said by ``ask``, which may come while something else is being written.
        self._say("Stopping: what is under way is finished and kept. Ctrl-C again stops at once.")

    def ask(self, _number: int, _frame: FrameType | None) -> None:
        """Take SIGINT."""
        at_once = self._asked or self._looking
        self._asked = True
        if at_once:
            raise KeyboardInterrupt


@contextmanager
def stopping(say: Callable[[str], None]) -> Iterator[Stopping]:
    """Let the first SIGINT within the block only ask for an end; raise KeyboardInterrupt after it if one did.

    In another thread than the main one, and where SIGINT means something else already, nothing is changed.
    """
    state = Stopping(say)
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield state
        return
    signal.signal(signal.SIGINT, state.ask)
    try:
        yield state
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if state.asked():
        raise KeyboardInterrupt
