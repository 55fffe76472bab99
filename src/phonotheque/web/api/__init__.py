"""REST: what the archive knows and publishes, as JSON, at addresses that stay."""
