"""What is said of an exported file: its tags, its line in the manifest, and its credit."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final
from urllib.parse import quote

from phonotheque.audio.labels import Labels
from phonotheque.editions.export.attribution import (
    ENCODED,
    ENCODED_AND_TAGGED,
    TAGGED,
    UNCHANGED,
    Credit,
    credit,
)
from phonotheque.editions.export.choosing import Item
from phonotheque.editions.mining import declared
from phonotheque.model.rights import Act, Answer
from phonotheque.rights.records import decision_records, statement_record
from phonotheque.vault.archive import Archive

# Raised when the same facts come to be written otherwise: files of earlier exports are then made again.
_WRITING: Final = 1


@dataclass(frozen=True, slots=True)
class Told:
    """An item with all that is said of it."""

    item: Item
    credit: Credit
    reserved: bool | None
    line: Mapping[str, Any]
    labels: Labels | None

    @property
    def made_from(self) -> str:
        """A hash over all that its bytes follow from."""
        labels = asdict(self.labels) if self.labels else None
        told = json.dumps([_WRITING, self.item.sha256, labels], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()


def tell(archive: Archive, item: Item, *, tagged: bool) -> Told:
    """Return what is said of an item; with labels if its copy is to be ``tagged``."""
    settings = archive.settings
    facts, mine = item.facts, item.decisions[Act.MINE].answer
    tagged = tagged and item.kind != "sidecar"
    changes = {
        (False, False): UNCHANGED,
        (False, True): TAGGED,
        (True, False): ENCODED,
        (True, True): ENCODED_AND_TAGGED,
    }[item.kind == "access", tagged]
    said = credit(
        item.statements,
        item.permitted,
        title=facts["title"],
        artist=facts.get("credit"),
        notice=item.notices,
        source=_source(archive, item),
        changes=changes,
        conditions=item.conditions,
    )
    reserved = declared(mine, settings.mining.reserve)
    line = _line(item, said, reserved, settings.mining.policy)
    return Told(item, said, reserved, line, _labels(archive, item, said, reserved) if tagged else None)


def as_written(line: Mapping[str, Any], *, tagged: bool) -> dict[str, Any]:
    """Return a line for the manifest, its credit saying that nothing was tagged where nothing was."""
    said = line["attribution"]
    untouched = {TAGGED: UNCHANGED, ENCODED_AND_TAGGED: ENCODED}.get(said["changes"])
    if tagged or untouched is None:
        return {**line, "tagged": tagged}
    spoken = said["line"].removesuffix(said["changes"]) + untouched
    return {**line, "tagged": tagged, "attribution": {**said, "changes": untouched, "line": spoken}}


def _source(archive: Archive, item: Item) -> str:
    settings = archive.settings
    if item.published and settings.publish.url:
        return f"{settings.publish.url.rstrip('/')}/{quote(item.published)}"
    return f"{settings.archive.name} (urn:uuid:{settings.archive.id})"


def _line(item: Item, said: Credit, reserved: bool | None, policy: str) -> dict[str, Any]:
    facts = {name: value for name, value in item.facts.items() if name != "rights"}
    mining = {"reserved": reserved} | ({"policy": policy} if policy and reserved else {})
    may_go_on = item.decisions[Act.DISTRIBUTE].answer is Answer.YES
    return {
        **facts,
        "source_sha256": item.sha256,
        "rights": {
            "because": [one.reason for one in item.permitted],
            "conditions": list(item.conditions),
            "may_be_passed_on": may_go_on,
            "decisions": decision_records(item.decisions.values()),
            "statements": [statement_record(one) for one in item.statements],
        },
        "mining": mining,
        "attribution": {**asdict(said), "line": said.line},
    }


def _labels(archive: Archive, item: Item, said: Credit, reserved: bool | None) -> Labels:
    facts, settings = item.facts, archive.settings
    provenance = facts["provenance"]
    further = {
        "ATTRIBUTION": said.line,
        "PROVENANCE": (
            f"{settings.archive.name} (urn:uuid:{settings.archive.id}), taken in on "
            f"{provenance['added_at'][:10]} as {provenance['name']}, accession {provenance['accession']}"
        ),
        "PHONOTHEQUE_RECORDING": item.recording or "",
        "MASTER_SHA256": facts["master_sha256"],
    }
    names = ("album", "track_number", "track_total", "disc_number", "disc_total", "date", "barcode", "label")
    lists = ("artists", "composers", "genres", "isrcs", "artist_mbids")
    ids = ("recording_mbid", "track_mbid", "release_mbid", "catalogue_number")
    taken: dict[str, Any] = {name: facts.get(name) for name in (*names, *ids)}
    taken |= {name: tuple(facts.get(name, ())) for name in lists}
    return Labels(
        title=facts["title"],
        artist=facts.get("credit"),
        album_artist=" & ".join(facts.get("album_artists", ())) or None,
        licences=tuple(one.url for one in said.licences),
        copyright=item.notices,
        loudness=facts.get("loudness"),
        reserved=reserved,
        further=tuple(further.items()),
        **taken,
    )
