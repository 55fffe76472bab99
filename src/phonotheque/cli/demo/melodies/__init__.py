"""Old tunes that belong to everybody, written down for the instruments of this demonstration.

Every one is anonymous tradition, or by a composer dead for more than a century.
"""
