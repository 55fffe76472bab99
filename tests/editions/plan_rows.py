"""Candidates for plans, made by hand, and what was chosen of them."""

import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from phonotheque.editions.candidates import CANDIDATES
from phonotheque.editions.plan import ITEMS, Plan, make_plan


def candidate(
    key: int, listens: int | None, master: int, access: int | None = None, **more: Any
) -> dict[str, Any]:
    return {
        "recording": key,
        "file": 1000 + key,
        "listens": listens,
        "master_bytes": master,
        "access_bytes": access,
        "lossless": False,
        "publishable": True,
        "copies": None,
    } | more


def planned(rows: list[dict[str, Any]], budget: int | None, **more: Any) -> tuple[Plan, list[dict[str, Any]]]:
    """Return the plan of these candidates, and its items."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "items.parquet"
        found = make_plan(pa.Table.from_pylist(rows, schema=CANDIDATES), budget, to=path, **more)
        items = parquet.read_table(path)
    assert (items.schema.names, items.schema.types) == (ITEMS.names, ITEMS.types)
    return found, items.to_pylist()


def plan(rows: list[dict[str, Any]], budget: int | None, **more: Any) -> Plan:
    return planned(rows, budget, **more)[0]


def choices(rows: list[dict[str, Any]], budget: int | None, **more: Any) -> dict[int, str]:
    return {row["recording"]: row["choice"] for row in planned(rows, budget, **more)[1]}
