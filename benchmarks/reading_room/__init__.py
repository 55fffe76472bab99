"""What visitors of a reading room wait for; see ``python -m benchmarks.reading_room --help``."""
