"""What a browser sees: the static report, and the public tree over HTTP."""
