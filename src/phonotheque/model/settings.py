"""What a person may set, with every default in one place.

Precedence, highest first: command-line flag, environment (``PHONOTHEQUE_PUBLISH_URL``), the archive's
``phonotheque.toml``, the user's ``config.toml``, the defaults below.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_type_hints

from phonotheque.model.bags import MAX_BAG_BYTES, MAX_BAG_FILES
from phonotheque.model.durations import duration_or_none, parse_duration
from phonotheque.model.errors import UsageError
from phonotheque.model.proxies import parse_proxy
from phonotheque.model.schedule import parse_schedule
from phonotheque.model.sizes import parse_size as parse_size
from phonotheque.model.territory import COUNTRIES

_AT_LEAST_ONE = {
    "active",
    "connections",
    "bag_bytes",
    "bag_files",
    "transfers",
    "keep_copies",
    "copies",
    "proof_days",
    "silent_days",
}
_ONE_OF = {
    "verify": ("read", "stated"),
    "reserve": ("unknown", "denied"),
    "reports": ("anybody", "known", "nobody"),
    "format": ("people", "text", "json"),
}
_YES_OR_NO = {"true": True, "false": False}
_CHECKED: dict[str, Callable[[str], object]] = {
    "proxy": parse_proxy,
    "schedule": parse_schedule,
    "time": duration_or_none,
    "within": parse_duration,
}


@dataclass(frozen=True, slots=True)
class ArchiveSettings:
    """Who this archive is. ``agent`` is named in the ledger as the one who did things.

    ``country`` is where it keeps its copies (ISO 3166-1): what may be kept there only, may be kept.
    """

    id: str = ""
    name: str = ""
    agent: str = "archivist"
    country: str = ""


@dataclass(frozen=True, slots=True)
class DdexSettings:
    """What labels call this archive in their messages: party ids and names. Deals with others are none."""

    recipient: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class MandateSettings:
    """The duty or permission to keep copies without any other basis, in words; empty when there is none."""

    preserve: str = ""


@dataclass(frozen=True, slots=True)
class PublishSettings:
    """How editions go out. ``url`` is where a web server will show ``public/``; it becomes the web seed.

    ``audiences`` are territories (model.territory) that it publishes for besides everybody. ``pages``: write
    the reading room as plain files, too.
    """

    url: str = ""
    pages: bool = True
    trackers: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    bag_bytes: int = MAX_BAG_BYTES
    bag_files: int = MAX_BAG_FILES


@dataclass(frozen=True, slots=True)
class MiningSettings:
    """What the archive declares about text and data mining. ``policy`` is a page on how to get permission.

    ``reserve``: "unknown" reserves all that no decision frees, "denied" only what somebody has reserved.
    """

    reserve: str = "unknown"
    policy: str = ""


@dataclass(frozen=True, slots=True)
class LedgerSettings:
    """Where the ledger is: empty for ``ledger.sqlite`` in the archive, else a database URL."""

    url: str = ""


@dataclass(frozen=True, slots=True)
class CatalogueSettings:
    """How the catalogue is made. ``resolve_on`` is a Spark master; empty to resolve in this process."""

    resolve_on: str = ""


@dataclass(frozen=True, slots=True)
class MirrorSettings:
    """What a mirror follows: an ``http(s)://`` URL or a folder, its trusted root, and its budget in bytes.

    ``only`` says which bags it wants (mirrors.only). It drops a bag, when its keeper says that what is over a
    smaller budget may go, that ``keep_copies`` other mirrors have proved to hold.
    ``country`` is where the mirror is (ISO 3166-1 alpha-2): it may hold what is for people there, too.
    ``report``: tell ``report_to`` (empty: the origin) what is held; ``name``, ``web`` and ``peers`` are told
    with it, if they are set.
    ``upload_limit`` and ``download_limit`` are bytes a second, 0 for none; ``schedule`` is read by
    model.schedule, ``proxy`` by model.proxies. ``active`` bags are offered to peers at a time, ``recordings``
    is a file that lists the recordings which are wanted; empty: whole bags.
    ``serve`` and ``metrics`` are where it listens for HTTP (web.server reads them); empty: nowhere. ``also``
    are public trees of other mirrors, which are followed and asked, too; ``dht_nodes`` are those of the DHT
    to begin with, if not the usual ones. ``search`` bytes beside the budget may be taken by what is made
    of the catalogue to search in it.
    """

    origin: str = ""
    trust: str = ""
    budget: int = 0
    only: str = ""
    keep_copies: int = 3
    country: str = ""
    report: bool = False
    report_to: str = ""
    name: str = ""
    web: str = ""
    peers: tuple[str, ...] = ()
    upload_limit: int = 0
    download_limit: int = 0
    connections: int = 200
    schedule: str = ""
    proxy: str = ""
    active: int = 500
    recordings: str = ""
    serve: str = ""
    metrics: str = ""
    also: tuple[str, ...] = ()
    dht_nodes: tuple[str, ...] = ()
    search: int = 0


@dataclass(frozen=True, slots=True)
class HealthSettings:
    """When a bag is safe: ``copies`` that mirrors proved within ``proof_days``.

    What a mirror says counts, as a claim, for ``silent_days``. ``reports``: whose are taken over HTTP:
    "anybody", "known" (mirrors that reported before, or by hand) or "nobody"; of at most ``mirrors`` mirrors.
    ``private_addresses``: mirrors may be in our own network; where they say they are is believed.
    """

    copies: int = 3
    proof_days: int = 90
    silent_days: int = 30
    mirrors: int = 1000
    reports: str = "anybody"
    private_addresses: bool = False


@dataclass(frozen=True, slots=True)
class RequestsSettings:
    """What the reading room takes in: requests of visitors by a form, and the work of staff, who log in."""

    form: bool = False
    staff: bool = False


@dataclass(frozen=True, slots=True)
class ServeSettings:
    """How the reading room is served. ``contact`` is how whoever runs it is reached about its security.

    That is an e-mail address, or an ``https:`` or ``tel:`` URI. ``trusted_proxies`` are addresses or networks
    of proxies that are believed when they say for whom they ask (web.proxied reads them). One listener hears
    at most ``listening_bytes`` of ``listening_starts`` files in an hour; 0 for no limit. ``figures``: count
    and draw what pages show, beside serving. ``processes`` make pages; 0 for one on each core.
    """

    contact: str = ""
    trusted_proxies: tuple[str, ...] = ()
    listening_bytes: int = 4 * 10**9
    listening_starts: int = 300
    figures: bool = True
    processes: int = 0


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """What a scrub may read each time, and the period ``within`` which it is to read everything.

    Lengths of time are read by model.durations; an empty ``time`` and 0 ``bytes`` are no limits.
    """

    time: str = ""
    bytes: int = 0
    within: str = "30d"


@dataclass(frozen=True, slots=True)
class StorageSettings:
    """Where bags and the public tree go: ``s3://bucket/prefix``, or a folder; empty: the archive's own.

    ``verify``: "read" reads back all that was put, "stated" believes the checksums that the storage states.
    """

    bags: str = ""
    public: str = ""
    endpoint: str = ""
    region: str = ""
    verify: str = "read"
    transfers: int = 4
    part: int = 16 * 1024**2


@dataclass(frozen=True, slots=True)
class JobsSettings:
    """Where long work is done: by the workers of the Dask scheduler ``cluster``; empty: on this machine."""

    cluster: str = ""


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What servers write on stderr: "json" or "text", one line an event, or "people": messages for them."""

    format: str = "people"


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of one archive or mirror."""

    archive: ArchiveSettings = field(default_factory=ArchiveSettings)
    mandate: MandateSettings = field(default_factory=MandateSettings)
    ddex: DdexSettings = field(default_factory=DdexSettings)
    publish: PublishSettings = field(default_factory=PublishSettings)
    mining: MiningSettings = field(default_factory=MiningSettings)
    ledger: LedgerSettings = field(default_factory=LedgerSettings)
    catalogue: CatalogueSettings = field(default_factory=CatalogueSettings)
    mirror: MirrorSettings = field(default_factory=MirrorSettings)
    health: HealthSettings = field(default_factory=HealthSettings)
    requests: RequestsSettings = field(default_factory=RequestsSettings)
    serve: ServeSettings = field(default_factory=ServeSettings)
    check: CheckSettings = field(default_factory=CheckSettings)
    storage: StorageSettings = field(default_factory=StorageSettings)
    jobs: JobsSettings = field(default_factory=JobsSettings)
    log: LogSettings = field(default_factory=LogSettings)


def parse_country(text: str, where: str) -> str:
    """Return a country's code in capitals. Raises UsageError, which names ``where`` it was given."""
    code = text.strip().upper()
    if code not in COUNTRIES:
        raise UsageError(
            f"{where}: “{text:.40}” is no country.", "Write its two letters of ISO 3166-1, such as FR or JP."
        )
    return code


@dataclass(frozen=True, slots=True)
class Layer:
    """Some settings and where they were written: a file's path, or "the environment"."""

    origin: str
    sections: Mapping[str, Any]


def parse_settings(*layers: Layer) -> Settings:
    """Return settings from parsed TOML tables, the first layer winning.

    Raises UsageError, which names where a value was written, its section and its key.
    """
    kinds = get_type_hints(Settings)
    values: dict[str, dict[str, Any]] = {section: {} for section in kinds}
    for layer in reversed(layers):
        for section, table in layer.sections.items():
            if section not in kinds:
                raise UsageError(
                    f"{layer.origin}: there is no section [{section}].",
                    f"The sections are: {', '.join(kinds)}.",
                )
            if not isinstance(table, Mapping):
                raise UsageError(f"{layer.origin}: {section} must be a table.", f"Write [{section}].")
            values[section].update(_checked(layer.origin, section, kinds[section], table))
    return Settings(**{section: kind(**values[section]) for section, kind in kinds.items()})


def _checked(origin: str, section: str, kind: type, values: Mapping[str, Any]) -> dict[str, Any]:
    types = get_type_hints(kind)
    checked = {}
    for key, value in values.items():
        where = f"{origin}: [{section}] {key}"
        if key not in types:
            raise UsageError(f"{where} is not a setting.", f"The settings here are: {', '.join(types)}.")
        checked[key] = _value(where, types[key], value)
        if key == "country" and checked[key]:
            checked[key] = parse_country(checked[key], where)
        if key in _CHECKED:
            try:
                _CHECKED[key](checked[key])
            except UsageError as error:
                raise UsageError(f"{where}: {error.message}", error.advice) from error
        if key in _AT_LEAST_ONE and checked[key] < 1:
            raise UsageError(f"{where} must be more than nothing.", "Leave it out for the default.")
        if key in _ONE_OF and checked[key] not in _ONE_OF[key]:
            raise UsageError(
                f"{where} cannot be {checked[key]!r}.", f"Write one of: {', '.join(_ONE_OF[key])}."
            )
    return checked


def _value(where: str, kind: Any, value: Any) -> Any:
    if kind is int:
        if isinstance(value, str):
            try:
                return parse_size(value)
            except UsageError as error:
                raise UsageError(f"{where}: {error.message}", error.advice) from error
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        raise UsageError(f"{where} must be a size, not {value!r}.", 'Write it like "32GiB" or 5000.')
    if kind is bool:
        found = _YES_OR_NO.get(value.lower()) if isinstance(value, str) else value
        if isinstance(found, bool):
            return found
        raise UsageError(
            f"{where} must be true or false, not {value!r}.", "Write it without quotation marks."
        )
    if kind is str:
        if isinstance(value, str):
            return value
        raise UsageError(f"{where} must be text, not {value!r}.", "Put it in quotation marks.")
    if isinstance(value, str):
        return tuple(part for part in re.split(r"[,\s]+", value) if part)
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(value)
    raise UsageError(f"{where} must be a list of texts, not {value!r}.", 'Write it like ["a", "b"].')
