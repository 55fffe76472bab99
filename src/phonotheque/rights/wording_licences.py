"""The words in which licences and statements of status are explained: (English, French), by key.

They are part of rights/wording.py.
"""

from __future__ import annotations

from phonotheque.rights.families import STATUS_IDS

LICENCE_REASONS: dict[str, tuple[str, str]] = {
    "adapts-unshared": (
        (
            "{licence} lets adaptations be made and not be shared, and whether what mining yields is one "
            "is disputed."
        ),
        (
            "{licence} permet d’adapter sans partager l’adaptation ; il est discuté si le fruit d’une "
            "fouille en est une."
        ),
    ),
    "dedicated-us": (
        "With {licence}, copyright was given up, or said not to exist, by the law of the United States.",
        "Par {licence}, le droit d’auteur a été abandonné, ou dit inexistant, selon le droit des États-Unis.",
    ),
    "dedicated-elsewhere": (
        (
            "{licence} follows the law of the United States; whether it holds elsewhere is not known, "
            "which is why it was retired."
        ),
        (
            "{licence} suit le droit des États-Unis ; on ne sait pas si elle vaut ailleurs, et c’est "
            "pourquoi elle a été retirée."
        ),
    ),
    "samples-only": (
        "{licence} lets parts be sampled; the whole it does not let be copied.",
        "{licence} permet d’échantillonner des parties, mais non de copier le tout.",
    ),
    "shares-whole": (
        "{licence} lets the whole be copied, performed and passed on for what is not commercial.",
        "{licence} permet de copier, de représenter et de transmettre le tout sans but commercial.",
    ),
    "developing-only": (
        (
            "{licence} holds in developing nations only, by the World Bank’s list of the day, which is not "
            "kept here."
        ),
        (
            "{licence} ne vaut que dans les pays en développement, selon la liste du jour de la Banque "
            "mondiale, qui n’est pas tenue ici."
        ),
    ),
    "notice-software": (
        (
            "{licence} speaks of software; put on this work, it allows using, copying and passing it on "
            "for any purpose."
        ),
        (
            "{licence} parle de logiciel ; appliquée à cette œuvre, elle permet de l’utiliser, de la "
            "copier et de la transmettre à toute fin."
        ),
    ),
    "notice-work": (
        "{licence} allows any work to be used, copied and passed on for any purpose.",
        "{licence} permet d’utiliser, de copier et de transmettre toute œuvre à toute fin.",
    ),
    "unconditional": (
        "Everything is allowed by {licence}, without a condition.",
        "Tout est permis par {licence}, sans condition.",
    ),
    "fonts-only": (
        "{licence} is about fonts, and grants nothing sure for music.",
        "{licence} concerne les polices de caractères et n’accorde rien de sûr pour la musique.",
    ),
    "artist-allows": (
        "The artist allows it to be copied and passed on where no money is made.",
        "L’artiste permet de la copier et de la transmettre sans en tirer d’argent.",
    ),
    "artist-mining": (
        "What the artist allows does not say whether mining is part of it.",
        "Ce que l’artiste permet ne dit pas si la fouille en fait partie.",
    ),
    "rs-InC": (
        "It is stated to be in copyright, and nothing is granted.",
        "Elle est dite protégée par le droit d’auteur, et rien n’est accordé.",
    ),
    "rs-InC-OW-EU": (
        (
            "It is stated to be an orphan work (EU 2012/28): certain institutions may use it, and nobody "
            "else is granted anything."
        ),
        (
            "Elle est dite œuvre orpheline (UE 2012/28) : certains organismes peuvent l’utiliser, et rien "
            "n’est accordé à d’autres."
        ),
    ),
    "rs-InC-EDU": (
        "It is stated to be in copyright and free to use in education, which is none of these acts.",
        "Elle est dite protégée et utilisable dans l’enseignement, ce qui n’est aucun de ces actes.",
    ),
    "rs-InC-NC": (
        (
            "It is stated to be in copyright and free for uses that are not commercial, by a status, which "
            "is no licence."
        ),
        "Elle est dite protégée et utilisable sans but commercial, par un statut, qui n’est pas une licence.",
    ),
    "rs-InC-RUU": (
        "It is stated to be in copyright, of somebody who could not be found, and nothing is granted.",
        "Elle est dite protégée, d’un titulaire introuvable, et rien n’est accordé.",
    ),
    "rs-NoC-CR": (
        "It is stated to be free of copyright and bound by a contract, which has to be read.",
        "Elle est dite libre de droit d’auteur et liée par un contrat, qu’il faut lire.",
    ),
    "rs-NoC-NC": (
        (
            "It is stated to be free of copyright and, by an agreement on its digitisation, of commercial "
            "use; that has to be read."
        ),
        (
            "Elle est dite libre de droit d’auteur mais, par un accord de numérisation, interdite d’usage "
            "commercial ; il faut le lire."
        ),
    ),
    "rs-NoC-OKLR": (
        "It is stated to be free of copyright and bound by another law, which has to be known.",
        "Elle est dite libre de droit d’auteur mais soumise à une autre loi, qu’il faut connaître.",
    ),
    "rs-NoC-US": (
        "It is stated to be free of copyright in the United States.",
        "Elle est dite libre de droit d’auteur aux États-Unis.",
    ),
    "rs-NoC-US-elsewhere": (
        "It is stated to be free of copyright in the United States, which says nothing of other countries.",
        "Elle est dite libre de droit d’auteur aux États-Unis, ce qui ne dit rien d’autres pays.",
    ),
    "rs-CNE": (
        "It is stated that nobody has looked into its copyright.",
        "Il est dit que personne n’a examiné ses droits.",
    ),
    "rs-UND": (
        "It is stated that its copyright was looked into and could not be determined.",
        "Il est dit que ses droits ont été examinés sans pouvoir être établis.",
    ),
    "rs-NKC": (
        "It is stated that no copyright in it is known, and that this was not established.",
        "Il est dit qu’on ne lui connaît pas de droits, sans que ce soit établi.",
    ),
}

# What the rules of licences rest on, by rule: part of rights/wording_chain.py.
LICENCE_LAW: dict[str, tuple[str, str]] = {
    "cc-pddc": (
        "Creative Commons Public Domain Dedication and Certification, retired in 2010",
        "Creative Commons Public Domain Dedication and Certification, retirée en 2010",
    ),
    "cc-sampling": ("Creative Commons Sampling 1.0 §3", "Creative Commons Sampling 1.0 §3"),
    "cc-sampling-plus": (
        "Creative Commons Sampling Plus 1.0 §3",
        "Creative Commons Sampling Plus 1.0 §3",
    ),
    "cc-devnations": (
        "Creative Commons Developing Nations 2.0 §1 and §3",
        "Creative Commons Developing Nations 2.0 §1 et §3",
    ),
    "gfdl": (
        "GNU Free Documentation License §1, §2 and §4",
        "Licence GNU de documentation libre §1, §2 et §4",
    ),
    "open-audio": ("EFF Open Audio License 1.0, §II", "EFF Open Audio License 1.0, §II"),
    "design-science": ("Design Science License §2 to §4", "Design Science License §2 à §4"),
    "notice": ("the licence itself; Apache 2.0 §2 and §4", "la licence elle-même ; Apache 2.0 §2 et §4"),
    "unconditional": ("the licence itself", "la licence elle-même"),
    "with-source": (
        "Artistic 2.0 §1, §2 and §5; MPL 2.0 §2.1, §3.1 and §3.2",
        "Artistic 2.0 §1, §2 et §5 ; MPL 2.0 §2.1, §3.1 et §3.2",
    ),
    "font": ("SIL Open Font License, definitions", "SIL Open Font License, définitions"),
    "artist-permission": ("the artist's own words", "les mots mêmes de l’artiste"),
    **{
        f"rs-{code}": ("rightsstatements.org 1.0, a status", "rightsstatements.org 1.0, un statut")
        for code in STATUS_IDS
    },
}
