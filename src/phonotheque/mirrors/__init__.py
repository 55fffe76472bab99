"""Holding someone else's edition: follow, choose, transfer, verify, repair."""
