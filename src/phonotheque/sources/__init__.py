"""Where music and facts come from, and how they are taken in."""
