"""The catalogue's scripts in the SQL of Apache Spark.

sqlglot turns one grammar into the other, and writes out where NULLs come in an order, which differs. What it
would leave as it was, because it cannot know what is meant, is rewritten here:

- a macro is put in place of its call, a variable's value in place of ``getvariable``;
- ``hash`` is ``xxhash64``: other numbers than DuckDB's, but nothing keeps a hash, it only says what is equal;
- ``%`` is ``pmod``: Spark's hashes may be negative, DuckDB's are not;
- ``len`` is ``size``: the scripts ask it of lists only;
- a whole match is one from the very beginning to the very end;
- a UUID is a text in lower case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import sqlglot
from sqlglot import exp

Variables = Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Macro:
    """What ``CREATE MACRO`` said."""

    parameters: tuple[str, ...]
    body: exp.Expr


@dataclass(frozen=True, slots=True)
class Statement:
    """What a statement does to a table: ``create`` it, replacing it; ``insert`` rows of a query; ``drop`` it.

    ``query`` is Spark's SQL; empty when the table is dropped.
    """

    does: str
    table: str
    query: str = ""


def macros(script: str) -> dict[str, Macro]:
    """Return the macros that a script creates, by name."""
    made: dict[str, Macro] = {}
    for statement in sqlglot.parse(script, dialect="duckdb"):
        assert isinstance(statement, exp.Create), statement
        head, body = statement.this, statement.expression
        made[head.this.name.lower()] = Macro(tuple(given.name for given in head.expressions), body)
    return made


def statements(script: str, known: Mapping[str, Macro], variables: Variables) -> list[Statement]:
    """Return what a script of DuckDB does, statement by statement, with its queries in Spark's SQL.

    The scripts are ours: one that does something else than make, fill and drop tables is a mistake in it.
    """
    return [
        _statement(parsed, known, variables)
        for parsed in sqlglot.parse(script, dialect="duckdb")
        if parsed is not None
    ]


def query(text: str, known: Mapping[str, Macro], variables: Variables | None = None) -> str:
    """Return a query of DuckDB in Spark's SQL."""
    return _spark(sqlglot.parse_one(text, dialect="duckdb"), known, variables or {})


def _statement(parsed: exp.Expr, known: Mapping[str, Macro], variables: Variables) -> Statement:
    match parsed:
        case exp.Create(kind="TABLE", this=exp.Schema() as columns):
            return Statement("create", columns.this.name, _spark(_nothing(columns), known, variables))
        case exp.Create(kind="TABLE", this=exp.Table() as table):
            return Statement("create", table.name, _spark(parsed.expression, known, variables))
        case exp.Insert(this=exp.Table() as table):
            if beginning := parsed.args.get("with_"):  # sqlglot lifts WITH out of the query
                parsed.expression.set("with_", beginning)
            return Statement("insert", table.name, _spark(parsed.expression, known, variables))
        case exp.Drop(kind="TABLE"):
            (table,) = parsed.find_all(exp.Table)
            return Statement("drop", table.name)
    raise AssertionError(f"not a statement for tables: {parsed.sql()}")


def _nothing(columns: exp.Schema) -> exp.Select:
    """Return a query for these columns without a row."""
    nulls = [exp.alias_(exp.cast(exp.null(), column.kind), column.name) for column in columns.expressions]
    return exp.select(*nulls).where(exp.false())


def _spark(tree: exp.Expr, known: Mapping[str, Macro], variables: Variables) -> str:
    tree = exp.Paren(this=tree)  # so that every node has one above it, in which it can be replaced
    while call := next((c for c in tree.find_all(exp.Anonymous) if c.name.lower() in known), None):
        call.replace(_called(known[call.name.lower()], call))
    for node in list(tree.walk()):
        instead = _instead(node, variables)
        if instead is not None:
            node.replace(instead)
    sql: str = tree.this.sql(dialect="spark", comments=False)
    return sql


def _called(macro: Macro, call: exp.Anonymous) -> exp.Expr:
    """Return a macro's body, with what it is called with in place of its parameters."""
    given = dict(zip(macro.parameters, call.expressions, strict=True))
    body = exp.Paren(this=macro.body.copy())
    for column in list(body.find_all(exp.Column)):
        if column.name in given:
            column.replace(exp.paren(given[column.name], copy=True))
    return body


def _instead(node: exp.Expr, variables: Variables) -> exp.Expr | None:
    """Return what means the same to Spark, where sqlglot would write what does not."""
    match node:
        case exp.Anonymous(this=str(name), expressions=arguments):
            return _function(name.lower(), arguments, variables)
        case exp.Mod():
            return exp.Anonymous(this="pmod", expressions=[node.this, node.expression])
        case exp.Length():
            return exp.Anonymous(this="size", expressions=[node.this])
        case exp.ArrayOverlaps():
            return exp.Anonymous(this="arrays_overlap", expressions=[node.this, node.expression])
        case exp.RegexpFullMatch():
            whole = exp.convert(rf"\A(?:{node.expression.name})\z")
            return exp.RegexpLike(this=node.this, expression=whole)
        case exp.Cast(to=exp.DataType(this=exp.DataType.Type.UUID)):
            return exp.Lower(this=node.this)
    return None


def _function(name: str, arguments: list[exp.Expr], variables: Variables) -> exp.Expr | None:
    if name == "hash":
        return exp.Anonymous(this="xxhash64", expressions=arguments)
    if name == "getvariable":
        return exp.convert(variables[arguments[0].name])
    return None
