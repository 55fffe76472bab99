"""The words of songs, where they may be shown."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from phonotheque.audio.labels import Labels
from phonotheque.audio.writing import write_tags
from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.sources.held import rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.vault.archive import Archive
from phonotheque.web.subsonic.lyrics import _lines
from tests.audio.audio_making import FLAC, RATE, write
from tests.web.subsonic.player import ELEMENT, playing

CC0 = "https://creativecommons.org/publicdomain/zero/1.0/"
AT = datetime(2026, 11, 26, tzinfo=UTC)
WORDS = "[ti:Sung]\n[00:01.50]First & <b>\n[00:03]Second\n"


def _music(folder: Path) -> Path:
    folder.mkdir()
    for number, title in enumerate(("Sung", "Hidden"), start=1):
        tone = 9000 * np.sin(2 * np.pi * 330 * number * np.arange(3 * RATE) / RATE)
        place = folder / f"{title}.flac"
        write(place, FLAC, np.stack([tone, tone], axis=1).astype(np.int16))
        write_tags(
            place, Labels(title=title, artist="Choir", album="Words", track_number=number, licences=(CC0,))
        )
        (folder / f"{title}.lrc").write_text(WORDS)
    (folder / "Hidden.lrc").write_text("Nobody says that this may be shown.\n")
    (folder / "Sung.lrc.license").write_text("SPDX-License-Identifier: CC0-1.0\n")
    return folder


def test_words_are_shown_where_they_may_be(archive: Archive, tmp_path: Path) -> None:
    create_keys(archive.keys)
    add_folder(archive, _music(tmp_path / "music"))
    rebuild_catalogue(archive, at=AT)
    publish(archive, at=AT)
    with playing(archive) as player:
        songs = player.songs()
        told = player.told("getLyricsBySongId", id=songs["Sung"]["id"])["lyricsList"]["structuredLyrics"]
        assert told[0]["synced"] is True
        assert told[0]["line"] == [
            {"start": 1500, "value": "First & <b>"},
            {"start": 3000, "value": "Second"},
        ]
        assert player.told("getLyricsBySongId", id=songs["Hidden"]["id"])["lyricsList"] == {}
        text = player.xml("getLyrics", artist="choir", title="SUNG").find(f"{ELEMENT}lyrics")
        assert text.text == "First & <b>\nSecond"
        assert player.told("getLyrics", artist="Choir", title="Hidden")["lyrics"]["value"] == ""
        assert player.told("getLyrics", artist="Choir", title="None")["lyrics"]["value"] == ""
        assert player.told("getLyrics")["lyrics"]["value"] == ""


@pytest.mark.parametrize(
    ("text", "lines", "synced"),
    [
        ("", [], False),
        ("one\n\ntwo\n\n", [{"value": "one"}, {"value": ""}, {"value": "two"}], False),
        (
            "[00:02.0][00:01]again",
            [{"start": 1000, "value": "again"}, {"start": 2000, "value": "again"}],
            True,
        ),
        ("[offset:+100]\n[1:02:3]x <00:01.2>y", [{"start": 62300, "value": "x y"}], True),
        ("[chorus]\nla", [{"value": "[chorus]"}, {"value": "la"}], False),
    ],
)
def test_lines_have_the_times_that_are_written(text: str, lines: list[object], synced: bool) -> None:
    assert _lines(text) == (lines, synced)
