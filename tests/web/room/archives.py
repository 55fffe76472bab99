"""A small published archive with music of every standing, and a mirror of it: made once, for all to read.

The fixture ``library`` (tests/web/conftest.py) is the archive, ``twin`` its mirror. Who wants to change one
copies it: ``tests.postgresql.copy_tree(library.folder, …)``.

What there is, by title (see ``Title``): a release on two discs, known from files, from MusicBrainz and from
listen counts; beside it what is for France only, what is free in Europe by its age, what was withdrawn, what
is kept and may not be shared, and what is known and not held.
"""

from __future__ import annotations

import csv
import io
import json
import lzma
import tarfile
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from phonotheque.audio.labels import Labels
from phonotheque.audio.writing import write_tags
from phonotheque.cli.demo.labels import gradient
from phonotheque.editions.covering import covered_by
from phonotheque.editions.plan_folder import save_plan
from phonotheque.editions.planning import planned
from phonotheque.editions.publish import publish
from phonotheque.editions.trust import create_keys
from phonotheque.editions.withdrawing import Asked, accept, request
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.origin import open_origin
from phonotheque.mirrors.sync import sync
from phonotheque.model.settings import Settings
from phonotheque.sources import importing, spread
from phonotheque.sources.held import add_listens, add_source, rebuild_catalogue
from phonotheque.sources.intake import add_folder
from phonotheque.sources.registry import source_named
from phonotheque.vault.archive import Archive, open_archive, timestamp
from tests.audio.audio_making import FLAC, MP3, RATE, Kind, write, write_vorbis
from tests.conftest import ARCHIVE_ID
from tests.mirrors.mirror_publisher import LOCAL
from tests.mirrors.mirror_runs import PACE
from tests.sources.songs import Here

FIRST = datetime(2026, 11, 21, 10, 15, tzinfo=UTC)
SECOND = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SITE = "https://music.example.org/"
RELEASE_MBID = "00000000-0000-4000-8000-000000000001"
ARTIST_MBID = "00000000-0000-4000-8000-0000000000a1"
BARCODE = "4006381333931"
PUBLIC_REASON = "The artist asked for it."
SECRETS = ("A. Private Person", "private@example.org", "a secret reason", "agent-of-tests")


class Title(StrEnum):
    """What is there, by its title."""

    OPENING = "Opening"  # CC BY 4.0, FLAC and MP3, with a cover, on two releases, 12 seconds
    SECOND_AIR = "Second Air"  # CC0, Ogg Vorbis; its ISRC is another recording's, too, says MusicBrainz
    HOSTILE = "</script><script>alert('x')</script> & \u202etfel"  # CC BY-SA 4.0; master and access copy
    FRANCE = "Pour la France"  # CC BY-NC-ND, stated for France only
    OLD_WAX = "Old Wax"  # published in 1954: free in Europe, not in the United States before 2065
    TAKEN_BACK = "Taken Back"  # published with edition 1, withdrawn before edition 2
    ONLY_KEPT = "Only Kept"  # nobody says that it may be shared
    NEVER_HELD = "Never Held"  # known from MusicBrainz


ISRCS = {title: f"FRZ0398002{number:02}" for number, title in enumerate(Title, start=12)}
_RULES = """
[[rights]]
files = ["france.flac"]
licence = "CC-BY-NC-ND-4.0"
territory = "FR"
holder = "Maison d’exemple"
evidence = "https://example.org/maison/lettre"

[[rights]]
files = ["old-wax.flac"]
kind = "dates"
covers = "recording"
published = "1954-05-03"
fixed = "1954"
country = "US"
evidence = "the label of the record"

[[rights]]
files = ["old-wax.flac"]
kind = "dates"
covers = "composition"
published = "1910"
country = "US"
deaths = [1921]
all_deaths = true
with_words = false
evidence = "an encyclopedia"
"""


def make_library(folder: Path) -> Archive:
    """Make the archive in a folder that is not there yet; about four seconds."""
    folder.mkdir()
    lines = (
        f'[archive]\nid = "{ARCHIVE_ID}"\nname = "Library & Sons"\nagent = "agent-of-tests"',
        '[mandate]\npreserve = "Tests keep everything."',
        f'[publish]\nurl = "{SITE}"\naudiences = ["FR", "EU"]',
    )
    (folder / "phonotheque.toml").write_text("\n".join(lines) + "\n")
    archive = open_archive(folder)
    create_keys(archive.keys)
    inbox = folder.with_name("inbox")
    with _here():
        add_folder(archive, _write_music(inbox / "music"))
        add_source(archive, source_named("musicbrainz"), _write_dumps(inbox / "dumps"))
        add_listens(archive, _write_listens(inbox / "listens.csv"), at=FIRST)
        rebuild_catalogue(archive, at=FIRST)
        _plan(archive)
        publish(archive, at=FIRST)
        asked = Asked(SECRETS[0], SECRETS[2], ("Loose/taken-back.flac",), SECRETS[1], PUBLIC_REASON)
        one = request(archive, asked, covered_by(archive, asked.words), at=timestamp(SECOND))
        accept(archive, one.id, by=SECRETS[3], note=SECRETS[2], at=timestamp(SECOND))
        publish(archive, at=SECOND)
    return archive


def make_twin(library: Archive, folder: Path) -> Archive:
    """Make a mirror, in Germany, that holds all it may of an archive; it says so to nobody."""
    mirror = open_mirror(folder, str(library.public), budget=1_000_000_000, country="DE")
    sync(
        mirror,
        open_origin(str(library.public), country="DE"),
        budget=1_000_000_000,
        once=True,
        swarm=LOCAL,
        pace=PACE,
        clock=lambda: SECOND,
    )
    return mirror


def _plan(archive: Archive) -> None:
    """Plan with a little less room than all masters take, so that one goes out as an access copy."""
    with planned(archive, None) as found:
        room = int(found.plan.bytes) - 1
    with planned(archive, room) as found:
        assert found.plan.access_copies == 1
        save_plan(archive.plans, found.plan, found.items, FIRST, snapshot=found.snapshot.stamp)


@contextmanager
def own_settings(place: Path) -> Iterator[None]:
    """Keep the settings of whoever runs the tests out."""
    with pytest.MonkeyPatch.context() as patched:
        patched.delenv("SOURCE_DATE_EPOCH", raising=False)
        patched.setenv("XDG_CONFIG_HOME", str(place / "config"))
        yield


def empty_mirror(folder: Path) -> Archive:
    """Return a mirror that has heard nothing of its archive yet."""
    folder.mkdir()
    (folder / "public").mkdir()
    return Archive(folder, Settings())


@contextmanager
def _here() -> Iterator[None]:
    """Do in this process what is done in others, for the sake of the time that starting them takes."""

    def one_thread(_workers: int | None = None) -> Executor:
        return ThreadPoolExecutor(1)

    def no_pool(_workers: int | None = None) -> Executor:
        return Here()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(spread, "process_pool", one_thread)
        patched.setattr(importing, "process_pool", no_pool)
        yield


def _write_music(folder: Path) -> Path:
    album, loose = folder / "First Light", folder / "Loose"
    for place in (album, loose):
        place.mkdir(parents=True)
    by, cc0, by_sa = "licenses/by/4.0/", "publicdomain/zero/1.0/", "licenses/by-sa/4.0/"
    opening = _tune(12, 1)
    _write(album / "01 opening.flac", FLAC, opening, Title.OPENING, by, 1, 1)
    write_vorbis(album / "02 second.ogg", _tune(8, 2))
    write_tags(album / "02 second.ogg", _labels(Title.SECOND_AIR, cc0, 2, 1))
    _write(album / "03 hostile.flac", FLAC, _tune(6, 3), Title.HOSTILE, by_sa, 1, 2)
    _write(loose / "opening.mp3", MP3, opening, Title.OPENING, by, None, None)
    for number, (name, title) in enumerate(
        {
            "france": Title.FRANCE,
            "old-wax": Title.OLD_WAX,
            "only-kept": Title.ONLY_KEPT,
        }.items(),
        start=4,
    ):
        _write(loose / f"{name}.flac", FLAC, _tune(5, number), title, None, None, None)
    _write(loose / "taken-back.flac", FLAC, _tune(5, 9), Title.TAKEN_BACK, by, None, None)
    (album / "folder.png").write_bytes(gradient(96, (24, 58, 92), (226, 148, 74)))
    (album / "folder.png.license").write_text("SPDX-License-Identifier: CC0-1.0\n")
    (loose / "rights.toml").write_text(_RULES)
    return folder


def _tune(seconds: int, seed: int) -> NDArray[np.int16]:
    """Return a melody of plucked notes over a drone, in stereo, that is another one for each seed."""
    random = np.random.default_rng(seed)
    time = np.arange(RATE // 2) / RATE
    notes = 220 * 2 ** (random.choice([0, 2, 4, 7, 9, 12, 14], 2 * seconds) / 12)
    pluck = np.exp(-5 * time)
    line = np.concatenate([np.sin(2 * np.pi * note * time) * pluck for note in notes])
    drone = np.sin(2 * np.pi * 110 * (1 + seed / 12) * np.arange(len(line)) / RATE)
    left, right = 0.5 * line + 0.1 * drone, 0.4 * line + 0.15 * drone
    hiss = random.normal(0, 0.002, (len(line), 2))
    return np.asarray((np.stack([left, right], axis=1) + hiss) * 32_000, dtype=np.int16)


def _write(
    path: Path,
    kind: Kind,
    tune: NDArray[np.int16],
    title: Title,
    licence: str | None,
    number: int | None,
    disc: int | None,
) -> None:
    write(path, kind, tune)
    write_tags(path, _labels(title, licence, number, disc))


def _labels(title: Title, licence: str | None, number: int | None, disc: int | None) -> Labels:
    aurore = title in (Title.OPENING, Title.SECOND_AIR, Title.HOSTILE)
    return Labels(
        title=title.value,
        artist="Ensemble Aurore" if aurore else "Nobody’s Band",
        artist_mbids=(ARTIST_MBID,) if aurore else (),
        composers=("Anne Exemple",),
        album="First Light" if disc else "Best of Aurore" if aurore else None,
        album_artist="Ensemble Aurore" if aurore else None,
        track_number=number,
        disc_number=disc,
        date="2024-05-14" if aurore else "2019",
        release_mbid=RELEASE_MBID if disc else None,
        isrcs=(ISRCS[title],),
        licences=(f"https://creativecommons.org/{licence}",) if licence else (),
        copyright=f"2024 {'Ensemble Aurore' if aurore else 'Nobody’s Band'}" if licence else None,
    )


def _write_dumps(folder: Path) -> Path:
    """Write what MusicBrainz would say of the release: other lengths, and a track that is not held."""
    folder.mkdir()
    discs = [
        [(Title.OPENING, 12_000), (Title.SECOND_AIR, 300_000)],
        [(Title.HOSTILE, 6_000), (Title.NEVER_HELD, 187_000)],
    ]
    media = [
        {"position": disc, "tracks": [_track(disc, number, *told) for number, told in enumerate(told, 1)]}
        for disc, told in enumerate(discs, start=1)
    ]
    release = {
        "id": RELEASE_MBID,
        "title": "First Light",
        "artist-credit": _credit(),
        "date": "2024-05-14",
        "country": "FR",
        "barcode": BARCODE,
        "label-info": [
            {"catalog-number": "AUR 1", "label": {"id": ARTIST_MBID[:-1] + "2", "name": "Aurore Records"}}
        ],
        "release-group": {"id": RELEASE_MBID[:-1] + "2", "primary-type": "Album", "secondary-types": []},
        "media": media,
    }
    artist = {
        "id": ARTIST_MBID,
        "name": "Ensemble Aurore",
        "sort-name": "Aurore, Ensemble",
        "type": "Group",
        "country": "FR",
        "aliases": [{"name": "Aurora Ensemble", "sort-name": "Aurora Ensemble"}],
        "isnis": ["0000000121032683"],
    }
    for entity, record in (("artist", artist), ("release", release)):
        made = io.BytesIO()
        with tarfile.open(fileobj=made, mode="w") as tar:
            members = {"JSON_DUMPS_SCHEMA_NUMBER": b"1\n", f"mbdump/{entity}": json.dumps(record).encode()}
            for name, content in members.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        (folder / f"{entity}.tar.xz").write_bytes(lzma.compress(made.getvalue()))
    return folder


def _track(disc: int, number: int, title: Title, milliseconds: int) -> dict[str, Any]:
    own = f"00000000-0000-4000-8000-00000000{disc:02}{number:02}"
    return {
        "id": own,
        "title": title.value,
        "number": str(number),
        "position": number,
        "length": milliseconds,
        "artist-credit": _credit(),
        "recording": {
            "id": own[:-5] + "f" + own[-4:],
            "title": title.value,
            "length": milliseconds,
            "isrcs": [ISRCS[title]],
            "artist-credit": _credit(),
        },
    }


def _credit() -> list[dict[str, Any]]:
    artist = {"id": ARTIST_MBID, "name": "Ensemble Aurore", "sort-name": "Aurore, Ensemble"}
    return [{"name": "Ensemble Aurore", "joinphrase": "", "artist": artist}]


def _write_listens(path: Path) -> Path:
    heard = {Title.OPENING: 48_211, Title.SECOND_AIR: 7_954, Title.OLD_WAX: 310, Title.TAKEN_BACK: 12}
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(("isrc", "title", "artist", "listens"))
        rows.writerows((ISRCS[title], title.value, "", times) for title, times in heard.items())
    return path
