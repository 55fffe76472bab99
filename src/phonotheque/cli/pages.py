"""The reading room as plain files, made after publishing, by a process of its own."""

from __future__ import annotations

import subprocess
import sys

from phonotheque.cli.common import messages, safe
from phonotheque.editions.sending import send_public
from phonotheque.model.progress import QUIET
from phonotheque.vault.archive import Archive


def write_pages(archive: Archive) -> None:
    """Write the pages of the current edition, if the settings want them; say what went wrong.

    They can be made again at any time, so what goes wrong with them is no failure of the edition.
    """
    if not archive.settings.publish.pages:
        return
    messages.print("Writing pages …")
    words = (sys.executable, "-P", "-m", "phonotheque.web.still", str(archive.folder.resolve()))
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if not done.returncode:
        send_public(archive, QUIET)
    else:
        why = done.stderr.strip().splitlines()[-1:] or [f"their process ended with {done.returncode}"]
        messages.print(
            safe(f"The edition is published; its pages could not be written: {why[0]}"), style="yellow"
        )
