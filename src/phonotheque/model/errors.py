"""The errors a user meets. Each says what was wrong, where, and what to do; each has an exit code."""

from __future__ import annotations


class PhonothequeError(Exception):
    """Something the user should read. Exit code 1.

    ``message`` names the file or field and what was wrong; ``advice`` says what to do about it.
    """

    exit_code = 1

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.advice = advice

    def __str__(self) -> str:
        return f"{self.message}\n{self.advice}" if self.advice else self.message


class UsageError(PhonothequeError):
    """The command or a setting makes no sense as given. Exit code 2."""

    exit_code = 2


class NotFoundError(PhonothequeError):
    """What was asked for does not exist (and was looked for without an I/O error). Exit code 3."""

    exit_code = 3


class BusyError(PhonothequeError):
    """Somebody else is changing this just now. Exit code 1."""


class VerificationError(PhonothequeError):
    """Bytes or signatures are not what they should be. Exit code 4."""

    exit_code = 4


class NetworkError(PhonothequeError):
    """A server or peer could not be reached, or broke off. Exit code 5."""

    exit_code = 5


class RightsError(PhonothequeError):
    """The act has no recorded basis. Exit code 6."""

    exit_code = 6
