"""The phono command. Subcommands are imported only when they run, so that each starts quickly."""

from __future__ import annotations

import sys
from importlib import import_module

import click
from sqlalchemy.exc import DataError, OperationalError

from phonotheque import __version__
from phonotheque.cli.common import failed, interrupted
from phonotheque.model.errors import PhonothequeError

_COMMANDS = {
    "init": "Make a new archive",
    "add": "Take in a folder of music, what a source says, or listen counts",
    "status": "What the archive holds, and what waits for you",
    "search": "Find recordings by words",
    "show": "Everything known about one recording, release or artist",
    "random": "Recordings drawn at random: a true shuffle",
    "conflicts": "What the catalogue could not tell apart without doubt",
    "duplicates": "Copies of one recording; whether a file is here already",
    "verify-claim": "What is known of a file or an ISRC that somebody claims",
    "coverage": "What 50, 90, 99 … % of listening takes in bytes",
    "snapshots": "The snapshots of the catalogue; removing old ones",
    "diff": "What changed between two snapshots",
    "rejects": "What sources said that could not be taken in",
    "rights": "What may be published and why; what may not and why",
    "deposit": "Take in what somebody deposits under a signed agreement",
    "receipt": "What was handed over and granted; checked against any edition",
    "plan": "Choose what a disk budget can cover",
    "publish": "Seal bags and publish a signed edition",
    "announce": "Let others find an archive by its public key alone",
    "keys": "Which keys sign; naming others; roots that several sign",
    "withdraw": "Take back what is held or published, and what came of it",
    "audit": "Decide anew whether all that is published may be",
    "export": "Write music out for training, radio, a library or a player",
    "mirror": "Hold somebody else's edition",
    "fetch": "Fetch one recording alone, verified, with its credits",
    "check": "Verify every byte",
    "drill": "Ask mirrors to prove what they hold; time a restore",
    "simulate": "What becomes of the copies over years, on paper",
    "ledger": "Where the ledger is; moving it to PostgreSQL, or back",
    "repair": "Fetch again what is damaged or missing",
    "restore": "Rebuild an archive from its mirrors",
    "jobs": "What runs, what failed and why; trying it again",
    "holdings": "What mirrors say that they hold, and when they said it",
    "health": "How many copies of each bag there are; what is at risk",
    "serve": "Show the public tree over HTTP",
    "staff": "Who may log in and review what visitors ask for",
    "listener": "Who may keep stars and playlists with their player",
    "report": "Write a page with plots",
    "pages": "Write the reading room as plain files, or remove them",
    "figures": "Count and draw what pages show, before anybody asks",
    "demo": "Do all of this with music made on the spot",
}


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        module = import_module(f"phonotheque.cli.{'demo.command' if name == 'demo' else name}")
        command = getattr(module, f"{name}_command")
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(_COMMANDS.items()))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="phono")
def phono() -> None:
    """Keep recorded music that may lawfully be kept, in copies that anyone can hold."""


def main() -> None:
    """Run the command line; exit codes are those of docs/design.md."""
    try:
        sys.exit(phono(standalone_mode=False) or 0)
    except click.Abort:
        sys.exit(interrupted())
    except KeyboardInterrupt:
        sys.exit(interrupted())
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except PhonothequeError as error:
        sys.exit(failed(error.message, error.advice, error.exit_code))
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has left; there is nobody to tell
        sys.exit(1)
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        advice = "Nothing acknowledged is lost; correct this and run the same command again."
        sys.exit(failed(f"{name}{error.strerror or error}.", advice, 1))
    except (DataError, OperationalError) as error:
        advice = "Nothing acknowledged is lost; correct this and run the same command again."
        sys.exit(failed(f"The ledger could not be written: {error.orig}.", advice, 1))


if __name__ == "__main__":
    main()
