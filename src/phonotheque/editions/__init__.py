"""What is published: plan, torrents, signatures, the public tree."""
