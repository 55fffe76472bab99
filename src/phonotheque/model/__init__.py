"""Plain frozen values and pure functions: identifiers, facts, rights, settings. No I/O, no other room."""
