"""Reading tar archives from front to back, whoever made them."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from phonotheque.sources.cutting import PACKED, explaining_breaks, unpacked

_LONGEST_HEADER = 1 << 20  # bytes of a long name or of extended attributes, which are read as a whole
_READ_AS_A_WHOLE = frozenset(
    {
        tarfile.GNUTYPE_LONGNAME,
        tarfile.GNUTYPE_LONGLINK,
        tarfile.XHDTYPE,
        tarfile.XGLTYPE,
        tarfile.SOLARIS_XHDTYPE,
    }
)


class _Member(tarfile.TarInfo):
    """A member whose header does not fill the memory, and does not pass for the end when it is damaged."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> _Member:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]  # the zeros at the end
            raise
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(f"{error}, where a header or the end should be") from error

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo | None:
        if self.type in _READ_AS_A_WHOLE and self.size > _LONGEST_HEADER:
            raise tarfile.ReadError(f"a header of {self.size} bytes")
        return super()._proc_member(archive)  # type: ignore[misc, no-any-return]  # tarfile's own hook


def is_tar(path: Path) -> bool:
    """Tell by its name whether a file is a tar archive, packed or not."""
    name = path.with_suffix("") if path.suffix in PACKED else path
    return name.suffix == ".tar"


@contextmanager
def tar_members(path: Path) -> Iterator[Iterator[tuple[str, IO[bytes]]]]:
    """Open a tar archive, packed or not, and give the names and contents of its regular files, in order.

    Each content must be read before the next is asked for. Reading raises BrokenFileError where the archive
    is truncated or damaged; an I/O error stays an OSError.
    """
    with (
        unpacked(path) as stream,
        explaining_breaks(path),
        tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as archive,
    ):
        yield _contents(archive)


def _contents(archive: tarfile.TarFile) -> Iterator[tuple[str, IO[bytes]]]:
    while (member := archive.next()) is not None:
        archive.members.clear()  # type: ignore[attr-defined]  # or all of them would be kept
        if member.isreg() and not member.issparse() and (content := archive.extractfile(member)):
            yield member.name.removeprefix("./"), content
