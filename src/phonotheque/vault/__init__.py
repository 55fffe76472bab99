"""Where bytes lie: the archive folder, accepted masters, sealed bags, fixity."""
