"""How whoever runs the server is reached: the setting ``serve.contact``."""

from __future__ import annotations

import re
from typing import Final

_MAIL: Final = re.compile(r"[^\s@<>\"'(),:;\\\[\]]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z0-9-]{2,60}")


def mail_address(contact: str) -> str:
    """Return the e-mail address in a contact, “” if it is something else."""
    text = contact.strip().removeprefix("mailto:")
    return text if _MAIL.fullmatch(text) else ""


def contact_uri(contact: str) -> str:
    """Return a contact as a URI; “” if it is none that security.txt may have (RFC 9116 §2.5.3)."""
    text = contact.strip()
    if mail := mail_address(text):
        return f"mailto:{mail}"
    return text if re.fullmatch(r"(https://|tel:)[\x21-\x7e]{3,500}", text) else ""
