"""Plans as they are kept: a folder each, and CURRENT, which names the one in use (docs/format.md)."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from pyarrow import parquet

from phonotheque.catalogue.manifest import CURRENT, STAMP, hash_file, stamp
from phonotheque.editions.elsewhere import Elsewhere
from phonotheque.editions.plan import Plan
from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.vault.place import fsync_dir, fsync_file, write_durably

_PLAN, _ITEMS, _CURVE, _ELSEWHERE = "plan.json", "items.parquet", "curve.parquet", "elsewhere"
_MAKING: Final = ".making-"
_FORMAT: Final = 2


@dataclass(frozen=True, slots=True)
class Terms:
    """What a plan was asked for. ``budget`` and ``protect`` are in bytes; no budget, no limit."""

    budget: int | None = None
    protect: int = 0
    elsewhere: Elsewhere | None = None


@contextmanager
def making(folder: Path) -> Iterator[Path]:
    """Yield a folder for a plan in the making, on the same disk as the plans; it is gone afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    with _opened(folder) as place:
        fcntl.flock(place, fcntl.LOCK_EX)  # until what is made here has a lock of its own
        for left in folder.glob(f"{_MAKING}*"):
            _remove_abandoned(left)
        work = Path(tempfile.mkdtemp(prefix=_MAKING, dir=folder))
        own = os.open(work, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        fcntl.flock(own, fcntl.LOCK_EX)
    try:
        yield work
    finally:
        os.close(own)
        shutil.rmtree(work)


def _remove_abandoned(left: Path) -> None:
    """Remove what a killed run left: nobody has its lock, which goes with the process."""
    with _opened(left) as place:
        try:
            fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        shutil.rmtree(left)


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield place
    finally:
        os.close(place)


def save_plan(
    folder: Path,
    plan: Plan,
    items: Path,
    made_at: datetime,
    *,
    snapshot: str,
    elsewhere: Elsewhere | None = None,
) -> Path:
    """Keep a plan as ``<folder>/<stamp>/`` and make it the current one; ``items`` is moved there.

    Returns the plan's folder. Earlier plans stay. The same plan and time give the same bytes.
    """
    with making(folder) as work:
        new = work / "plan"
        new.mkdir()
        items.rename(new / _ITEMS)
        parquet.write_table(plan.curve, new / _CURVE, compression="zstd")
        names = [_ITEMS, _CURVE]
        if elsewhere is not None:
            names.append(_ELSEWHERE + elsewhere.path.suffix)
            shutil.copyfile(elsewhere.path, new / names[-1])
        for name in names:
            fsync_file(new / name)
        content = {
            "format": _FORMAT,
            "made_at": made_at.astimezone(UTC).isoformat(),
            "snapshot": snapshot,
            "sha256": {name: hash_file(new / name) for name in names},
            **_told(plan),
        }
        write_durably(new / _PLAN, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())
        final, again = folder / stamp(made_at), 1
        while final.exists():
            again += 1
            final = folder / f"{stamp(made_at)}-{again}"
        new.rename(final)
        fsync_dir(folder)
    write_durably(folder / CURRENT, f"{final.name}\n".encode())
    return final


def current_terms(folder: Path) -> Terms:
    """Return what the current plan was asked for; no limits when there is none yet.

    Raises VerificationError when it is damaged.
    """
    try:
        place, content = load_plan(folder)
    except NotFoundError:
        return Terms()
    lists = [name for name in content["sha256"] if name.startswith(_ELSEWHERE)]
    elsewhere = Elsewhere(place / lists[0]) if lists else None
    return Terms(content["budget"], content["protect"], elsewhere)


def load_plan(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Return the current plan's folder and what its plan.json says, with all of its files verified.

    Raises NotFoundError when there is none, VerificationError when it is damaged.
    """
    try:
        name = (folder / CURRENT).read_bytes()[:100].decode("ascii", "replace").strip()
    except FileNotFoundError as error:
        raise NotFoundError(f"{folder} holds no plan yet.", "Make one first: phono plan.") from error
    advice = "Make a new one: phono plan."
    if not STAMP.fullmatch(name):
        raise VerificationError(f"{folder / CURRENT}: {name!r} is not the name of a plan.", advice)
    place = folder / name
    try:
        content = json.loads((place / _PLAN).read_bytes())
        if content["format"] not in (1, _FORMAT):
            raise VerificationError(f"{place} is of another format: {content['format']!r}.", advice)
        if not {_ITEMS, _CURVE} <= set(content["sha256"]):
            raise VerificationError(f"{place / _PLAN} does not list its tables.", advice)
        for file, digest in content["sha256"].items():
            if "/" in file or hash_file(place / file) != digest:
                raise VerificationError(f"{place / file} is damaged: its SHA-256 is another.", advice)
        if not (content["budget"] is None or isinstance(content["budget"], int)):
            raise VerificationError(f"{place / _PLAN}: budget is {content['budget']!r}.", advice)
        if not isinstance(content.setdefault("protect", 0), int):  # format 1 had none
            raise VerificationError(f"{place / _PLAN}: protect is {content['protect']!r}.", advice)
    except FileNotFoundError as error:
        raise VerificationError(f"{error.filename} is missing.", advice) from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise VerificationError(f"{place} is damaged: {error!r}.", advice) from error
    return place, content


def _told(plan: Plan) -> dict[str, Any]:
    told = {field.name: getattr(plan, field.name) for field in fields(plan) if field.name != "curve"}
    return told | {"groups": asdict(plan.groups)}
