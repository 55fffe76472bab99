"""Finding what lies beside music in a folder, and which track or release it belongs to."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from phonotheque.model.sidecars import (
    Beside,
    SidecarKind,
    is_artwork_folder,
    is_disc_folder,
    kind_of,
    release_place,
    stems,
)
from phonotheque.sources.small_files import AUDIO_SUFFIXES

MOST: Final = 1000  # sidecars of one folder that belong to a release: no booklet has so many pages


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What lies beside the music of one folder. ``release`` is the place it belongs to; None without music.

    ``left_out`` are those beyond MOST, of which those with a telling name (“front”) come first.
    """

    release: bytes | None = None
    sidecars: Mapping[bytes, Beside] = field(default_factory=dict)
    left_out: frozenset[bytes] = frozenset()


def survey(folder: bytes, names: Sequence[bytes], above: bytes | None) -> Surroundings:
    """Return what lies in ``folder`` beside music; ``above`` is the release of the folder above, if any.

    Pictures and texts that lie beside no music are nobody's sidecars: a folder of photographs stays one.
    """
    tracks = [name for name in names if os.path.splitext(name)[1].decode("latin-1").lower() in AUDIO_SUFFIXES]
    own = os.path.basename(folder)
    if not tracks and above is not None and (is_disc_folder(own) or is_artwork_folder(own)):
        release = above
    elif tracks or any(map(is_disc_folder, names)):
        release = release_place(folder)
    else:
        return Surroundings()
    by_stem = frozenset(stem for name in tracks for stem in stems(name))
    found = {name: sidecar for name in names if (sidecar := _sidecar(folder, name, by_stem, release))}
    of_release = [name for name, sidecar in found.items() if not sidecar.of_track]
    of_release.sort(key=lambda name: (found[name].role == "other", name))
    left_out = frozenset(of_release[MOST:])
    kept = {name: sidecar for name, sidecar in found.items() if name not in left_out}
    return Surroundings(release, kept, left_out)


def _sidecar(folder: bytes, name: bytes, tracks: frozenset[bytes], release: bytes) -> Beside | None:
    known = kind_of(name)
    if known is None:
        return None
    kind, role = known
    stem = os.path.splitext(name)[0]
    if stem not in tracks:
        return Beside(kind, role, release)
    if kind is SidecarKind.PICTURE and role == "other":
        role = "front"  # players show it for the track that it is named after
    elif role == "notes" and name.lower().endswith(b".txt"):
        kind, role = SidecarKind.LYRICS, "lyrics"
    return Beside(kind, role, os.path.join(folder, stem))
