"""What is said of dates that cannot be true (rights/dates.py), in English and in French."""

from __future__ import annotations

DATE_REASONS: dict[str, tuple[str, str]] = {
    "impossible-dates": (
        "Its dates cannot be true.",
        "Ses dates sont impossibles.",
    ),
    "impossible-date": (
        "“{text}” is no date.",
        "« {text} » n’est pas une date.",
    ),
    "impossible-country": (
        "“{text}” is no country.",
        "« {text} » n’est pas un pays.",
    ),
    "impossible-yet": (
        "{text} is still to come.",
        "{text} est encore à venir.",
    ),
    "impossible-recording": (
        "In {text} nothing could be recorded yet.",
        "En {text}, on ne pouvait encore rien enregistrer.",
    ),
    "impossible-published": (
        "It cannot be published in {text} and recorded or written down in {fixed}.",
        "Elle ne peut être publiée en {text} et fixée en {fixed}.",
    ),
    "impossible-communicated": (
        "It cannot be communicated in {text} and recorded or written down in {fixed}.",
        "Elle ne peut être communiquée en {text} et fixée en {fixed}.",
    ),
    "impossible-deaths": (
        "All deaths are said to be known, and none is given.",
        "Tous les décès sont dits connus, mais aucun n’est indiqué.",
    ),
    "impossible-anonymous": (
        "Nobody knows when an anonymous author died.",
        "Nul ne sait quand un auteur anonyme est mort.",
    ),
}
