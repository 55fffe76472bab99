"""A catalogue of the published shape, made up from a seed, and what work on it costs."""
