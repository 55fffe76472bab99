"""The reading room as plain files, for an edition: any web server can show it."""
