"""The documentation is true: links lead somewhere, commands exist, tables are those of the code."""

from __future__ import annotations

import re
import shlex
import tomllib
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

import click
import pytest

from phonotheque.catalogue.schema import TABLES
from phonotheque.cli.main import phono
from phonotheque.cli.others import WithOthers
from phonotheque.editions.edition import Edition
from phonotheque.editions.index import SCHEMA as INDEX
from phonotheque.ledger.connect import HEAD
from phonotheque.ledger.schema import metadata
from phonotheque.model.errors import PhonothequeError
from phonotheque.model.settings import Settings, parse_size
from tests.docs.docs_pages import (
    DOCS,
    PAGES,
    ROOT,
    anchors,
    codes,
    command_lines,
    inline_code,
    links,
    name_of,
    phono_calls,
    table,
    text_of,
)

FORMAT = DOCS / "format.md"
DESIGN = DOCS / "design.md"


every_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page):
        if re.match(r"[a-z]+:", link):
            continue  # other people's pages
        path, _, anchor = link.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{name_of(page)} links to {link}"
        assert goal.is_relative_to(ROOT), f"{name_of(page)} links out of the project: {link}"
        if anchor and goal.suffix == ".md":
            assert anchor in anchors(goal), f"{name_of(page)} links to {link}"


@every_page
def test_every_page_can_be_reached(page: Path) -> None:
    linked = {(other.parent / link.partition("#")[0]).resolve() for other in PAGES for link in links(other)}
    assert page in linked or page == ROOT / "README.md"


@every_page
def test_commands_exist_with_these_options(page: Path) -> None:
    for line in command_lines(page):
        for arguments in phono_calls(line.text):
            check_call(arguments, where=f"{name_of(page)}: {line.text}", complete=True)
    for code in inline_code(page):
        if code.startswith("phono "):
            words = [word.strip("[]…") for word in shlex.split(code)[1:]]
            check_call([word for word in words if word], where=f"{name_of(page)}: {code}", complete=False)


def check_call(arguments: list[str], *, where: str, complete: bool) -> None:
    """Parse as Click would, without converting values, which would open archives."""
    command: click.Command = phono
    context = click.Context(phono, info_name="phono")
    rest = list(arguments)
    while isinstance(command, click.Group) and rest and not rest[0].startswith("-"):
        below = command.get_command(context, rest[0])
        if below is not None:
            rest = rest[1:]
        else:
            below = command.get_command(context, "list")  # phono rights ARCHIVE
        assert below is not None, f"there is no such command: {where}"
        command = below
        context = click.Context(command, info_name=command.name, parent=context)
    if isinstance(command, WithOthers) and rest and rest[0] in command.others:  # phono mirror list ORIGIN
        command = command.others[rest[0]]
        context, rest = click.Context(command, info_name=command.name, parent=context), rest[1:]
    try:
        given, left, _ = command.make_parser(context).parse_args(list(rest))
    except click.UsageError as error:
        if not complete and isinstance(error, click.BadOptionUsage):
            return  # `phono publish --date`: an option named without its value
        pytest.fail(f"{error.message} ({where})")
    if not isinstance(command, click.Group):
        assert not left, f"too many arguments: {where}"
    if complete and not {"-h", "--help"} & set(rest):
        missing = [str(p.name) for p in command.params if p.required and not is_given(given[str(p.name)])]
        assert not missing, f"{', '.join(missing)} is missing: {where}"


def is_given(value: object) -> bool:
    """Whether a parameter got a value: Click marks those without one by an object of its own."""
    return isinstance(value, (str, tuple, list)) and bool(value)


def test_the_check_of_commands_sees_mistakes() -> None:
    for wrong in ("ad my-archive Music", "add my-archive Music --mvoe", "add my-archive", "publish a b"):
        with pytest.raises((AssertionError, pytest.fail.Exception)):
            check_call(wrong.split(), where=wrong, complete=True)
    for right in ("--version", "rights my-archive --all", "rights grant a b --evidence c", "add --help"):
        check_call(right.split(), where=right, complete=True)


@every_page
def test_nobodys_home_is_named(page: Path) -> None:
    assert not re.search(r"(/home/|/root/|/Users/|/tmp/|C:\\|\bfile://)", text_of(page))


@every_page
def test_named_files_of_the_code_exist(page: Path) -> None:
    for code in inline_code(page):
        if re.fullmatch(r"[a-z_]+/[\w/]+\.py", code) and not code.startswith(("src/", "tests/")):
            assert (ROOT / "src" / "phonotheque" / code).is_file(), f"{name_of(page)} names {code}"
        elif re.fullmatch(r"(src|tests|docs|scripts|\.ci)/[\w/.-]*[\w-]", code) and "NAME" not in code:
            assert (ROOT / code).exists(), f"{name_of(page)} names {code}"


def test_settings_are_those_of_the_code() -> None:
    expected = []
    for section in fields(Settings):
        kind = get_type_hints(Settings)[section.name]
        for setting in fields(kind):
            name = f"{section.name}.{setting.name}"
            variable = f"PHONOTHEQUE_{section.name}_{setting.name}".upper()
            expected.append((name, setting.default, variable))
    rows = table(DOCS / "settings.md", "# Settings")
    written = [(codes(row[0])[0], default_of(codes(row[1])[0]), codes(row[2])[0]) for row in rows]
    assert written == expected
    assert all(len(row[3]) > 10 for row in rows)


def default_of(text: str) -> Any:
    value = tomllib.loads(f"value = {text}")["value"]
    if isinstance(value, list):
        return tuple(value)
    try:
        return parse_size(value) if isinstance(value, str) else value
    except PhonothequeError:
        return value


def test_rooms_are_those_that_exist_in_the_layers_that_are_enforced() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = config["tool"]["importlinter"]["contracts"]
    enforced = [set(layer.split(" | ")) for layer in contract["layers"]]
    rows = table(DESIGN, "## Rooms and layers")
    assert [set(codes(row[1])) for row in rows] == enforced
    assert [row[0] for row in rows] == [str(number) for number in range(len(rows), 0, -1)]
    package = ROOT / "src" / "phonotheque"
    assert set.union(*enforced) == {init.parent.name for init in package.glob("*/__init__.py")}


def test_exit_codes_are_those_of_the_errors() -> None:
    rows = table(DESIGN, "## Commands and exit codes")
    kinds = {PhonothequeError.exit_code, *(kind.exit_code for kind in PhonothequeError.__subclasses__())}
    assert kinds <= {int(row[0]) for row in rows}


def test_ledger_tables_are_those_of_the_schema() -> None:
    rows = table(FORMAT, "## Ledger")
    assert [codes(row[0])[0] for row in rows] == list(metadata.tables)
    assert f"version `{HEAD}`" in text_of(FORMAT)


def test_catalogue_tables_are_those_of_the_schema() -> None:
    rows = table(FORMAT, "## Catalogue snapshot")
    assert {codes(row[0])[0]: codes(row[1]) for row in rows} == {name: TABLES[name].names for name in TABLES}


def test_fields_of_an_edition_are_those_of_the_code() -> None:
    written = [codes(row[0])[0] for row in table(FORMAT, "## edition.json")]
    assert written[0] == "format"
    assert sorted(written) == sorted(leaves(Edition))


def leaves(kind: Any, prefix: str = "") -> list[str]:
    found: list[str] = []
    for name, hint in get_type_hints(kind).items():
        inner = [part for part in (hint, *get_args(hint)) if is_dataclass(part)]
        many = bool(get_args(hint)) and Ellipsis in get_args(hint)
        optional = type(None) in get_args(hint)
        if not inner or many or optional:
            found.append(prefix + name)
        for part in inner:
            found += leaves(part, f"{prefix}{name}{'[]' if many else ''}.")
    return found


def test_columns_of_the_index_are_those_of_the_code() -> None:
    rows = table(FORMAT, "## index.parquet")
    assert [(codes(row[0])[0], row[1]) for row in rows] == [(field.name, str(field.type)) for field in INDEX]
