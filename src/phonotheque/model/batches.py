"""Taking a stream in pieces, so that neither memory nor a statement's parameters grow with its length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")

IN_A_STATEMENT = 500  # values in one SQL statement: databases bound the number of parameters


def batched(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Yield lists of up to ``size`` items, in order (``itertools.batched`` of Python 3.12, as lists)."""
    source = iter(items)
    while batch := list(islice(source, size)):
        yield batch
