"""The reading room: an archive or a mirror in a browser."""
