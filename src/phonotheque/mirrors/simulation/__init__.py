"""Mirrors over years, on paper: what becomes of the copies if they choose as they do, and disks fail."""
