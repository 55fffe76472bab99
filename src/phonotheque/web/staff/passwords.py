"""Passwords of staff, as Argon2id (RFC 9106) makes them: nobody reads them back, and guessing is dear.

The parameters are the RFC's second recommendation (§4): 64 MiB, three passes, four lanes. Each string says
its own, so that they can be raised later.
"""

from __future__ import annotations

import os
import re
import threading
import unicodedata
from functools import cache
from typing import Final

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from phonotheque.model.errors import UsageError

LEAST: Final = 12  # characters
MOST: Final = 1000
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._@-]{0,63}")
_MEMORY: Final = 64 * 1024  # KiB
_AT_ONCE: Final = threading.BoundedSemaphore(2)  # each takes the memory above, and a core


def parse_name(text: str) -> str:
    """Return the name of an account in its one form. Raises UsageError."""
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"“{text[:80]}” cannot be the name of an account.",
            "Use 1 to 64 letters from a to z, digits, dots, hyphens, underscores or @.",
        )
    return name


def hash_password(name: str, password: str) -> str:
    """Return what is kept of a new password. Raises UsageError for one that is easily guessed."""
    text = password.encode(errors="ignore").decode() == password  # else a terminal spoke another charset
    if len(password) < LEAST or len(password) > MOST or name in password.lower() or not text:
        raise UsageError(
            "This password is easily guessed, or cannot be kept.",
            f"Take {LEAST} to {MOST} characters, without the name in it: four odd words do well.",
        )
    return _made(password)


def fits(password: str, kept: str | None) -> bool:
    """Whether a password is the one that was kept; with none kept, it takes as long to say no."""
    with _AT_ONCE:
        nobodys = _nobodys()
        try:
            Argon2id.verify_phc_encoded(_bytes(password[: MOST + 1]), kept or nobodys)
        except InvalidKey:
            return False
    return kept is not None


def _made(password: str) -> str:
    made = Argon2id(salt=os.urandom(16), length=32, iterations=3, lanes=4, memory_cost=_MEMORY)
    with _AT_ONCE:
        return made.derive_phc_encoded(_bytes(password))


@cache
def _nobodys() -> str:
    made = Argon2id(salt=os.urandom(16), length=32, iterations=3, lanes=4, memory_cost=_MEMORY)
    return made.derive_phc_encoded(os.urandom(32))


def _bytes(password: str) -> bytes:
    """Return a password as it is compared: typed on another keyboard, it is the same (NIST SP 800-63B)."""
    return unicodedata.normalize("NFKC", password).encode()
