"""OAI-PMH 2.0: libraries harvest what was published, what changed of it, and what was taken back."""
