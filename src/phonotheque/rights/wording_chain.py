"""The words of a chain of reasons: (English, French), by key. Gaps are filled by name.

What is missing for a yes is part of rights/wording.py; the rest is told by rights/telling.py.
"""

from __future__ import annotations

from phonotheque.rights.wording_licences import LICENCE_LAW

MISSING: dict[str, tuple[str, str]] = {
    "needs-basis": (
        (
            "A basis for the {work}: a licence, an agreement that allows to {act} it, or facts by which it "
            "is in the public domain."
        ),
        (
            "Une base pour {work} : une licence, un accord qui permette de la {act}, ou des faits qui la "
            "placent dans le domaine public."
        ),
    ),
    "needs-permission": (
        "Permission by {holder} to {act} it, beyond the licence.",
        "La permission de {holder} de la {act}, au-delà de la licence.",
    ),
    "needs-agreed": (
        "An agreement with {holder} that names the act: {act}.",
        "Un accord avec {holder} qui nomme l’acte : {act}.",
    ),
    "needs-rule": (
        "Somebody to read {licence} and to write a rule for it.",
        "Que quelqu’un lise {licence} et écrive une règle pour elle.",
    ),
    "needs-here": (
        "A basis that speaks for {where}: one that is recorded is for {only} only.",
        "Une base valable pour {where} : il en est une qui ne vaut que pour {only}.",
    ),
    "needs-everywhere": (
        "A basis for the other countries: one that is recorded is for {only} only.",
        "Une base pour les autres pays : il en est une qui ne vaut que pour {only}.",
    ),
    "needs-renewal": (
        "What {holder} allowed until {day}, renewed.",
        "Le renouvellement de ce que {holder} permettait jusqu’au {day}.",
    ),
    "needs-reversal": (
        "The reversal of the withdrawal, by whoever decided on it.",
        "L’annulation du retrait, par qui l’a décidé.",
    ),
    "needs-no-reservation": (
        "That {holder} no longer reserves it.",
        "Que {holder} n’en fasse plus la réserve.",
    ),
    "needs-time-in": (
        "In {where} nothing but time: from {day} on the answer is yes there, if nothing else changes.",
        "Pour {where}, rien que du temps : dès le {day}, la réponse y est oui, si rien d’autre ne change.",
    ),
    "needs-time": (
        "Nothing but time: from {day} on the answer is yes, if nothing else changes.",
        "Rien que du temps : à partir du {day}, la réponse est oui, si rien d’autre ne change.",
    ),
}

PHRASES: dict[str, tuple[str, str]] = {
    "yes": ("yes", "oui"),
    "no": ("no", "non"),
    "unknown": ("no, for want of knowledge", "non, faute de savoir"),
    "act-preserve": ("Kept?", "La conserver ?"),
    "act-stream": ("Streamed?", "La diffuser en flux ?"),
    "act-distribute": ("Distributed?", "La distribuer ?"),
    "act-mine": ("Mined?", "La fouiller ?"),
    "answer": ("{asked} {where}, on {on}: {answer}.", "{asked} {where}, le {on} : {answer}."),
    "worldwide": ("Worldwide", "Dans le monde entier"),
    "in": ("In {where}", "Pour {where}"),
    "conditions": ("Conditions: {conditions}.", "Conditions : {conditions}."),
    "allowed": ("It is allowed in: {where}.", "C’est permis pour : {where}."),
    "allowed-nowhere": ("It is allowed nowhere.", "Ce n’est permis nulle part."),
    "explained": ("Explained for {where}:", "Expliqué pour {where} :"),
    "elsewhere": ("countries that nothing names", "les pays que rien ne nomme"),
    "denials": ("Taken away", "Ce qui l’ôte"),
    "recording": ("The recording", "L’enregistrement"),
    "composition": ("The composition", "La composition"),
    "both": ("The recording and the composition", "L’enregistrement et la composition"),
    "other": ("{where}: {answer}. {reason}", "{where} : {answer}. {reason}"),
    "others": ("Other countries", "D’autres pays"),
    "of-work": ("{work}: {answer}.", "{work} : {answer}."),
    "nothing": ("Nothing is stated about it.", "Rien n’est déclaré à son sujet."),
    "rule": ("Rule {rule}: {answer}. {reason}", "Règle {rule} : {answer}. {reason}"),
    "law": ("Source: {law}.", "Source : {law}."),
    "recorded": ("Recorded {at}", "Enregistrée le {at}"),
    "said": ("said {at}", "dite le {at}"),
    "document": ("document {sha256}", "document {sha256}"),
    "counts": ("Counts", "Compte"),
    "denies": ("Takes it away", "L’ôte"),
    "outweighed": (
        "Does not count: another allows more",
        "Ne compte pas : une autre permet davantage",
    ),
    "weight-elsewhere": ("Does not count: for other countries", "Ne compte pas : vaut pour d’autres pays"),
    "not-yet": ("Does not count: not yet valid", "Ne compte pas : pas encore valable"),
    "over": ("Does not count: no longer valid", "Ne compte pas : n’est plus valable"),
    "other-act": ("Does not count: takes away other acts", "Ne compte pas : ôte d’autres actes"),
    "missing": ("What it would take", "Ce qu’il faudrait"),
    "turns": (
        "By itself the answer becomes “{answer}” on {day}.",
        "D’elle-même, la réponse devient « {answer} » le {day}.",
    ),
    "former": ("Stated before, and standing no longer", "Déclaré auparavant, et ne valant plus"),
    "former-superseded": ("superseded by {by} on {at}", "remplacée par {by} le {at}"),
    "former-retracted": ("retracted on {at}: {because}", "rétractée le {at} : {because}"),
    "former-gone": (
        "no longer found where it was read, since {at}",
        "introuvable là où elle fut lue, depuis le {at}",
    ),
}

# Who states something, where that is no name: as it is recorded, and in French, to follow “de” and “par”.
SAYERS: dict[str, str] = {
    "the note beside the file": "la note jointe au fichier",
    "the file's own tag": "l’étiquette du fichier même",
    "the item's metadata at the Internet Archive": "la fiche du document sur Internet Archive",
    "the Debian copyright file": "la notice de droits de Debian",
}

# What each rule of a licence or a kind rests on. Terms of protection name their law in their reasons.
LAW: dict[str, tuple[str, str]] = {
    "cc": (
        "the licence itself: in 4.0 §2(a) and §3, in 1.0 to 3.0 §3 and §4",
        "la licence elle-même : dans la 4.0 §2(a) et §3, de la 1.0 à la 3.0 §3 et §4",
    ),
    "cc0": ("CC0 1.0 §2 and §3", "CC0 1.0 §2 et §3"),
    "pdm": ("Public Domain Mark 1.0", "Marque du domaine public 1.0"),
    "gpl": ("GPL-3.0 §2 and §4 to §6; GPL-2.0 §1 to §3", "GPL-3.0 §2 et §4 à §6 ; GPL-2.0 §1 à §3"),
    "free-art": ("Free Art Licence §2", "Licence Art Libre §2"),
    "mandate": ("Directive (EU) 2019/790, art. 6", "directive (UE) 2019/790, art. 6"),
    "on-site": ("Directive 2001/29/EC, art. 5(3)(n)", "directive 2001/29/CE, art. 5, § 3, n)"),
    "public-domain": (
        "Berne Convention art. 7; Rome Convention art. 14",
        "Convention de Berne, art. 7 ; Convention de Rome, art. 14",
    ),
    "reservation": ("Directive (EU) 2019/790, art. 4(3)", "directive (UE) 2019/790, art. 4, § 3"),
    "deposit": ("the agreement", "l’accord"),
    "delivery": ("the label's deal", "l’accord du label"),
    "own-work": ("its maker's permission", "la permission de son auteur"),
    **LICENCE_LAW,
}

WHAT: dict[str, tuple[str, str]] = {
    "licence": ("Licensed under {name}", "Sous licence {name}"),
    "licence-unnamed": ("Licensed under an unnamed licence", "Sous une licence sans nom"),
    "public-domain": ("Public domain", "Domaine public"),
    "public-domain-named": ("Public domain ({name})", "Domaine public ({name})"),
    "deposit": ("Deposited", "Déposée"),
    "deposit-named": ("Deposited under {name}", "Déposée sous {name}"),
    "mandate": ("Kept by mandate", "Conservée par mandat"),
    "dates": ("Dates of the term of protection", "Dates pour la durée de protection"),
    "delivery": ("Delivered by a label", "Livrée par un label"),
    "own-work": ("Own work", "Œuvre propre"),
    "own-work-named": ("Own work under {name}", "Œuvre propre sous {name}"),
    "on-site": ("To be heard on site only", "À écouter sur place seulement"),
    "unknown": ("A status that grants nothing", "Un statut qui n’accorde rien"),
    "reservation": ("Mining is reserved", "La fouille est réservée"),
    "withdrawal": ("Withdrawn", "Retirée"),
    "acts": ("allowing to {acts}", "permettant de : {acts}"),
    "conditions": ("on condition of {conditions}", "à condition de : {conditions}"),
    "holder": ("held by {holder}", "détenue par {holder}"),
    "recording": ("for the recording only", "pour l’enregistrement seulement"),
    "composition": ("for the composition only", "pour la composition seulement"),
    "territory": ("in {where} only", "pour {where} seulement"),
    "world-but": ("everywhere but in {where}", "partout sauf : {where}"),
    "from": ("from {day} on", "à partir du {day}"),
    "until": ("until {day}", "jusqu’au {day}"),
    "stated": (
        "; stated by {who} ({origin}: “{evidence}”).",
        " ; déclarée par {who} ({origin} : « {evidence} »).",
    ),
    "published": ("published {date}", "publiée : {date}"),
    "never-published": ("never published", "jamais publiée"),
    "fixed": ("fixed {date}", "fixée : {date}"),
    "communicated": ("broadcast {date}", "diffusée : {date}"),
    "never-communicated": ("never broadcast", "jamais diffusée"),
    "country": ("first published in {country}", "première publication : {country}"),
    "deaths": ("authors died {years}", "auteurs morts en {years}"),
    "all_deaths": ("no author left out", "aucun auteur omis"),
    "with_words": ("with words", "avec paroles"),
    "not-with_words": ("without words", "sans paroles"),
    "for_hire": ("made for hire", "faite sur commande"),
    "not-for_hire": ("not made for hire", "pas faite sur commande"),
    "anonymous": ("anonymous", "anonyme"),
    "not-anonymous": ("not anonymous", "pas anonyme"),
}
