"""What is known to exist: Parquet snapshots, resolved recordings, look-up and search."""
