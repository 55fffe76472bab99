"""What tests of several rooms share: an archive, kept apart from the settings of whoever runs them."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy import URL, Engine, event

from phonotheque.ledger.connect import connect_file
from phonotheque.vault import archive as opening
from phonotheque.vault.archive import Archive, open_archive
from tests import postgresql
from tests.once import ONCE
from tests.postgresql import ON_POSTGRESQL, SERVER

MakeArchive = Callable[..., Archive]
ARCHIVE_ID = "5f0c1f5e-6d0a-4c57-9d5e-0c8f6a1b2c3d"
ROOT = Path(__file__).parents[1]
_OPENS = {"make_archive", "ledger", "phono", "bases", "library", "twin"}  # fixtures that open ledgers
# How long an example takes depends on what else the machine does.
settings.register_profile("without times", deadline=None)
settings.load_profile("without times")

NO_PAGES, NO_FIGURES = "PHONOTHEQUE_PUBLISH_PAGES", "PHONOTHEQUE_SERVE_FIGURES"
PROCESSES = "PHONOTHEQUE_SERVE_PROCESSES"


def pytest_configure() -> None:
    """Hear Ctrl-C, as do all that tests start: whoever runs them in the background has it ignored.

    And let publishing write no pages, and servers draw no figures and be one process, but where a test is
    about them: they take seconds each time.
    """
    os.environ[NO_PAGES] = os.environ[NO_FIGURES] = "false"
    os.environ[PROCESSES] = "1"
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep groups together; on PostgreSQL run what opens a ledger, and say of the rest why not."""
    for item in items:
        _name_with_group(item)
    if gone := [path for path in ONCE if not (ROOT / path).is_file()]:
        raise pytest.UsageError(f"tests/once.py names what is not there: {', '.join(gone)}")
    if not ON_POSTGRESQL:
        return
    without = [item for item in items if not _on_postgresql_too(item)]
    config.hook.pytest_deselected(items=without)
    items[:] = [item for item in items if _on_postgresql_too(item)]
    for item in items:
        if mark := item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip(reason=f"SQLite only: {mark.args[0]}"))


def _name_with_group(item: Any) -> None:
    """Let pytest 9.2 believe pytest-xdist 3.8, which names a test with its group where pytest looks no more.

    Without it no ``xdist_group`` is kept together, and each process makes all that is costly for itself.
    """
    if hasattr(item, "_nodeid") and hasattr(item, "_id"):
        item._id = type(item._id).parse(item._nodeid)


def _on_postgresql_too(item: pytest.Item) -> bool:
    return _opens_ledgers(item) and not _runs_once(item)


def _opens_ledgers(item: pytest.Item) -> bool:
    opens = _OPENS & set(getattr(item, "fixturenames", ()))
    return bool(opens or item.get_closest_marker("ledger") or item.get_closest_marker("sqlite"))


def _runs_once(item: pytest.Item) -> bool:
    return bool(item.get_closest_marker("once") or item.path.relative_to(ROOT).as_posix() in ONCE)


@pytest.fixture(autouse=not ON_POSTGRESQL)
def told_to_run_on_postgresql_too(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whoever opens a ledger says so: by a fixture that does it, or by a mark."""
    opened = []

    def note(*connected: object) -> None:
        opened.append(connected)

    event.listen(Engine, "engine_connect", note)
    yield
    event.remove(Engine, "engine_connect", note)
    if opened and not (_opens_ledgers(request.node) or _runs_once(request.node)):
        pytest.fail("This test opens a ledger: mark it with ledger, or with sqlite or once and the reason.")


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[URL]:
    """The address of a PostgreSQL server of this process's own, started when it is first asked for."""
    postgresql.program_path()
    with postgresql.running_server() as server:
        postgresql.make_template(server.url)
        yield server.url


@pytest.fixture(scope="session", autouse=ON_POSTGRESQL)
def ledgers_on_postgresql(postgresql_server: URL) -> Iterator[None]:
    """Every archive gets a database of its own there, in this process and in those that it starts."""
    path = (str(ROOT / "tests" / "on_postgresql"), str(ROOT), os.environ.get("PYTHONPATH", ""))
    hook = os.pathsep.join(filter(None, path))
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(SERVER, postgresql_server.render_as_string(hide_password=False))
        patched.setenv("PYTHONPATH", hook)
        patched.setattr(opening, "connect_file", postgresql.connect_instead)
        yield


@pytest.fixture(autouse=True)
def closed_afterwards(request: pytest.FixtureRequest) -> Iterator[None]:
    """No connection outlives its test, and no database that it made: each takes 8 MB."""
    if "postgresql_server" not in request.fixturenames:
        yield
        return
    with postgresql.databases_of_one_test(request.getfixturevalue("postgresql_server")):
        yield


def open_ledger(path: Path) -> Engine:
    """Open the ledger at ``path``, or the database that stands for it."""
    return postgresql.connect_instead(path) if ON_POSTGRESQL else connect_file(path)


@pytest.fixture
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the (empty) folder of the user's settings; what tests set in the environment stays."""
    for name in os.environ:
        ours = name.startswith("PHONOTHEQUE_") and name not in (NO_PAGES, NO_FIGURES, PROCESSES)
        if ours or name == "SOURCE_DATE_EPOCH":
            monkeypatch.delenv(name)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config"


@pytest.fixture
def make_archive(own_settings: Path, tmp_path: Path) -> Iterator[MakeArchive]:
    """A function that makes an archive: ``make_archive("name", mandate="why")``."""
    made: list[Archive] = []

    def make(name: str = "archive", *, mandate: str = "", folder: Path | None = None) -> Archive:
        folder = folder or tmp_path / name
        folder.mkdir(exist_ok=True)
        # JSON's strings are TOML's
        lines = (
            "[archive]",
            f'id = "{ARCHIVE_ID}"',
            f"name = {json.dumps(name)}",
            "[mandate]",
            f"preserve = {json.dumps(mandate)}",
        )
        (folder / "phonotheque.toml").write_text("\n".join(lines) + "\n")
        made.append(open_archive(folder))
        return made[-1]

    yield make
    for archive in made:
        archive.close()


@pytest.fixture
def archive(make_archive: MakeArchive) -> Archive:
    """Return an archive with a mandate to keep whatever it is given."""
    return make_archive(mandate="Tests keep everything.")
