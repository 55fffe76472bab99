"""The words in which terms of protection are explained: (English, French), by key.

They are part of rights/wording.py.
"""

from __future__ import annotations

from phonotheque.rights.wording_dates import DATE_REASONS

TERM_REASONS: dict[str, tuple[str, str]] = {
    # --- where, and from which day: rights/terms.py ---
    "free-us": (
        "It has been free in the United States since {day}.",
        "Elle est libre aux États-Unis depuis le {day}.",
    ),
    "free-eu": (
        "It has been free in the European Union since {day}.",
        "Elle est libre dans l’Union européenne depuis le {day}.",
    ),
    "free-fr": (
        "It has been free in France since {day}.",
        "Elle est libre en France depuis le {day}.",
    ),
    "free-es": (
        "It has been free in Spain since {day}.",
        "Elle est libre en Espagne depuis le {day}.",
    ),
    "free-by-us": (
        "It has been free in the United States since {day} at the latest.",
        "Elle est libre aux États-Unis depuis le {day} au plus tard.",
    ),
    "free-by-eu": (
        "It has been free in the European Union since {day} at the latest.",
        "Elle est libre dans l’Union européenne depuis le {day} au plus tard.",
    ),
    "free-by-fr": (
        "It has been free in France since {day} at the latest.",
        "Elle est libre en France depuis le {day} au plus tard.",
    ),
    "free-by-es": (
        "It has been free in Spain since {day} at the latest.",
        "Elle est libre en Espagne depuis le {day} au plus tard.",
    ),
    "protected-us": (
        "It is protected in the United States, and free from {day} on.",
        "Elle est protégée aux États-Unis et sera libre à partir du {day}.",
    ),
    "protected-eu": (
        "It is protected in the European Union, and free from {day} on.",
        "Elle est protégée dans l’Union européenne et sera libre à partir du {day}.",
    ),
    "protected-fr": (
        "It is protected in France, and free from {day} on.",
        "Elle est protégée en France et sera libre à partir du {day}.",
    ),
    "protected-es": (
        "It is protected in Spain, and free from {day} on.",
        "Elle est protégée en Espagne et sera libre à partir du {day}.",
    ),
    "perhaps-us": (
        "It may be protected in the United States, and is free from {day} on at the latest.",
        "Elle est peut-être protégée aux États-Unis et sera libre au plus tard le {day}.",
    ),
    "perhaps-eu": (
        "It may be protected in the European Union, and is free from {day} on at the latest.",
        "Elle est peut-être protégée dans l’Union européenne et sera libre au plus tard le {day}.",
    ),
    "perhaps-fr": (
        "It may be protected in France, and is free from {day} on at the latest.",
        "Elle est peut-être protégée en France et sera libre au plus tard le {day}.",
    ),
    "perhaps-es": (
        "It may be protected in Spain, and is free from {day} on at the latest.",
        "Elle est peut-être protégée en Espagne et sera libre au plus tard le {day}.",
    ),
    # --- what a term is reckoned from: rights/us.py ---
    "us-1401-i": (
        (
            "A sound recording published in {year}, before 1923, was protected until the end of 2021 (17 "
            "USC 1401(a)(2)(B)(i))."
        ),
        (
            "Un enregistrement sonore publié en {year}, avant 1923, était protégé jusqu’à la fin de 2021 "
            "(17 USC 1401(a)(2)(B)(i))."
        ),
    ),
    "us-1401-ii": (
        "A sound recording published in {year} has 95 years and 5 more (17 USC 1401(a)(2)(B)(ii)).",
        (
            "Un enregistrement sonore publié en {year} est protégé 95 ans, plus 5 ans (17 USC "
            "1401(a)(2)(B)(ii))."
        ),
    ),
    "us-1401-iii": (
        "A sound recording published in {year} has 95 years and 15 more (17 USC 1401(a)(2)(B)(iii)).",
        (
            "Un enregistrement sonore publié en {year} est protégé 95 ans, plus 15 ans (17 USC "
            "1401(a)(2)(B)(iii))."
        ),
    ),
    "us-1401-iv": (
        (
            "A sound recording fixed before 15 February 1972, and not published before 1957, is protected "
            "until 15 February 2067 (17 USC 1401(a)(2)(B)(iv))."
        ),
        (
            "Un enregistrement sonore fixé avant le 15 février 1972 et non publié avant 1957 est protégé "
            "jusqu’au 15 février 2067 (17 USC 1401(a)(2)(B)(iv))."
        ),
    ),
    "us-75-years": (
        "A work published in {year}, before 1923, had 75 years at most (17 USC 304 before Pub. L. 105-298).",
        (
            "Une œuvre publiée en {year}, avant 1923, était protégée au plus 75 ans (17 USC 304 avant la "
            "loi 105-298)."
        ),
    ),
    "us-95-years": (
        (
            "A work published in {year} with a notice, and renewed where that was needed, has 95 years (17 "
            "USC 304)."
        ),
        (
            "Une œuvre publiée en {year} avec une mention de réserve, et renouvelée s’il le fallait, est "
            "protégée 95 ans (17 USC 304)."
        ),
    ),
    "us-life": (
        "The last of its authors died in {year}; it has 70 years from then (17 USC 302(a) and (b)).",
        (
            "Le dernier de ses auteurs est mort en {year} ; elle est protégée 70 ans après (17 USC 302(a) "
            "et (b))."
        ),
    ),
    "us-hire-95": (
        "A work made for hire, or anonymous, has 95 years from its publication in {year} (17 USC 302(c)).",
        (
            "Une œuvre faite sur commande ou par un salarié, ou anonyme, est protégée 95 ans après sa "
            "publication en {year} (17 USC 302(c))."
        ),
    ),
    "us-hire-120": (
        "A work made for hire, or anonymous, has 120 years from its creation in {year} (17 USC 302(c)).",
        (
            "Une œuvre faite sur commande ou par un salarié, ou anonyme, est protégée 120 ans après sa "
            "création en {year} (17 USC 302(c))."
        ),
    ),
    "us-303-unpublished": (
        (
            "What was created before 1978, and not published by 2002, was protected until the end of 2002 "
            "at least (17 USC 303(a))."
        ),
        (
            "Ce qui a été créé avant 1978, et n’était pas publié à la fin de 2002, était protégé au moins "
            "jusqu’à la fin de 2002 (17 USC 303(a))."
        ),
    ),
    "us-303-published": (
        (
            "What was created before 1978, and first published from 1978 to 2002, is protected until the "
            "end of 2047 at least (17 USC 303(a))."
        ),
        (
            "Ce qui a été créé avant 1978, et publié pour la première fois de 1978 à 2002, est protégé au "
            "moins jusqu’à la fin de 2047 (17 USC 303(a))."
        ),
    ),
    # --- rights/eu.py ---
    "eu-50-published": (
        (
            "A phonogram published in {year} had 50 years, which were over on 1 November 2013 (2006/116/EC "
            "art. 3(2) and 10(5))."
        ),
        (
            "Un phonogramme publié en {year} était protégé 50 ans, achevés au 1er novembre 2013 "
            "(2006/116/CE, art. 3, par. 2, et 10, par. 5)."
        ),
    ),
    "eu-50-communicated": (
        (
            "A phonogram first communicated to the public in {year} had 50 years, which were over on 1 "
            "November 2013 (2006/116/EC art. 3(2) and 10(5))."
        ),
        (
            "Un phonogramme communiqué au public pour la première fois en {year} était protégé 50 ans, "
            "achevés au 1er novembre 2013 (2006/116/CE, art. 3, par. 2, et 10, par. 5)."
        ),
    ),
    "eu-70-published": (
        "A phonogram published in {year} has 70 years (2006/116/EC art. 3(2)).",
        "Un phonogramme publié en {year} est protégé 70 ans (2006/116/CE, art. 3, par. 2).",
    ),
    "eu-70-communicated": (
        "A phonogram first communicated to the public in {year} has 70 years (2006/116/EC art. 3(2)).",
        (
            "Un phonogramme communiqué au public pour la première fois en {year} est protégé 70 ans "
            "(2006/116/CE, art. 3, par. 2)."
        ),
    ),
    "eu-50-fixed": (
        (
            "A phonogram fixed in {year}, and neither published nor communicated to the public within 50 "
            "years, has those (2006/116/EC art. 3(2))."
        ),
        (
            "Un phonogramme fixé en {year}, ni publié ni communiqué au public dans les 50 ans, est protégé "
            "pendant ceux-ci (2006/116/CE, art. 3, par. 2)."
        ),
    ),
    "eu-fixed": (
        (
            "When a phonogram fixed in {year} was released is not known; it has no more than if that was "
            "50 years later (2006/116/EC art. 3(2))."
        ),
        (
            "On ne sait pas quand ce phonogramme fixé en {year} est sorti ; il n’est pas protégé plus "
            "longtemps que s’il était sorti 50 ans plus tard (2006/116/CE, art. 3, par. 2)."
        ),
    ),
    "eu-life": (
        "The last of its authors died in {year}; it has 70 years from then (2006/116/EC art. 1).",
        (
            "Le dernier de ses auteurs est mort en {year} ; elle est protégée 70 ans après (2006/116/CE, "
            "art. 1er)."
        ),
    ),
    "eu-life-words": (
        (
            "The last of the authors of its words and music died in {year}; it has 70 years from then "
            "(2006/116/EC art. 1(7))."
        ),
        (
            "Le dernier des auteurs des paroles et de la musique est mort en {year} ; elle est protégée 70 "
            "ans après (2006/116/CE, art. 1er, par. 7)."
        ),
    ),
    "eu-life-music": (
        (
            "The last of its composers died in {year}; it has 70 years from then (2006/116/EC art. 1(1) "
            "and (2))."
        ),
        (
            "Le dernier de ses compositeurs est mort en {year} ; elle est protégée 70 ans après "
            "(2006/116/CE, art. 1er, par. 1 et 2)."
        ),
    ),
    "eu-first-published": (
        (
            "It was first published in {year}, after its authors' term; who published it has 25 years "
            "(2006/116/EC art. 4)."
        ),
        (
            "Elle a été publiée pour la première fois en {year}, après la durée de protection de ses "
            "auteurs ; qui l’a publiée a 25 ans (2006/116/CE, art. 4)."
        ),
    ),
    "eu-anonymous": (
        "An anonymous work made available in {year} has 70 years (2006/116/EC art. 1(3)).",
        (
            "Une œuvre anonyme rendue accessible au public en {year} est protégée 70 ans (2006/116/CE, "
            "art. 1er, par. 3)."
        ),
    ),
    "eu-anonymous-fixed": (
        (
            "An anonymous work created in {year} has 70 years from being made available, if that was "
            "within 70 years (2006/116/EC art. 1(3) and (6))."
        ),
        (
            "Une œuvre anonyme créée en {year} est protégée 70 ans après avoir été rendue accessible au "
            "public, si elle l’a été dans les 70 ans (2006/116/CE, art. 1er, par. 3 et 6)."
        ),
    ),
    "eu-anonymous-unreleased": (
        (
            "An anonymous work created in {year}, and not made available within 70 years, has those "
            "(2006/116/EC art. 1(6))."
        ),
        (
            "Une œuvre anonyme créée en {year}, et non rendue accessible au public dans les 70 ans, est "
            "protégée pendant ceux-ci (2006/116/CE, art. 1er, par. 6)."
        ),
    ),
    "fr-wars": (
        (
            "70 years from {year}, and what France adds for the wars (Code de la propriété intellectuelle "
            "L123-8 and L123-9), as far as the work is not known to be later."
        ),
        (
            "70 ans à compter de {year}, plus les prorogations de guerre (Code de la propriété "
            "intellectuelle, L123-8 et L123-9), à moins que l’œuvre ne soit connue comme postérieure."
        ),
    ),
    "fr-wars-fallen": (
        (
            "70 years from {year}, what France adds for the wars, and 30 years in case an author died for "
            "France (Code de la propriété intellectuelle L123-8 to L123-10)."
        ),
        (
            "70 ans à compter de {year}, plus les prorogations de guerre, et 30 ans au cas où un auteur "
            "serait mort pour la France (Code de la propriété intellectuelle, L123-8 à L123-10)."
        ),
    ),
    "es-80": (
        (
            "The last of its authors died in {year}, before 7 December 1987; in Spain it has 80 years from "
            "then (Real Decreto Legislativo 1/1996, disposición transitoria cuarta)."
        ),
        (
            "Le dernier de ses auteurs est mort en {year}, avant le 7 décembre 1987 ; elle est protégée 80 "
            "ans en Espagne (Real Decreto Legislativo 1/1996, disposición transitoria cuarta)."
        ),
    ),
    "es-80-1987": (
        (
            "The last of its authors died in {year}, on what day is not known; taken as before 7 December "
            "1987, in Spain it has 80 years from then (Real Decreto Legislativo 1/1996, disposición "
            "transitoria cuarta)."
        ),
        (
            "Le dernier de ses auteurs est mort en {year}, un jour qui n’est pas connu ; si l’on suppose que "
            "c’était avant le 7 décembre 1987, elle est protégée 80 ans en Espagne (Real Decreto Legislativo "
            "1/1996, disposición transitoria cuarta)."
        ),
    ),
    # --- what is missing ---
    "no-law": (
        "No term of protection is known here for every country that is asked about.",
        "La durée de protection n’est pas connue ici pour tous les pays demandés.",
    ),
    "missing-dates": (
        "It states dates, but none is recorded.",
        "C’est une déclaration de dates, mais aucune n’y figure.",
    ),
    "missing-published": (
        "When and where it was first published, or that it never was, is not recorded.",
        (
            "La date et le lieu de sa première publication, ou le fait qu’elle ne l’a jamais été, ne sont "
            "pas enregistrés."
        ),
    ),
    "missing-published-copies": (
        "When copies of the music itself were first published, which records are not, is not recorded.",
        "La première publication de la musique elle-même (un disque n’en est pas une) n’est pas enregistrée.",
    ),
    "missing-fixed": (
        "When it was recorded or written down is not known.",
        "On ne sait pas quand elle a été fixée.",
    ),
    "missing-published-or-fixed": (
        "Neither when it was first published nor when it was recorded or written down is known.",
        "On ne sait ni quand elle a été publiée pour la première fois ni quand elle a été fixée.",
    ),
    "missing-deaths": (
        "When its authors died is not recorded.",
        "L’année de décès de ses auteurs n’est pas enregistrée.",
    ),
    "missing-all-deaths": (
        "It is not recorded that the deaths of all its authors are known.",
        "Rien n’indique que les décès de tous ses auteurs soient connus.",
    ),
    "missing-authors": (
        "Neither when its authors died, nor that it was made for hire or is anonymous, is recorded.",
        (
            "Ni le décès de ses auteurs, ni le fait qu’elle soit anonyme ou faite sur commande ou par un "
            "salarié, ne sont enregistrés."
        ),
    ),
    "missing-for-hire": (
        "Whether it was made for hire is not recorded.",
        "On ignore si elle a été faite sur commande ou par un salarié.",
    ),
    **DATE_REASONS,
}
