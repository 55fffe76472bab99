"""Artists, labels and masters of Discogs as things."""

from __future__ import annotations

from lxml import etree

from phonotheque.model.normal import discogs_name, parse_date
from phonotheque.model.text import nfc
from phonotheque.sources.gather import Gather


def gather_artist(artist: etree._Element, gather: Gather) -> None:
    """Hand over an artist. Its aliases are other spellings, its real name, and other names it goes by."""
    paths = ("namevariations/name", "realname", "aliases/name")
    others = [shown for path in paths for name in artist.findall(path) if (shown := _name(name))]
    members = artist.find("members")
    gather.thing(
        record_id=gather.record_id,
        kind="artist",
        name=_name(artist.find("name")),
        aliases=list(dict.fromkeys(others)),
        identifiers=[f"discogs:artist/{gather.record_id}"],
        type="Group" if members is not None and len(members) else None,
    )


def gather_label(label: etree._Element, gather: Gather) -> None:
    """Hand over a label."""
    gather.thing(
        record_id=gather.record_id,
        kind="label",
        name=_name(label.find("name")),
        aliases=[],
        identifiers=[f"discogs:label/{gather.record_id}"],
    )


def gather_master(master: etree._Element, gather: Gather) -> None:
    """Hand over a master: all releases of the same thing. Its date is that of the first."""
    gather.thing(
        record_id=gather.record_id,
        kind="release_group",
        name=_text(master.find("title")),
        aliases=[],
        identifiers=[f"discogs:master/{gather.record_id}"],
        date=parse_date(_text(master.find("year")) or ""),
    )


def _text(element: etree._Element | None) -> str | None:
    if element is None:
        return None
    text = str(element.xpath("string()")) if len(element) else element.text  # the latter is much quicker
    return nfc(text or "") or None


def _name(element: etree._Element | None) -> str | None:
    text = _text(element)
    return text and discogs_name(text)
