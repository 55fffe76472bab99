"""Which files somebody means: by name, hash, recording or ISRC."""

from __future__ import annotations

from sqlalchemy import Connection

from phonotheque.ledger.named import files_called, files_with_hashes
from phonotheque.model.errors import NotFoundError
from phonotheque.vault.archive import Archive


def which_files(archive: Archive, ledger: Connection, text: str) -> dict[int, str]:
    """Return the names by id of the held or known files that ``text`` means.

    That is a name as listed, eight or more digits that a SHA-256 begins with, a recording's public id, or an
    ISRC. Raises NotFoundError, which says whether the catalogue knows it without a file.
    """
    if found := files_called(ledger, text):
        return found
    hashes = _hashes(archive, text)
    if hashes and (found := files_with_hashes(ledger, hashes)):
        return found
    if hashes is None:
        raise NotFoundError(
            f"Neither a file nor a recording is called {text}.",
            "Give a name as `phono rights ARCHIVE --all` lists it, the start of a SHA-256, "
            "a recording's id or an ISRC.",
        )
    raise NotFoundError(
        f"The catalogue knows {text}, and no file of it was ever looked at here.",
        "What is known of it: phono show. Rights are decided on files: add one first.",
    )


def _hashes(archive: Archive, text: str) -> list[str] | None:
    """Return the hashes of the files of the recordings with a name; None if the catalogue knows none."""
    from phonotheque.catalogue import manifest
    from phonotheque.catalogue.lookup import Catalogue
    from phonotheque.catalogue.views import RecordingView

    if manifest.current(archive.catalogue) is None:
        return None
    with Catalogue.open(archive.catalogue) as catalogue:
        bearers = [hit.id for hit in catalogue.by_isrc(text)]
        try:
            views = [catalogue.show(name) for name in bearers or [text]]
        except NotFoundError:
            return None
    recordings = [view for view in views if isinstance(view, RecordingView)]
    return [digest for view in recordings for digest in view.files] if recordings else None
