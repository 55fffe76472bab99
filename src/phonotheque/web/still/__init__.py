"""The reading room as plain files, for an edition: any web server can show it."""

from typing import Final

WHY: Final = "pages: "  # begins the line in which the process that makes them says on stderr why it cannot
