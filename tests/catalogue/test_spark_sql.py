"""Scripts of DuckDB in Spark's SQL."""

from __future__ import annotations

import pytest

from phonotheque.catalogue.engine import script
from phonotheque.catalogue.spark_sql import Statement, macros, query, statements

MACROS = """
-- Three seconds.
CREATE MACRO tolerance_ms() AS 3000;
CREATE MACRO lengths_differ(x, y) AS abs(x - y) > tolerance_ms();
"""


@pytest.mark.parametrize(
    ("duckdb", "spark"),
    [
        ("SELECT hash(title) FROM fact", "SELECT XXHASH64(title) FROM fact"),
        ("SELECT a % getvariable('n') FROM t", "SELECT PMOD(a, 3) FROM t"),
        ("SELECT (a + 1) % 2 % 3 FROM t", "SELECT PMOD(PMOD((a + 1), 2), 3) FROM t"),
        ("SELECT getvariable('step') FROM t", "SELECT 'it''s' FROM t"),
        ("SELECT len(people) = 0 FROM fact", "SELECT SIZE(people) = 0 FROM fact"),
        ("SELECT list_has_any(x, y) FROM t", "SELECT ARRAYS_OVERLAP(x, y) FROM t"),
        ("SELECT mbid::UUID FROM fact", "SELECT LOWER(mbid) FROM fact"),
        ("SELECT unnest(isrcs) AS isrc FROM fact", "SELECT EXPLODE(isrcs) AS isrc FROM fact"),
        (r"SELECT regexp_full_match(a, 'x|\d') FROM t", r"SELECT a RLIKE '\\A(?:x|\\d)\\z' FROM t"),
        (
            "SELECT lengths_differ(a, b - 1) FROM t",
            "SELECT (ABS((a) - (b - 1)) > (3000)) FROM t",
        ),
        (
            "SELECT lag(ms) OVER w FROM t WINDOW w AS (ORDER BY ms, fact DESC)",
            "SELECT LAG(ms) OVER w FROM t WINDOW w AS (ORDER BY ms NULLS LAST, fact DESC)",
        ),
        ("FROM pair LIMIT 1", "SELECT * FROM pair LIMIT 1"),
    ],
)
def test_what_differs_is_rewritten(duckdb: str, spark: str) -> None:
    assert query(duckdb, macros(MACROS), {"n": 3, "step": "it's"}).replace(r"\'", "''") == spark


def test_statements_make_fill_and_drop_tables() -> None:
    made = statements(
        """
        CREATE OR REPLACE TABLE pair (a BIGINT, shown TEXT);
        INSERT INTO pair WITH x AS (SELECT 1 AS a) SELECT a, 'y' FROM x;
        CREATE OR REPLACE TABLE pair AS SELECT * FROM pair;
        DROP TABLE pair;
        """,
        {},
        {},
    )
    assert made == [
        Statement(
            "create", "pair", "SELECT CAST(NULL AS BIGINT) AS a, CAST(NULL AS STRING) AS shown WHERE FALSE"
        ),
        Statement("insert", "pair", "WITH x AS (SELECT 1 AS a) SELECT a, 'y' FROM x"),
        Statement("create", "pair", "SELECT * FROM pair"),
        Statement("drop", "pair"),
    ]


def test_other_statements_are_refused() -> None:
    with pytest.raises(AssertionError, match="not a statement for tables: DELETE"):
        statements("DELETE FROM pair", {}, {})


def test_all_macros_are_known() -> None:
    script_text = script("macros")
    assert len(macros(script_text)) == script_text.count("CREATE MACRO")
