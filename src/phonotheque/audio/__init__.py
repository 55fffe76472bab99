"""What a file sounds like and whether it is whole: one read, one decode, every fact."""
