"""phono pages: the reading room as plain files, made by a process of its own; also after publishing."""

from __future__ import annotations

import subprocess
import sys

import click

from phonotheque.cli.common import archive_argument, counted, json_option, messages, output, safe, show
from phonotheque.editions.sending import send_public
from phonotheque.model.errors import PhonothequeError, UsageError
from phonotheque.model.progress import QUIET
from phonotheque.vault.archive import Archive
from phonotheque.web.still import WHY, placing

_LATER = "That can be done again at any time: phono pages."


@click.command("pages")
@archive_argument
@click.option("--remove", is_flag=True, help="Remove all that was ever written, and nothing else.")
@json_option
def pages_command(archive: Archive, remove: bool, as_json: bool) -> None:
    """Write the reading room of ARCHIVE (or a mirror) as plain files into its public folder.

    They tell of its current edition, and any web server shows them. Publishing does it by itself. A mirror
    makes its own, of what it verified; those of the publisher are signed by nobody, and never copied.
    """
    if remove:
        removed = remove_pages(archive)
        show({"removed": removed}, as_json, lambda: output.print(f"Removed {counted(removed, 'file')}."))
        return
    written = write_pages(archive)
    if not written:
        raise UsageError(f"{archive.folder} has no edition yet.", "Pages tell of one: publish it first.")
    where = archive.public / "en" / "index.html"
    show({"pages": written}, as_json, lambda: output.print(f"Wrote {counted(written, 'page')}: {where}"))


def renew_pages(archive: Archive) -> None:
    """Write the pages of the current edition, or remove those there are, as the settings want; say so.

    They can be made again at any time, so what goes wrong with them is no failure of the edition.
    """
    try:
        if archive.settings.publish.pages:
            messages.print("Writing pages …")
            write_pages(archive)
        elif removed := remove_pages(archive):
            what = f"Removed the pages there were, {counted(removed, 'file')}"
            messages.print(f"{what}: [publish] pages is false.")
    except (PhonothequeError, OSError) as error:
        what = str(error).splitlines()[0]
        why = f"The edition is published; its pages are not as they should be: {what}"
        messages.print(safe(why), style="yellow")
        messages.print(_LATER)


def write_pages(archive: Archive) -> int:
    """Write the pages of the current edition, here and where the public tree is sent; return how many."""
    words = (sys.executable, "-P", "-m", "phonotheque.web.still", str(archive.folder.resolve()))
    done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line.removeprefix(WHY) for line in done.stderr.splitlines() if line.startswith(WHY)]
        why = said[-1] if said else f"their process ended with {done.returncode}"
        raise PhonothequeError(f"The pages could not be written: {why}")
    written = int(done.stdout)
    if written and not archive.is_mirror:
        send_public(archive, QUIET)
    return written


def remove_pages(archive: Archive) -> int:
    """Remove the pages of an earlier time, here and where the public tree is sent; return how many files."""
    removed = placing.remove(archive)
    if removed and not archive.is_mirror:
        send_public(archive, QUIET)
    return removed
