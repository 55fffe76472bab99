"""Every rule by its name, with what it is about in a few words and examples of what it decides.

For those who want to know what a name in a reason means: the reasons themselves, and the law, come from the
rules when the examples are put to them. docs/rules-of-rights.md lists the same rules; a test compares both.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from phonotheque.model.rights import Act, Dates, Kind
from phonotheque.rights.listed_terms import EU, US
from phonotheque.rights.listing import Example, Group, ListedRule, stating


def _licences(name: str, english: str, french: str, *ids: str) -> ListedRule:
    group = Group.STATUSES if name.startswith("rs-") else Group.LICENCES
    examples = tuple(Example(stating(Kind.LICENCE, one)) for one in ids)
    return ListedRule(name, group, (english, french), examples)


def _kind(kind: Kind, english: str, french: str, **more: Any) -> ListedRule:
    name = "status" if kind is Kind.UNKNOWN else kind.value
    return ListedRule(name, Group.KINDS, (english, french), (Example(stating(kind, **more)),))


_CC: Final = (
    _licences("cc-by", "Creative Commons Attribution", "Creative Commons Attribution", "CC-BY-4.0"),
    _licences(
        "cc-by-sa",
        "Creative Commons Attribution-ShareAlike",
        "Creative Commons Attribution – Partage dans les mêmes conditions",
        "CC-BY-SA-4.0",
    ),
    _licences(
        "cc-by-nc",
        "Creative Commons Attribution-NonCommercial",
        "Creative Commons Attribution – Pas d’utilisation commerciale",
        "CC-BY-NC-4.0",
    ),
    _licences(
        "cc-by-nc-sa",
        "Creative Commons Attribution-NonCommercial-ShareAlike",
        "Creative Commons Attribution – Pas d’utilisation commerciale – Partage dans les mêmes conditions",
        "CC-BY-NC-SA-4.0",
    ),
    _licences(
        "cc-by-nd",
        "Creative Commons Attribution-NoDerivatives",
        "Creative Commons Attribution – Pas de modification",
        "CC-BY-ND-4.0",
        "CC-BY-ND-3.0",
    ),
    _licences(
        "cc-by-nc-nd",
        "Creative Commons Attribution-NonCommercial-NoDerivatives",
        "Creative Commons Attribution – Pas d’utilisation commerciale – Pas de modification",
        "CC-BY-NC-ND-4.0",
    ),
    _licences("cc0", "CC0: all rights waived", "CC0 : renonciation à tous les droits", "CC0-1.0"),
    _licences("pdm", "Public Domain Mark", "Marque du domaine public", "CC-PDM-1.0"),
    _licences(
        "cc-pddc",
        "Public Domain Dedication and Certification (retired)",
        "Public Domain Dedication and Certification (retirée)",
        "CC-PDDC",
    ),
    _licences(
        "cc-sampling",
        "Creative Commons Sampling (retired)",
        "Creative Commons Sampling (retirée)",
        "LicenseRef-CC-Sampling-1.0",
    ),
    _licences(
        "cc-sampling-plus",
        "Creative Commons Sampling Plus (retired)",
        "Creative Commons Sampling Plus (retirée)",
        "LicenseRef-CC-Sampling-Plus-1.0",
        "LicenseRef-CC-NC-Sampling-Plus-1.0",
    ),
    _licences(
        "cc-devnations",
        "Creative Commons Developing Nations (retired)",
        "Creative Commons Developing Nations (retirée)",
        "LicenseRef-CC-DevNations-2.0",
    ),
)
_OTHERS: Final = (
    _licences("gpl", "GNU GPL, LGPL and AGPL", "GNU GPL, LGPL et AGPL", "GPL-3.0-or-later", "LGPL-2.1-only"),
    _licences(
        "gfdl", "GNU Free Documentation License", "Licence GNU de documentation libre", "GFDL-1.3-or-later"
    ),
    _licences("free-art", "Free Art License", "Licence Art Libre", "LAL-1.3"),
    _licences("open-audio", "EFF Open Audio License", "EFF Open Audio License", "LicenseRef-EFF-OAL-1.0"),
    _licences("design-science", "Design Science License", "Design Science License", "LicenseRef-DSL"),
    _licences(
        "notice",
        "Licences that ask for their notice alone",
        "Licences qui ne demandent que leur mention",
        "MIT",
        "BSD-3-Clause",
        "Apache-2.0",
    ),
    _licences(
        "unconditional", "Licences without a condition", "Licences sans condition", "0BSD", "Unlicense"
    ),
    _licences(
        "with-source",
        "Licences that ask for the source",
        "Licences qui demandent la source",
        "MPL-2.0",
        "Artistic-2.0",
    ),
    _licences("font", "SIL Open Font License", "SIL Open Font License", "OFL-1.1"),
    _licences(
        "artist-permission",
        "The artist’s permission to trade, not for money",
        "La permission de l’artiste d’échanger, sans argent",
        "LicenseRef-artist-permission-NC",
    ),
    _licences(
        "no-rule",
        "Licences that nobody has written a rule for",
        "Licences pour lesquelles personne n’a écrit de règle",
        "Sendmail",
    ),
)
_STATUSES: Final = (
    _licences("rs-inc", "In copyright", "Protégée par le droit d’auteur", "LicenseRef-RS-InC-1.0"),
    _licences("rs-inc-ow-eu", "Orphan work (EU)", "Œuvre orpheline (UE)", "LicenseRef-RS-InC-OW-EU-1.0"),
    _licences(
        "rs-inc-edu",
        "In copyright, educational use permitted",
        "Protégée, usage éducatif permis",
        "LicenseRef-RS-InC-EDU-1.0",
    ),
    _licences(
        "rs-inc-nc",
        "In copyright, non-commercial use permitted",
        "Protégée, usage non commercial permis",
        "LicenseRef-RS-InC-NC-1.0",
    ),
    _licences(
        "rs-inc-ruu",
        "In copyright, holder not to be found",
        "Protégée, titulaire introuvable",
        "LicenseRef-RS-InC-RUU-1.0",
    ),
    _licences(
        "rs-noc-cr",
        "No copyright, bound by a contract",
        "Pas de droit d’auteur, mais un contrat",
        "LicenseRef-RS-NoC-CR-1.0",
    ),
    _licences(
        "rs-noc-nc",
        "No copyright, non-commercial use only",
        "Pas de droit d’auteur, usage non commercial seulement",
        "LicenseRef-RS-NoC-NC-1.0",
    ),
    _licences(
        "rs-noc-oklr",
        "No copyright, bound by another law",
        "Pas de droit d’auteur, mais une autre loi",
        "LicenseRef-RS-NoC-OKLR-1.0",
    ),
    _licences(
        "rs-noc-us",
        "No copyright in the United States",
        "Pas de droit d’auteur aux États-Unis",
        "LicenseRef-RS-NoC-US-1.0",
    ),
    _licences("rs-cne", "Copyright not evaluated", "Droit d’auteur non évalué", "LicenseRef-RS-CNE-1.0"),
    _licences("rs-und", "Copyright undetermined", "Droit d’auteur indéterminé", "LicenseRef-RS-UND-1.0"),
    _licences("rs-nkc", "No known copyright", "Pas de droit d’auteur connu", "LicenseRef-RS-NKC-1.0"),
)
_ACTS: Final = (Act.STREAM,)
_KINDS: Final = (
    _kind(
        Kind.PUBLIC_DOMAIN,
        "Declared to be in the public domain",
        "Déclarée du domaine public",
    ),
    _kind(Kind.DEPOSIT, "Deposited by agreement", "Déposée par accord", acts=_ACTS),
    _kind(
        Kind.DELIVERY,
        "Delivered by a label, by its deals",
        "Livrée par un label, selon ses accords",
        acts=_ACTS,
    ),
    _kind(Kind.OWN_WORK, "Given by whoever made it", "Donnée par qui l’a faite", acts=_ACTS),
    _kind(Kind.MANDATE, "The archive’s mandate to preserve", "Le mandat de conservation de l’archive"),
    _kind(Kind.ON_SITE, "To be heard on site only", "À écouter sur place seulement"),
    _kind(Kind.UNKNOWN, "A status that grants nothing", "Un statut qui n’accorde rien"),
    _kind(Kind.RESERVATION, "Mining is reserved", "La fouille est réservée", acts=(Act.MINE,)),
    _kind(
        Kind.WITHDRAWAL,
        "Withdrawn",
        "Retirée",
        acts=(Act.STREAM, Act.DISTRIBUTE, Act.MINE),
    ),
)
_NOTHING: Final = (
    ListedRule(
        "no-basis",
        Group.NOTHING,
        ("Nothing is stated", "Rien n’est déclaré"),
        (Example(None),),
    ),
    ListedRule(
        "term",
        Group.NOTHING,
        ("Dates without a law that is known here", "Des dates sans loi connue ici"),
        (Example(stating(Kind.DATES, dates=Dates(published="1930")), country="JP"),),
    ),
)
LISTED: Final[Mapping[str, ListedRule]] = {
    rule.name: rule for rule in (*_CC, *_OTHERS, *_STATUSES, *_KINDS, *US, *EU, *_NOTHING)
}
