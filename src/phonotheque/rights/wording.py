"""The words in which decisions are explained: (English, French), by key. Gaps are filled by name."""

from __future__ import annotations

from phonotheque.rights.wording_chain import MISSING
from phonotheque.rights.wording_licences import LICENCE_REASONS
from phonotheque.rights.wording_terms import TERM_REASONS

ACTS = {
    "preserve": ("preserve", "conserver"),
    "stream": ("stream", "diffuser en flux"),
    "distribute": ("distribute", "distribuer"),
    "mine": ("mine", "fouiller"),
}

CONDITIONS = {
    "attribution": ("attribution", "attribution"),
    "share-alike": ("share-alike", "partage à l’identique"),
    "non-commercial": ("non-commercial", "usage non commercial"),
    "no-derivatives": ("no-derivatives", "pas de modification"),
    "licence-text": ("licence-text", "texte de la licence"),
    "source": ("source", "source"),
}

WORKS = {
    "recording": ("recording", "l’enregistrement"),
    "composition": ("composition", "la composition"),
}

REASONS: dict[str, tuple[str, str]] = {
    # --- licences ---
    "limited": (
        "{licence} is limited ({conditions}), and whether that allows mining is disputed.",
        "{licence} est limitée ({conditions}) ; il est discuté si cela permet la fouille.",
    ),
    "licence-keeps": (
        "{licence} allows copies to be made and kept.",
        "{licence} permet de faire et de garder des copies.",
    ),
    "licence-analyses": (
        "{licence} allows reproducing and analysing the work.",
        "{licence} permet de reproduire et d’analyser l’œuvre.",
    ),
    "licence-shares": ("{licence} allows sharing the work.", "{licence} permet de partager l’œuvre."),
    "waived": (
        "Its owner waived all rights with {licence}.",
        "Son titulaire a renoncé à tous ses droits par {licence}.",
    ),
    "marked": (
        "It was marked with the Public Domain Mark as free of known copyright worldwide.",
        "La Marque du domaine public la dit libre de droit d’auteur connu dans le monde entier.",
    ),
    "gpl-passes-on": (
        "{licence} allows passing the work on under its terms.",
        "{licence} permet de transmettre l’œuvre à ses conditions.",
    ),
    "silent-on-mining": (
        "{licence} does not say whether mining is allowed.",
        "{licence} ne dit pas si la fouille est permise.",
    ),
    "free-art": (
        "{licence} allows copying, distributing and performing.",
        "{licence} permet de copier, de distribuer et de représenter.",
    ),
    "no-rule": ("No rule is written for {licence}.", "Aucune règle n’est écrite pour {licence}."),
    "unreadable-licence": (
        "The licence “{licence}” is not one that the rules can read.",
        "La licence « {licence} » n’est pas de celles que les règles savent lire.",
    ),
    # --- other kinds of statements ---
    "mandate": ("The archive has a mandate to preserve it.", "L’archive a mandat de la conserver."),
    "mandate-only": (
        "A mandate to preserve says nothing of the act {act}.",
        "Un mandat de conservation ne dit rien de l’acte « {act} ».",
    ),
    "deposited": ("It was deposited to be kept.", "Elle a été déposée pour être conservée."),
    "deposit-silent": (
        "The recorded deposit does not say that one may {act} it.",
        "Le dépôt enregistré ne dit pas qu’on puisse la {act}.",
    ),
    "agreed": (
        "The agreement with {holder} allows to {act} it.",
        "L’accord avec {holder} permet de la {act}.",
    ),
    "agreement-silent": (
        "The agreement with {holder} does not allow to {act} it.",
        "L’accord avec {holder} ne permet pas de la {act}.",
    ),
    "on-site": (
        "It may be kept, and heard at the archive's premises only.",
        "Elle peut être conservée, et écoutée seulement dans les locaux de l’archive.",
    ),
    "status-only": (
        "Its recorded status grants nothing.",
        "Son statut enregistré n’accorde rien.",
    ),
    "licensed-and-free": (
        "It is stated to be in the public domain and to be licensed, which cannot both be true.",
        "Elle est dite à la fois du domaine public et sous licence, ce qui ne peut être vrai ensemble.",
    ),
    "declared-free": (
        "It is stated, with evidence, to be in the public domain.",
        "Elle est déclarée, preuve à l’appui, du domaine public.",
    ),
    "names-no-licence": (
        "A statement of the kind {kind} names no licence.",
        "Une déclaration de type {kind} ne nomme aucune licence.",
    ),
    # --- denials ---
    "withdrawn": ("It was withdrawn: {reason}.", "Elle a été retirée : {reason}."),
    "reserved": (
        "{holder} reserves text and data mining.",
        "{holder} se réserve la fouille de textes et de données.",
    ),
    # --- decisions ---
    "no-basis": ("There is no recorded basis.", "Aucune base n’est enregistrée."),
    "no-basis-for": (
        "There is no recorded basis for the {work}.",
        "Aucune base n’est enregistrée pour {work}.",
    ),
    "not-everywhere": (
        "No recorded basis speaks for the whole world.",
        "Aucune base enregistrée ne vaut pour le monde entier.",
    ),
    "not-here": ("No recorded basis speaks for {where}.", "Aucune base enregistrée ne vaut pour {where}."),
    "not-now": (
        "No recorded basis is in force on {on}.",
        "Aucune base enregistrée n’est en vigueur au {on}.",
    ),
    **LICENCE_REASONS,
    **TERM_REASONS,
    **MISSING,
}
