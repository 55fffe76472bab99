"""The settings of a restored archive: its identity, and what public files tell of how it publishes."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from phonotheque.editions.edition import Edition
from phonotheque.editions.metainfo import TorrentMeta
from phonotheque.editions.shelves import bags_folder
from phonotheque.model.errors import UsageError
from phonotheque.model.settings import Layer, Settings
from phonotheque.model.territory import WORLDWIDE
from phonotheque.vault.archive import SETTINGS_FILE, settings_of

_TEXT = """\
# Made by phono restore from what {name} had published. Everything here may be edited; docs/settings.md
# explains each setting. What was set besides, such as a mandate, where the archive is, or storages, is in no
# public file: write it here again.

[archive]
id = {id}
name = {name}

[publish]
url = {url}
trackers = {trackers}
audiences = {audiences}
"""


def written_settings(folder: Path) -> Settings | None:
    """Return the settings in a folder, None if it has none."""
    path = folder / SETTINGS_FILE
    if not path.exists():
        return None
    try:
        return settings_of(Layer(str(path), tomllib.loads(path.read_text(encoding="utf-8"))))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}.", "Correct it in a text editor.") from error


def told_settings(edition: Edition, torrents: Iterable[tuple[str, TorrentMeta]]) -> dict[str, Any]:
    """Return what an edition and its torrents, each with its audience, tell of the settings, by section."""
    url, trackers = "", dict[str, None]()
    for audience, meta in torrents:
        trackers |= dict.fromkeys(meta.trackers)
        end = f"/{bags_folder(audience)}/"
        url = next((seed.removesuffix(end) for seed in meta.web_seeds if seed.endswith(end)), url)
    audiences = sorted({bag.audience for bag in edition.bags if bag.audience != WORLDWIDE})
    return {
        "archive": {"id": edition.archive.id, "name": edition.archive.name},
        "publish": {"url": url, "trackers": list(trackers), "audiences": audiences},
    }


def settings_text(told: dict[str, Any]) -> str:
    """Return these settings as a person edits them."""
    # JSON's strings and lists are TOML's.
    values = {**told["archive"], **told["publish"]}
    return _TEXT.format(**{name: json.dumps(value, ensure_ascii=False) for name, value in values.items()})
