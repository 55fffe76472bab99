"""How work is spread over processes, with bounded memory and no poison file stopping the rest."""
