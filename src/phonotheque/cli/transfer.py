"""Options of commands that transfer bags: whom to ask, how much to take, at what hours, through what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from typing import Any, TypeVar

import click

from phonotheque.cli.common import Size
from phonotheque.mirrors.fetching import Pace
from phonotheque.mirrors.messages import SwarmSettings
from phonotheque.mirrors.tempo import Tempo
from phonotheque.model.errors import UsageError
from phonotheque.model.proxies import Proxy, parse_proxy
from phonotheque.model.schedule import Limits, parse_schedule
from phonotheque.model.settings import Layer, MirrorSettings
from phonotheque.vault.archive import Archive, settings_of

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Transfer:
    """What was given on the command line; None where the settings count."""

    peers: tuple[str, ...]
    listen: tuple[str, ...]
    no_discovery: bool
    no_web_seed: bool
    patience: float
    upload_limit: int | None
    download_limit: int | None
    connections: int | None
    schedule: str | None
    proxy: str | None
    dht_nodes: tuple[str, ...] = ()

    @property
    def pace(self) -> Pace:
        """How patient to be."""
        return Pace(stall_timeout=self.patience)

    def over(self, archive: Archive) -> Archive:
        """Return the archive with what was given in place of its settings. Not opened yet."""
        settings = archive.settings
        return replace(archive, settings=replace(settings, mirror=self.over_settings(settings.mirror)))

    def over_settings(self, settings: MirrorSettings) -> MirrorSettings:
        """Return settings with what was given in their place. Raises UsageError for what makes no sense."""
        for name, read in (("proxy", parse_proxy), ("schedule", parse_schedule)):
            try:
                read(getattr(self, name) or "")
            except UsageError as error:
                raise UsageError(f"--{name}: {error.message}", error.advice) from error
        names = ("upload_limit", "download_limit", "connections", "schedule", "proxy")
        given = {name: value for name in names if (value := getattr(self, name)) is not None}
        return replace(settings, **given)

    def swarm(self, settings: MirrorSettings) -> SwarmSettings:
        """Return how the swarm reaches the world, by settings that :meth:`over` gave and by the flags."""
        listen = self.listen or SwarmSettings().listen
        proxy = parse_proxy(settings.proxy)
        quiet = self.no_discovery or SwarmSettings(listen=listen).local or proxy is not None
        nodes = self.dht_nodes or settings.dht_nodes  # who names some, means to use them
        return SwarmSettings(
            listen=listen,
            dht=not quiet or (bool(nodes) and not self.no_discovery and proxy is None),
            dht_nodes=nodes,
            lsd=not quiet,
            port_mapping=not quiet,
            web_seed=not self.no_web_seed,
            upload_limit=settings.upload_limit,
            download_limit=settings.download_limit,
            connections=settings.connections,
            proxy=proxy,
        )


def own_settings() -> MirrorSettings:
    """Return the settings of somebody who works in no folder: those of their file and of the environment."""
    return settings_of(Layer("", {})).mirror


def own_proxy(given: str | None = None) -> Proxy | None:
    """Return the proxy to go through: the one ``given``, or that of one's settings."""
    return parse_proxy(own_settings().proxy if given is None else given)


def tempo_of(settings: MirrorSettings) -> Tempo:
    """Return how much may be transferred at what hour."""
    usual = Limits(settings.upload_limit, settings.download_limit, settings.connections)
    return Tempo(usual, parse_schedule(settings.schedule))


_OPTIONS = (
    click.option(
        "--peer", "peers", multiple=True, metavar="HOST:PORT", help="Also ask this peer. Repeatable."
    ),
    click.option(
        "--listen", multiple=True, metavar="ADDRESS:PORT", help="Where to listen for peers. Repeatable."
    ),
    click.option(
        "--dht-node",
        "dht_nodes",
        multiple=True,
        metavar="HOST:PORT",
        help="Enter the DHT by this node. Repeatable.",
    ),
    click.option("--no-discovery", is_flag=True, help="Look for no peers by DHT or local broadcast."),
    click.option("--no-web-seed", is_flag=True, help="Fetch from peers only, not from web servers."),
    click.option(
        "--patience", type=float, default=120.0, show_default=True, help="Seconds to wait for any data."
    ),
    click.option("--upload-limit", type=Size(), help="Bytes a second given to others: 2MB. 0: no limit."),
    click.option("--download-limit", type=Size(), help="Bytes a second fetched: 10MB. 0: no limit."),
    click.option("--connections", type=click.IntRange(min=1), help="Peers connected at most."),
    click.option("--schedule", metavar="RULES", help="When to transfer: “23:00-07:00; sat,sun”."),
    click.option(
        "--proxy", metavar="URL", help="Go through it alone: socks5://HOST:PORT or http://HOST:PORT."
    ),
)


def transfer_options(command: F) -> F:
    """Add these options to a command, which is given them as one ``transfer``."""

    @wraps(command)
    def with_transfer(*args: Any, **given: Any) -> Any:
        transfer = Transfer(**{field.name: given.pop(field.name) for field in fields(Transfer)})
        return command(*args, transfer=transfer, **given)

    wrapped: Any = with_transfer
    for option in reversed(_OPTIONS):
        wrapped = option(wrapped)
    return wrapped  # type: ignore[no-any-return]
