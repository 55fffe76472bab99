"""Writing out what allows it: tagged copies, bags, shards, each with its attribution."""
