"""What the archive holds and why: the transactional record."""
