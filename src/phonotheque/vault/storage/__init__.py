"""Where bags and the public tree may lie outside the archive's folder: another folder, or object storage."""
