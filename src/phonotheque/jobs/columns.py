"""Frozen values as Arrow batches and back, losslessly: how results travel from workers.

A dataclass is a struct, its fields by their hints: str, bytes, int (64 bits), float, bool, enums of str,
paths, tuples, mappings from str, dataclasses, any of them or None. One of several dataclasses is a struct
with a field for each of them, of which one is there.
"""

from __future__ import annotations

import os
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

import pyarrow as pa

T = TypeVar("T")
Hint = Any  # a type, or what typing makes of several
Convert = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class _Form:
    """How values of one kind lie in Arrow: their type, and the ways there and back."""

    type: pa.DataType
    write: Convert
    read: Convert


def schema_of(kind: type) -> pa.Schema:
    """Return the schema for a dataclass: a column for each field. Raises TypeError for an unknown hint."""
    return pa.schema(list(_form(kind).type))


def to_batch(kind: type[T], values: Sequence[T]) -> pa.RecordBatch:
    """Return a row for each value."""
    hint: Hint = kind
    form = _form(hint)
    return pa.RecordBatch.from_struct_array(pa.array(map(form.write, values), type=form.type))


def from_batch(kind: type[T], batch: pa.RecordBatch) -> list[T]:
    """Return the values of which ``to_batch`` made this."""
    hint: Hint = kind
    return [_form(hint).read(row) for row in batch.to_pylist()]


@cache
def _form(hint: Hint) -> _Form:
    origin: Any = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _one_of([part for part in get_args(hint) if part is not type(None)])
    if origin is tuple:
        each, *rest = get_args(hint)
        if rest == [...]:
            return _listed(_form(each))
    if origin in (Mapping, dict) and get_args(hint)[0] is str:
        return _mapped(_form(get_args(hint)[1]))
    if is_dataclass(hint) and isinstance(hint, type):
        return _struct(hint)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _Form(pa.string(), lambda value: value.value, hint)
    if isinstance(hint, type) and issubclass(hint, Path):
        return _Form(pa.binary(), os.fsencode, lambda name: Path(os.fsdecode(name)))
    if hint in _PLAIN:
        return _Form(_PLAIN[hint], _same, _same)
    raise TypeError(f"{hint} has no form in Arrow")


_PLAIN = {str: pa.string(), bytes: pa.binary(), bool: pa.bool_(), int: pa.int64(), float: pa.float64()}


def _same(value: Any) -> Any:
    return value


def _one_of(hints: Sequence[Any]) -> _Form:
    """Return the form of something that may be None, or of one of several dataclasses."""
    if len(hints) == 1:
        form = _form(hints[0])
        return _Form(
            form.type,
            lambda value: None if value is None else form.write(value),
            lambda plain: None if plain is None else form.read(plain),
        )
    forms = {hint.__name__: _form(hint) for hint in hints}

    def write(value: Any) -> Any:
        name = type(value).__name__
        return None if value is None else {name: forms[name].write(value)}

    def read(plain: Any) -> Any:
        there = {name: part for name, part in (plain or {}).items() if part is not None}
        return next((forms[name].read(part) for name, part in there.items()), None)

    return _Form(pa.struct([(name, form.type) for name, form in forms.items()]), write, read)


def _listed(form: _Form) -> _Form:
    return _Form(
        pa.list_(form.type),
        lambda values: [form.write(value) for value in values],
        lambda plain: tuple(form.read(value) for value in plain),
    )


def _mapped(form: _Form) -> _Form:
    return _Form(
        pa.map_(pa.string(), form.type),
        lambda values: [(key, form.write(value)) for key, value in values.items()],
        lambda plain: {key: form.read(value) for key, value in plain},
    )


def _struct(kind: type) -> _Form:
    hints = get_type_hints(kind)
    forms = {field.name: _form(hints[field.name]) for field in fields(kind)}
    return _Form(
        pa.struct([(name, form.type) for name, form in forms.items()]),
        lambda value: {name: form.write(getattr(value, name)) for name, form in forms.items()},
        lambda plain: kind(**{name: form.read(plain[name]) for name, form in forms.items()}),
    )
