"""How fast Phonotheque is beside the tools that people use today: the same files, the same run, in turns."""
