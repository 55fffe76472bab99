"""What is simulated: an archive, its publisher, and groups of mirrors, read from TOML (docs/scale.md)."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from phonotheque.model.bags import MAX_BAG_BYTES
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.model.settings import parse_size

MAX_BAGS: Final = 1_000_000
MAX_MIRRORS: Final = 100_000
MAX_COPIES: Final = 4 * 10**9  # bags × mirrors: a byte of memory each
_MAX_FILE: Final = 1024**2
_RATE: Final = re.compile(
    r"\s*([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*([kmg]?)(bit|b)/s\s*", re.IGNORECASE | re.ASCII
)
_RATES: Final = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}
_RANGE: Final = ".."


@dataclass(frozen=True, slots=True)
class Group:
    """Mirrors of one kind. Sizes in bytes, speeds in bytes a second, rates per year, times in days.

    ``budget`` is drawn for each between two sizes, evenly on a logarithmic scale. ``disk`` is the size of one
    disk: a failure takes what lies on it, or all that the mirror has where ``loses`` is "all". Times to
    replacement and lengths of outages are drawn from exponential distributions with these means.
    """

    name: str = "mirrors"
    count: int = 100
    budget: tuple[int, int] = (4 * 10**12, 4 * 10**12)
    download: float = 12.5e6
    upload: float = 2.5e6
    disk: int = 8 * 10**12
    disk_failures: float = 0.02  # per disk
    loses: str = "disk"
    replaced_after: float = 21.0
    leave: float = 0.15  # per mirror
    arrive: float = -1.0  # of all the group; negative: as many as leave while it has its size
    outages: float = 12.0  # per mirror
    outage_days: float = 1.0
    rot: float = 0.01  # silently wrong places per terabyte
    scrub_days: float = 30.0
    liars: float = 0.0  # share that claims bags and holds none
    fooling: float = 0.0  # share of the liars that fetch what they are asked from others, and pass drills

    @property
    def arrivals(self) -> float:
        """Mirrors that come, per year."""
        return self.count * self.leave if self.arrive < 0 else self.arrive


@dataclass(frozen=True, slots=True)
class Shock:
    """One moment, in years, at which a share of all mirrors leaves at once."""

    year: float
    share: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """All that a run depends on but its seed. Sizes in bytes, speeds in bytes a second.

    ``copies_days`` and ``drill_days`` say how often the publisher counts what mirrors claim, and asks them
    for proofs of all of it; 0: never. ``passes_over``: mirrors keep no room for what nobody has any more,
    as those of today (in_vain), but at once. ``silent_days``: how long the claims of a mirror that is gone
    count.
    """

    years: float = 10.0
    bags: int = 1000
    bag_size: tuple[int, int] = (MAX_BAG_BYTES, MAX_BAG_BYTES)
    groups: tuple[Group, ...] = (Group(),)
    publisher_upload: float = 125e6
    publisher_lost_after: float | None = None  # years; None: it stays
    copies_days: float = 1.0
    drill_days: float = 30.0
    silent_days: float = 30.0
    step_days: float = 1.0  # transfers are reckoned in steps of this length
    shocks: tuple[Shock, ...] = field(default=())
    passes_over: bool = False

    @property
    def mirrors(self) -> int:
        """Mirrors at the start."""
        return sum(group.count for group in self.groups)


def load_scenario(path: Path) -> Scenario:
    """Read a scenario. Raises NotFoundError, and UsageError naming the field that makes no sense."""
    try:
        with path.open("rb") as stream:
            data = stream.read(_MAX_FILE + 1)
    except FileNotFoundError as error:
        raise NotFoundError(f"There is no scenario {path}.") from error
    if len(data) > _MAX_FILE:
        raise UsageError(f"{path} is larger than {_MAX_FILE} bytes.")
    try:
        table = tomllib.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} is not TOML: {error}.") from error
    return read_scenario(table, str(path))


def read_scenario(table: Mapping[str, Any], where: str) -> Scenario:
    """Return a scenario from a parsed TOML table, checked."""
    top = _Table(table, where, {field.name for field in fields(Scenario)} - {"groups"} | {"mirrors"})
    groups = tuple(
        _group(one, f"{where}: [[mirrors]] {number}") for number, one in enumerate(top.tables("mirrors"), 1)
    )
    shocks = tuple(
        Shock(shock.number("year", 0.0), shock.number("share", 0.0, most=1.0))
        for shock in (_Table(one, f"{where}: [[shocks]]", {"year", "share"}) for one in top.tables("shocks"))
    )
    plain = Scenario()
    lost = top.number("publisher_lost_after", -1.0) if top.has("publisher_lost_after") else None
    return checked(
        Scenario(
            years=top.number("years", plain.years),
            bags=top.count("bags", plain.bags),
            bag_size=top.sizes("bag_size", plain.bag_size),
            groups=groups or plain.groups,
            publisher_upload=top.rate("publisher_upload", plain.publisher_upload),
            publisher_lost_after=lost,
            copies_days=top.number("copies_days", plain.copies_days),
            drill_days=top.number("drill_days", plain.drill_days),
            silent_days=top.number("silent_days", plain.silent_days),
            step_days=top.number("step_days", plain.step_days),
            shocks=shocks,
            passes_over=top.flag("passes_over", plain.passes_over),
        ),
        where,
    )


def checked(scenario: Scenario, where: str) -> Scenario:
    """Return the scenario if it can be run. Raises UsageError naming the field."""
    arriving = sum(group.arrivals for group in scenario.groups) * scenario.years
    for said, value, least, most in (
        ("years", scenario.years, 0.01, 1000),
        ("bags", scenario.bags, 1, MAX_BAGS),
        ("step_days", scenario.step_days, 0.01, 30),
        ("bag_size", scenario.bag_size[0], 1, 10**15),
        ("the number of mirrors", scenario.mirrors, 1, MAX_MIRRORS),
        ("the number of mirrors that arrive", arriving, 0, 10 * MAX_MIRRORS),
        ("bags × mirrors", scenario.bags * scenario.mirrors, 1, MAX_COPIES),
        *(("scrub_days", group.scrub_days, 0.01, 36_500) for group in scenario.groups),
        *(("disk", group.disk, 1, 10**18) for group in scenario.groups),
        *((f"outages of {group.name}", group.outages, 0, 1000) for group in scenario.groups),
        *((f"disk_failures of {group.name}", group.disk_failures, 0, 1000) for group in scenario.groups),
        *((f"leave of {group.name}", group.leave, 0, 1000) for group in scenario.groups),
    ):
        if not least <= value <= most:
            raise UsageError(f"{where}: {said} is {value:g}.", f"It can be from {least:g} to {most:g}.")
    return scenario


def parse_sizes(text: str, where: str) -> tuple[int, int]:
    """Return the bounds of "4TB" or "2TB..8TB"."""
    first, _, last = text.partition(_RANGE)
    try:
        low, high = parse_size(first), parse_size(last or first)
    except UsageError as error:
        raise UsageError(f"{where}: {error.message}", f"{error.advice} A range is 2TB..8TB.") from error
    if not 0 < low <= high:
        raise UsageError(f"{where}: {text} is no range of sizes.", "Write the smaller one first: 2TB..8TB.")
    return low, high


def parse_rate(text: str, where: str) -> float:
    """Return the bytes a second of "100Mbit/s" or "12.5MB/s"."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise UsageError(f"{where}: “{text:.40}” is no speed.", "Write it like 100Mbit/s or 12.5MB/s.")
    factor = 8 if match[3].lower() == "bit" else 1
    return float(Decimal(match[1]) * _RATES[match[2].lower()]) / factor


def _group(value: Any, where: str) -> Group:
    table = _Table(value, where, {field.name for field in fields(Group)})
    plain = Group()
    loses = table.text("loses", plain.loses)
    if loses not in ("disk", "all"):
        raise UsageError(f"{where}: loses is “{loses:.40}”.", 'Write "disk" or "all".')
    numbers = {
        name: table.number(name, getattr(plain, name))
        for name in (
            "disk_failures", "replaced_after", "leave", "outages", "outage_days", "rot", "scrub_days"
        )
    }  # fmt: skip
    return Group(
        name=table.text("name", plain.name),
        count=table.count("count", plain.count),
        budget=table.sizes("budget", plain.budget),
        download=table.rate("download", plain.download),
        upload=table.rate("upload", plain.upload),
        disk=table.sizes("disk", (plain.disk, plain.disk))[0],
        loses=loses,
        arrive=table.number("arrive", 0.0) if table.has("arrive") else plain.arrive,
        liars=table.number("liars", plain.liars, most=1.0),
        fooling=table.number("fooling", plain.fooling, most=1.0),
        **numbers,
    )


class _Table:
    """A TOML table with known keys; each reader raises UsageError naming the place."""

    def __init__(self, value: Any, where: str, keys: set[str]) -> None:
        if not isinstance(value, Mapping):
            raise UsageError(f"{where} must be a table.")
        if unknown := value.keys() - keys:
            known = ", ".join(sorted(keys))
            raise UsageError(f"{where}: there is no field {min(unknown)!r:.80}.", f"The fields are: {known}.")
        self._value, self._where = value, where

    def has(self, key: str) -> bool:
        return key in self._value

    def tables(self, key: str) -> list[Any]:
        found = self._value.get(key, [])
        if not isinstance(found, list) or len(found) > 1000:
            raise UsageError(f"{self._where}: {key} must be a list of tables.", f"Write [[{key}]].")
        return found

    def number(self, key: str, default: float, most: float = 1e9) -> float:
        found = self._value.get(key, default)
        if (
            isinstance(found, bool)
            or not isinstance(found, int | float)
            or not (found == default or 0 <= found <= most)
        ):
            raise UsageError(f"{self._where}: {key} is {found!r:.40}.", f"Write a number from 0 to {most:g}.")
        return float(found)

    def count(self, key: str, default: int) -> int:
        found = self.number(key, default)
        if found != int(found):
            raise UsageError(f"{self._where}: {key} is {found:g}.", "Write a whole number.")
        return int(found)

    def flag(self, key: str, default: bool) -> bool:
        found = self._value.get(key, default)
        if not isinstance(found, bool):
            raise UsageError(f"{self._where}: {key} is {found!r:.40}.", "Write true or false.")
        return found

    def text(self, key: str, default: str) -> str:
        found = self._value.get(key, default)
        if not isinstance(found, str) or not found.isprintable():
            raise UsageError(f"{self._where}: {key} is {found!r:.40}.", "Write a text of one line.")
        return found

    def sizes(self, key: str, default: tuple[int, int]) -> tuple[int, int]:
        return parse_sizes(self.text(key, ""), f"{self._where}: {key}") if key in self._value else default

    def rate(self, key: str, default: float) -> float:
        return parse_rate(self.text(key, ""), f"{self._where}: {key}") if key in self._value else default
