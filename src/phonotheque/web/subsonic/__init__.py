"""OpenSubsonic: existing players browse, search and play bounded shelves of an archive or a mirror."""
