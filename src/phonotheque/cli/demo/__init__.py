"""The demonstration: music made on the spot, then the whole job from a folder to a repaired mirror."""
