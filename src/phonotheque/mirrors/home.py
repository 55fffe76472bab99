"""The mirror's own folder: made on first use, and shaped like an archive, so that it can be mirrored, too."""

from __future__ import annotations

import json
import shutil
import uuid
from dataclasses import replace
from pathlib import Path

from phonotheque.mirrors.by_key import SCHEME, parse_key
from phonotheque.model.errors import UsageError
from phonotheque.model.settings import parse_country
from phonotheque.vault.archive import SETTINGS_FILE, Archive, open_archive
from phonotheque.vault.place import fsync_dir, write_durably
from phonotheque.vault.settings_file import set_in_file

REUSED, MENDING = ".reused", ".mending"  # in vault/arriving: copies of files on their way to their places
_REPLACED = ".replaced-"  # there, too, before a bag's id: the part of which more takes the place


def open_mirror(
    folder: Path, origin: str = "", *, budget: int = 0, trust: str = "", country: str = ""
) -> Archive:
    """Open a mirror, or make one that follows ``origin`` (a URL or a folder) if nothing is there yet.

    ``country`` is kept as where the mirror is from now on. Raises UsageError for what is no country, and when
    the folder is an archive, follows another origin, or holds something else.
    """
    if country:
        country = parse_country(country, "--in")
    if not (folder / SETTINGS_FILE).exists():
        if not origin:
            raise UsageError(
                f"{folder} is no mirror yet.", "Say what it shall follow: phono mirror ORIGIN FOLDER"
            )
        _make(folder, _address(origin), budget, trust, country)
    mirror = open_archive(folder)
    if not mirror.is_mirror:
        raise UsageError(f"{folder} is an archive of its own.", "Choose another folder for the mirror.")
    if mirror.settings.storage.bags or mirror.settings.storage.public:
        raise UsageError(
            f"{folder} is a mirror, and mirrors keep bags in their own folder only.",
            "Take bags and public out of [storage], in its settings and in yours.",
        )
    if origin and _address(origin) != mirror.settings.mirror.origin:
        raise UsageError(
            f"{folder} follows {mirror.settings.mirror.origin}, not {origin}.",
            f"If it has moved, change [mirror] origin in {folder / SETTINGS_FILE}; its keys must stay.",
        )
    if country and country != mirror.settings.mirror.country:
        set_in_file(folder / SETTINGS_FILE, "mirror", "country", country)
        settings = mirror.settings
        return replace(mirror, settings=replace(settings, mirror=replace(settings.mirror, country=country)))
    return mirror


def trust_dir(mirror: Archive) -> Path:
    """What is trusted: TUF's state, and the last edition accepted."""
    return mirror.folder / "trust"


def arriving(mirror: Archive) -> Path:
    """Bags that are not complete yet; a bag moves to ``vault/bags`` in one step when it is."""
    return mirror.folder / "vault" / "arriving"


def leaving(mirror: Archive) -> Path:
    """Bags that may not be held any more: not served, and here only until what may stay has its new place."""
    return mirror.folder / "vault" / "leaving"


def replaced(mirror: Archive, bag: str) -> Path:
    """Where the part of a bag that was held lies for the moment in which more of it takes its place."""
    return arriving(mirror) / f"{_REPLACED}{bag}"


def sweep(mirror: Archive) -> None:
    """Clear up what a kill has left half way: copies, which may be of what may not be held, and old parts.

    A part that nothing has replaced yet goes back to its place.
    """
    for name in (REUSED, MENDING):
        (arriving(mirror) / name).unlink(missing_ok=True)
    for old in sorted(arriving(mirror).glob(f"{_REPLACED}*")):
        home = mirror.bags / old.name.removeprefix(_REPLACED)
        if home.exists():
            shutil.rmtree(old)  # all that only it had was moved before it was replaced
        else:
            old.rename(home)
            fsync_dir(home.parent)
            fsync_dir(old.parent)


def _address(origin: str) -> str:
    key = parse_key(origin)
    if key is not None:
        return SCHEME + key.hex()
    return origin.rstrip("/") if "://" in origin else str(Path(origin).resolve())


def _make(folder: Path, origin: str, budget: int, trust: str, country: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if any(not entry.name.startswith(".phonotheque.toml.") for entry in folder.iterdir()):
        raise UsageError(f"{folder} holds other files.", "Choose an empty or new folder for the mirror.")
    if not origin.isprintable():
        raise UsageError(f"The name of {origin!r} cannot be written into settings.", "Rename the folder.")
    # JSON's strings are TOML's, as far as printable characters go.
    values = {"origin": origin, "budget": budget} | ({"trust": trust} if trust else {})
    values |= {"country": country} if country else {}
    lines = "\n".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in values.items())
    name = json.dumps(f"Mirror of {origin}", ensure_ascii=False)
    text = f'[archive]\nid = "{uuid.uuid4()}"\nname = {name}\n\n[mirror]\n{lines}\n'
    write_durably(folder / SETTINGS_FILE, text.encode())
