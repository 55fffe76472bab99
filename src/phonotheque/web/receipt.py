"""A receipt as a page: one HTML file, in English and French, that needs nothing else and runs nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from phonotheque.model.territory import WORLDWIDE
from phonotheque.rights.wording import ACTS, CONDITIONS
from phonotheque.web import words

_KINDS = {
    "deposit": ("a deposit agreement", "un accord de dépôt"),
    "own-work": ("the makers themselves", "les auteurs eux-mêmes"),
    "delivery": ("a label’s deal (DDEX)", "un contrat de label (DDEX)"),
    "licence": ("a licence to everybody", "une licence donnée à tous"),
    "reservation": ("a reservation", "une réserve"),
}
_COVERS = {
    "recording": ("the recording", "l’enregistrement"),
    "composition": ("the composition", "la composition"),
    "both": ("the recording and the composition", "l’enregistrement et la composition"),
}
_MINING = {
    "reserved": (
        "Text and data mining is reserved: nobody may analyse or train with it on the strength of this.",
        "La fouille de textes et de données est réservée : rien ici n’autorise l’analyse ni l’entraînement.",
    ),
    "allowed": ("Text and data mining is allowed.", "La fouille de textes et de données est autorisée."),
    "unsaid": (
        "Nothing was said of text and data mining, so nothing here allows it.",
        "Rien n’a été dit de la fouille de textes et de données ; rien ici ne l’autorise.",
    ),
}
LANGUAGES = ("en", "fr")


def receipt_page(receipt: Mapping[str, Any]) -> str:
    """Return the page of a receipt (sources/receipt.py)."""
    environment = Environment(
        loader=PackageLoader("phonotheque", "web/templates"), autoescape=True, undefined=StrictUndefined
    )
    terms = {language: [_told(each, language) for each in receipt["granted"]] for language in LANGUAGES}
    shown = [{**file, "path": words.shown(file["path"])} for file in receipt["files"]]
    mining = receipt.get("mining", "unsaid")
    return environment.get_template("receipt.html.j2").render(
        receipt=receipt,
        depositor=words.shown(receipt["depositor"]),
        archive=words.shown(receipt["archive"]["name"]),
        files=shown,
        size={"en": words.size(receipt["bytes"]), "fr": _size_in_french(receipt["bytes"])},
        terms=terms,
        mining={language: _MINING[mining][index] for index, language in enumerate(LANGUAGES)},
    )


def _told(record: Mapping[str, Any], language: str) -> str:
    """Return one statement as a sentence."""
    index = LANGUAGES.index(language)
    kind = _KINDS.get(record["kind"], (record["kind"],) * 2)[index]
    covers = _COVERS[record["covers"]][index]
    acts = ", ".join(ACTS[act][index] for act in record.get("acts", []))
    if record["kind"] == "reservation":
        return (f"Reserved: {acts}.", f"Réservé : {acts}.")[index]
    what = record["licence"] or acts
    parts = [f"{what} ({covers}), " + ("by " if index == 0 else "par ") + kind]
    parts.append(_where(record["territory"], index))
    if record.get("valid_from"):
        parts.append(f"{('from', 'du')[index]} {record['valid_from']}")
    if record.get("valid_until"):
        parts.append(f"{('until', 'au')[index]} {record['valid_until']}")
    if record.get("conditions"):
        conditions = ", ".join(CONDITIONS[each][index] for each in record["conditions"])
        parts.append(f"{('under', 'sous condition :')[index]} {conditions}")
    return f"{'; '.join(parts) if index == 0 else ' ; '.join(parts)}."


def _where(territory: str, index: int) -> str:
    """Return a territory as words: "everywhere but DE"."""
    everywhere, *but = territory.split()
    if everywhere != WORLDWIDE:
        return f"{('in', 'territoire :')[index]} {territory}"
    if not but:
        return ("everywhere", "partout")[index]
    left_out = ", ".join(code.lstrip("-") for code in but)
    return f"{('everywhere but', 'partout sauf')[index]} {left_out}"


def _size_in_french(size: int) -> str:
    text = words.size(size).replace("bytes", "octets").replace(".", ",")
    return text.removesuffix("B") + "o" if text.endswith("B") else text
