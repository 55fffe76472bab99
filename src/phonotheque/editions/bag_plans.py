"""What a bag says of itself: its id, its README.txt, and the fields of bag-info.txt."""

from __future__ import annotations

import re
from datetime import datetime

from phonotheque.model.rights import WORLDWIDE
from phonotheque.vault.archive import Archive
from phonotheque.vault.bag import BagFile, BagPlan

_README = """\
{name}: bag {id}

This folder is part of edition {edition} of {name}, of {date}. It holds recorded music, or facts about it,
that may be shared{where}. No special software is needed to use it:

- data/                  the files; music plays in any player, folders are Artist/Year - Release
- recordings.jsonl       one line of JSON per file: titles, credits, rights with their evidence, hashes
- manifest-sha256.txt    the SHA-256 of every file in data/, to check with: sha256sum -c manifest-sha256.txt
- bagit.txt, bag-info.txt, tagmanifest-sha256.txt    make this a BagIt 1.0 bag (RFC 8493)

Every file may be shared on the terms named in its line of recordings.jsonl (“rights”). Keep the
attribution given there when you pass a file on.
"""
_REPLACES = """
This bag replaces {before}, of which something was taken back. What it holds was in that one, too, byte for
byte. Please delete what was in that one and is not in this one.
"""


def bag_id(archive: Archive, number: int, suffix: str) -> str:
    """Return the id of a new bag of an edition: ``<archive>-<edition>-<suffix>``."""
    return f"{_slug(archive.settings.archive.name)}-{number:04d}-{suffix}"


def plan_bag(
    archive: Archive,
    name: str,
    number: int,
    at: datetime,
    files: tuple[BagFile, ...],
    *,
    audience: str = WORLDWIDE,
    before: str | None = None,
) -> BagPlan:
    """Return what is to be sealed under an id, in place of the bag ``before`` if there is one."""
    owner, date = archive.settings.archive.name, at.date().isoformat()
    where = "" if audience == WORLDWIDE else f" in these countries: {audience}"
    readme = _README.format(name=owner, id=name, edition=number, date=date, where=where)
    info = [
        ("Source-Organization", owner),
        ("External-Identifier", name),
        ("External-Description", f"Part of edition {number} of {owner}"),
        ("Bagging-Date", date),
    ]
    if audience != WORLDWIDE:
        info.append(("Phonotheque-Audience", audience))
    if before is not None:
        info.append(("Phonotheque-Replaces", before))
        readme += _REPLACES.format(before=before)
    return BagPlan(id=name, files=files, info=tuple(info), readme=readme)


def sequence_of(name: str, number: int) -> int:
    """Return the number of a bag within the edition that it was made for, 0 if it has none."""
    match = re.fullmatch(rf".*-{number:04d}-([0-9]+)(?:-r[0-9]+)?", name)
    return int(match[1]) if match else 0


def _slug(name: str) -> str:
    return (
        re.sub(r"[^a-z0-9]+", "-", name.lower().encode("ascii", "ignore").decode()).strip("-")[:40]
        or "archive"
    )
