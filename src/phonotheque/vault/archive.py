"""The archive folder: where everything lies, its settings, its ledger, and its lock (docs/format.md)."""

from __future__ import annotations

import fcntl
import json
import os
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from phonotheque.ledger.connect import connect, connect_file
from phonotheque.ledger.lock import only_writer
from phonotheque.model.errors import BusyError, NotFoundError, PhonothequeError, UsageError, VerificationError
from phonotheque.model.settings import Layer, Settings, parse_settings

SETTINGS_FILE = "phonotheque.toml"
LEDGER_FILE = "ledger.sqlite"


@dataclass(frozen=True)
class Archive:
    """One archive or mirror folder: both have the same shape, so that a mirror can be mirrored."""

    folder: Path
    settings: Settings

    @cached_property
    def ledger(self) -> Engine:
        """The ledger, opened and migrated at first use."""
        if self.settings.ledger.url:
            return connect(self.settings.ledger.url)
        return connect_file(self.folder / LEDGER_FILE)

    def close(self) -> None:
        """Close the ledger, if it was opened; it opens again when it is asked for something."""
        if "ledger" in vars(self):
            self.ledger.dispose()

    def holds_something(self) -> bool:
        """Whether there is anything in the vault."""
        return any(part.is_dir() and any(part.iterdir()) for part in (self.bags, self.incoming))

    @property
    def catalogue(self) -> Path:
        """Catalogue snapshots and their CURRENT pointer."""
        return self.folder / "catalogue"

    @property
    def plans(self) -> Path:
        """Saved plans and their CURRENT pointer."""
        return self.folder / "plans"

    @property
    def incoming(self) -> Path:
        """Accepted masters that are in no bag, named by SHA-256."""
        return self.folder / "vault" / "incoming"

    @property
    def evidence(self) -> Path:
        """Documents that statements about rights rest on, named by SHA-256: kept, never published."""
        return self.folder / "vault" / "evidence"

    @property
    def bags(self) -> Path:
        """Sealed bags."""
        return self.folder / "vault" / "bags"

    @property
    def public(self) -> Path:
        """The static tree that any web server can serve."""
        return self.folder / "public"

    @property
    def keys(self) -> Path:
        """Private signing keys: never under ``public``."""
        return self.folder / "keys"

    @property
    def is_mirror(self) -> bool:
        """Whether this folder follows somebody else's editions."""
        return bool(self.settings.mirror.origin)

    @contextmanager
    def writing(self, command: str) -> Iterator[None]:
        """Hold the archive's lock while changing it. Raises BusyError when another process has it.

        The lock ends with the process, however it ends. A ledger that other machines can reach is locked too.
        """
        path = self.folder / ".lock"
        with path.open("a+", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip() or "another process"
                raise BusyError(
                    f"{self.folder} is being changed by {holder}.",
                    "Wait until it has finished, or stop it; what it did so far is kept.",
                ) from None
            lock.truncate(0)
            lock.write(f"“phono {command}” (process {os.getpid()})")
            lock.flush()
            try:
                with only_writer(self.ledger, command) if self.settings.ledger.url else nullcontext():
                    yield
            finally:
                lock.truncate(0)


RESTORED_FILE = "restored.json"  # of an archive that phono restore makes again, and whether it has ended


def is_half_restored(folder: Path) -> bool:
    """Tell whether a restore has begun in a folder, and has not come to its end. Raises VerificationError."""
    path = folder / RESTORED_FILE
    try:
        return json.loads(path.read_bytes())["finished"] is not True
    except FileNotFoundError:
        return False
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise VerificationError(
            f"{path} makes no sense.",
            f"Run it again: phono restore MIRROR {folder}. If that had come to its end: remove the file.",
        ) from error


def open_archive(folder: Path, flags: Mapping[str, Any] | None = None) -> Archive:
    """Open an existing archive or mirror; ``flags`` override its settings.

    Raises NotFoundError, and UsageError for one that is only half restored.
    """
    written = _written(folder / SETTINGS_FILE)
    if written is None:
        raise NotFoundError(
            f"{folder} is not an archive: it has no {SETTINGS_FILE}.",
            f"Make one with: phono init {folder} --name “…”",
        )
    if is_half_restored(folder):
        raise UsageError(
            f"{folder} is being restored, and has not come to its end: half of the ledger is no ledger.",
            f"Run it again: phono restore MIRROR {folder}",
        )
    return Archive(folder, settings_of(written, flags))


def settings_of(written: Layer, flags: Mapping[str, Any] | None = None) -> Settings:
    """Return an archive's settings: those ``written`` for it, with what comes before and after them."""
    typed = Layer("the command line", flags or {})
    own = _written(_user_file()) or Layer("", {})
    return parse_settings(typed, _environment(os.environ), written, own)


def now() -> datetime:
    """The present moment in UTC, to the second; ``SOURCE_DATE_EPOCH`` fixes it for reproducible runs."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    if fixed:
        try:
            return datetime.fromtimestamp(int(fixed), UTC)
        except (ValueError, OverflowError) as error:
            raise UsageError(f"SOURCE_DATE_EPOCH is not a number of seconds: {fixed}.") from error
    return datetime.now(UTC).replace(microsecond=0)


def timestamp(moment: datetime) -> str:
    """Return ISO 8601 in UTC with a Z, as the ledger keeps times."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _written(path: Path) -> Layer | None:
    """Return the settings in a TOML file, None if there is no such file. Raises PhonothequeError."""
    try:
        return Layer(str(path), tomllib.loads(path.read_bytes().decode("utf-8")))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise PhonothequeError(
            f"{path} cannot be read: {error.strerror}.", "Check its permissions."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}.", "Correct it in a text editor.") from error
    except RecursionError as error:
        raise UsageError(f"{path} is nested too deeply.", "Correct it in a text editor.") from error


def _user_file() -> Path:
    base = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(base) / "phonotheque" / "config.toml"


def _environment(environ: Mapping[str, str]) -> Layer:
    sections: dict[str, dict[str, str]] = {}
    for name, value in environ.items():
        prefix, _, rest = name.partition("_")
        section, _, key = rest.lower().partition("_")
        # Other variables of that prefix may be other programs' own.
        if prefix == "PHONOTHEQUE" and key and section in Settings.__dataclass_fields__:
            sections.setdefault(section, {})[key] = value
    return Layer("the environment (PHONOTHEQUE_…)", sections)
