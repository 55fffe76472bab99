"""What a licence allows: a rule for each family of licences, from a licence and a case to a finding.

Conditions are those of sharing the work as it is, as an original or as an access copy; what is only kept has
none, unless the licence says so of every copy.
"""

from __future__ import annotations

from collections.abc import Callable

from phonotheque.model.rights import Act, Answer
from phonotheque.rights.families import NO_COPYRIGHT_US
from phonotheque.rights.findings import Case, Finding
from phonotheque.rights.licences import Licence
from phonotheque.rights.reasons import because

ATTRIBUTION = "attribution"
SHARE_ALIKE = "share-alike"
NON_COMMERCIAL = "non-commercial"
NO_DERIVATIVES = "no-derivatives"
LICENCE_TEXT = "licence-text"
SOURCE = "source"

PUBLIC = (Act.STREAM, Act.DISTRIBUTE)  # acts that put the work before others

Rule = Callable[[Licence, Case], Finding]


def creative_commons(licence: Licence, case: Case) -> Finding:
    """Creative Commons licences 1.0 to 4.0 and their ports.

    - Grant: 4.0 §2(a)(1) "reproduce and Share the Licensed Material, in whole or in part"; 1.0 to 3.0 §3
      "reproduce", "distribute", "publicly perform" (before 3.0 also "by means of a digital audio
      transmission").
    - Recordings: 4.0 §1 ("Copyright and Similar Rights") names performances, broadcasts and sound
      recordings; 3.0 §1 ("Work") performances, broadcasts and phonograms. 1.0 to 2.5 speak of sound
      recordings in §3 and (2.0, 2.5) §4, "webcasting rights", not of neighbouring rights by name; whoever
      offers their recording under them offers what is needed to do what §3 allows. So no version is decided
      otherwise than another.
    - Other formats: 4.0 §2(a)(4) and 1.0 to 3.0 §3, last paragraph: the rights may be exercised in all media
      and formats, with the modifications that are technically necessary. That is why an access copy is no
      derivative, and ND (4.0 BY-ND §2(a)(1)(B), 3.0 BY-ND §3) allows it.
    - Conditions: attribution 4.0 §3(a), 3.0 §4(b) or (c); share alike 4.0 §3(b), 3.0 §4(b); both apply on
      sharing, not to a copy that is only kept. NC: 4.0 §2(a)(1) "for NonCommercial purposes only", which
      holds for every copy; 3.0 §4(b) or (c). Passing files on without payment is not commercial: 4.0 §1
      ("NonCommercial"), 3.0 §4(b) or (c), both of file-sharing.
    - Royalties: 4.0 §2(b)(3), 3.0 §4 (d) or (e) and 2.0, 2.5 §4 reserve those that no licensor can waive,
      and with NC those for commercial uses. They are owed to collecting societies, and forbid nothing.
    - Mining: reproducing and adapting are granted for any purpose by BY and BY-SA. Whether mining is
      non-commercial is disputed. ND: until 3.0 no adaptation may be made; 4.0 BY-ND §2(a)(1)(B) lets them be
      made and not be shared, and whether what mining yields is one is disputed. NC and ND leave it unknown.
    """
    name = "-".join(("cc", *(e for e in ("by", "nc", "sa", "nd") if e in licence.elements)))
    limits = tuple(
        words
        for element, words in (("nc", NON_COMMERCIAL), ("nd", NO_DERIVATIVES))
        if element in licence.elements
    )
    if case.act is Act.MINE and limits:
        private = limits == (NO_DERIVATIVES,) and licence.version == "4.0"
        key = "adapts-unshared" if private else "limited"
        reason = because(key, licence=licence.id, conditions=" ".join(limits))
        return Finding(Answer.UNKNOWN, name, reason)
    if case.act is Act.PRESERVE:
        kept = (NON_COMMERCIAL,) if "nc" in licence.elements else ()
        return Finding(Answer.YES, name, because("licence-keeps", licence=licence.id), kept)
    duties = tuple(
        words for element, words in (("by", ATTRIBUTION), ("sa", SHARE_ALIKE)) if element in licence.elements
    )
    what = "licence-analyses" if case.act is Act.MINE else "licence-shares"
    return Finding(Answer.YES, name, because(what, licence=licence.id), duties + limits)


def cc_zero(licence: Licence, case: Case) -> Finding:
    """CC0 1.0 §2 (all copyright and related rights are waived), §3 (else an unconditional licence)."""
    return Finding(Answer.YES, "cc0", because("waived", licence=licence.id))


def public_domain_mark(licence: Licence, case: Case) -> Finding:
    """Public Domain Mark 1.0: no licence, but a statement that no known copyright restricts the work.

    It grants nothing; it is evidence of a fact, and as good as whoever applied it. That is why its
    statements keep who asserted them, and why they are of the kind public-domain.
    """
    return Finding(Answer.YES, "pdm", because("marked"))


def public_domain_dedication(licence: Licence, case: Case) -> Finding:
    """Creative Commons Public Domain Dedication and Certification (retired 2010): by the law of the US alone.

    It gives up copyright, or certifies that there is none; it names no related rights, and Creative Commons
    retired it because other laws may not let anybody give rights up so (hence CC0 §3).
    """
    if case.country == "US":
        return Finding(Answer.YES, "cc-pddc", because("dedicated-us", licence=licence.id))
    return Finding(Answer.UNKNOWN, "cc-pddc", because("dedicated-elsewhere", licence=licence.id))


def sampling(licence: Licence, case: Case) -> Finding:
    """Creative Commons Sampling 1.0 (retired 2007) §3: parts may be sampled, the whole may not be copied."""
    return Finding(Answer.UNKNOWN, "cc-sampling", because("samples-only", licence=licence.id))


def sampling_plus(licence: Licence, case: Case) -> Finding:
    """Creative Commons Sampling Plus 1.0, NonCommercial Sampling Plus 1.0 (retired 2011).

    §3: the whole work may be reproduced, performed and distributed for what is not commercial, with credit
    and the licence or its address. Transformed, it may be used as samples are; of mining, no word.
    """
    if case.act is Act.MINE:
        return Finding(Answer.UNKNOWN, "cc-sampling-plus", because("silent-on-mining", licence=licence.id))
    duties = (ATTRIBUTION, LICENCE_TEXT, NON_COMMERCIAL) if case.act in PUBLIC else (NON_COMMERCIAL,)
    return Finding(Answer.YES, "cc-sampling-plus", because("shares-whole", licence=licence.id), duties)


def developing_nations(licence: Licence, case: Case) -> Finding:
    """Creative Commons Developing Nations 2.0 (retired 2007) §3: granted in developing nations only.

    Those are all that the World Bank does not hold to be of high income, on the day of the use (§1): a list
    that changes every year, which is not kept here.
    """
    return Finding(Answer.UNKNOWN, "cc-devnations", because("developing-only", licence=licence.id))


def gpl_family(licence: Licence, case: Case) -> Finding:
    """GNU GPL, LGPL and AGPL, applied to music as to any work.

    - Copies that are not passed on: GPL-3.0 §2 "make, run and propagate covered works that you do not convey,
      without conditions"; GPL-2.0 §0 and §1.
    - Passing on: GPL-3.0 §4 to §6, GPL-2.0 §1 to §3 (LGPL-2.1 §1 to §4; AGPL-3.0 §4 to §6, §13): with the
      notices, the licence's text, the same terms, and the source, which for a recording is at least the
      master. An access copy is a modified form and goes out under the same terms.
    - Mining: the licences do not speak of it, and whether a model is a work based on the recording is open.
    """
    match case.act:
        case Act.PRESERVE:
            return Finding(Answer.YES, "gpl", because("licence-keeps", licence=licence.id))
        case Act.STREAM | Act.DISTRIBUTE:
            duties = (ATTRIBUTION, SHARE_ALIKE, LICENCE_TEXT, SOURCE)
            return Finding(Answer.YES, "gpl", because("gpl-passes-on", licence=licence.id), duties)
        case Act.MINE:
            return Finding(Answer.UNKNOWN, "gpl", because("silent-on-mining", licence=licence.id))


def gfdl(licence: Licence, case: Case) -> Finding:
    """GNU Free Documentation License 1.1 to 1.3, for "any manual or other work" (1.2, 1.3 §1).

    §2: verbatim copies in any medium may be made and passed on, with the licence and its notices, and nothing
    that obstructs reading or copying; what is changed (§4) stays under it. Of mining, no word.
    """
    if case.act is Act.MINE:
        return Finding(Answer.UNKNOWN, "gfdl", because("silent-on-mining", licence=licence.id))
    duties = (ATTRIBUTION, SHARE_ALIKE, LICENCE_TEXT) if case.act in PUBLIC else ()
    return Finding(Answer.YES, "gfdl", because("licence-shares", licence=licence.id), duties)


def free_art(licence: Licence, case: Case) -> Finding:
    """Free Art Licence 1.2 and 1.3: §2.1 freedom to copy, §2.2 freedom to distribute and perform.

    §2.2 asks for the licence, the author's name and where the originals are; §2.3 for the same licence on
    what is changed. Mining is not spoken of.
    """
    if case.act is Act.MINE:
        return Finding(Answer.UNKNOWN, "free-art", because("silent-on-mining", licence=licence.id))
    duties = (ATTRIBUTION, SHARE_ALIKE, LICENCE_TEXT) if case.act in PUBLIC else ()
    return Finding(Answer.YES, "free-art", because("free-art", licence=licence.id), duties)


def open_audio(licence: Licence, case: Case) -> Finding:
    """EFF Open Audio License 1.0, of a recording and the music on it alike (§II).

    §II(1): to access, copy, distribute, modify and perform it in any format; (2): with the notice "(O)" and
    the author's name; (3): what contains it is as a whole under the same terms, and a mere collection is not.
    """
    duties = () if case.act is Act.PRESERVE else (ATTRIBUTION, SHARE_ALIKE)
    return Finding(Answer.YES, "open-audio", because("licence-shares", licence=licence.id), duties)


def design_science(licence: Licence, case: Case) -> Finding:
    """Design Science License, for any work: §2 performing, §3 copying and distributing, §4 changing.

    §3: with the notices, the licence and, of what is no source, the source, which of a recording is what it
    was made from; §4: under the same terms. Of mining, no word.
    """
    if case.act is Act.MINE:
        return Finding(Answer.UNKNOWN, "design-science", because("silent-on-mining", licence=licence.id))
    duties = (ATTRIBUTION, SHARE_ALIKE, LICENCE_TEXT, SOURCE) if case.act in PUBLIC else ()
    return Finding(Answer.YES, "design-science", because("licence-shares", licence=licence.id), duties)


def with_notice(licence: Licence, case: Case) -> Finding:
    """Licences that ask for their notice alone: MIT (Expat), X11, ISC, BSD, NCSA, Boost, zlib, Apache 2.0.

    They let anybody use, copy, change and pass on what they are put on, for any purpose: MIT ("to deal in the
    Software without restriction"), ISC ("for any purpose"), BSD ("redistribution and use"), zlib ("for any
    purpose … and redistribute it freely"), Apache 2.0 §2, which is of any work of authorship. All but Apache
    speak of software "and associated documentation": who puts music under them, file by file, has nothing
    else that they could be about. Their notice, with the holder's name, goes with every copy passed on.
    """
    key = "notice-work" if licence.id == "Apache-2.0" else "notice-software"
    duties = () if case.act is Act.PRESERVE else (ATTRIBUTION, LICENCE_TEXT)
    return Finding(Answer.YES, "notice", because(key, licence=licence.id), duties)


def unconditional(licence: Licence, case: Case) -> Finding:
    """Licences without a condition: 0BSD and MIT-0 (no notice), WTFPL 2 §0, the Unlicense (a dedication)."""
    return Finding(Answer.YES, "unconditional", because("unconditional", licence=licence.id))


def with_source(licence: Licence, case: Case) -> Finding:
    """Artistic 2.0 §1, §2 and §5, MPL 2.0 §2.1, §3.1 and §3.2: passed on with notices and with the source.

    The source of a recording is at least the master. Both allow any use of a copy that is not passed on.
    """
    further = (SOURCE,) if case.act in PUBLIC else ()
    duties = () if case.act is Act.PRESERVE else (ATTRIBUTION, LICENCE_TEXT, *further)
    return Finding(Answer.YES, "with-source", because("notice-software", licence=licence.id), duties)


def font_licence(licence: Licence, case: Case) -> Finding:
    """SIL Open Font License 1.0 and 1.1: "Font Software" alone; on music it grants nothing sure."""
    return Finding(Answer.UNKNOWN, "font", because("fonts-only", licence=licence.id))


def artist_permission(licence: Licence, case: Case) -> Finding:
    """What artists let their listeners record and trade: concerts in the Live Music Archive and their like.

    A licence needs no form (17 USC 101, "transfer", and 204(a): those that are not exclusive need no
    writing). What artists allow there is circulation without money: copies to keep, to play to others and to
    pass on, with the artist's name. Of mining, no word. An artist who takes it back asks for a withdrawal.
    """
    if case.act is Act.MINE:
        return Finding(Answer.UNKNOWN, "artist-permission", because("artist-mining"))
    duties = (ATTRIBUTION, NON_COMMERCIAL) if case.act in PUBLIC else (NON_COMMERCIAL,)
    return Finding(Answer.YES, "artist-permission", because("artist-allows"), duties)


def status(licence: Licence, case: Case) -> Finding:
    """The twelve statements of rightsstatements.org 1.0: what somebody holds the status of a work to be.

    They are no licences and grant nothing. One says that the law of one country leaves the work free: No
    Copyright – United States, which says nothing of any other.
    """
    code = licence.id.removeprefix("LicenseRef-RS-").removesuffix("-1.0")
    rule = f"rs-{code.lower()}"
    if licence.id == NO_COPYRIGHT_US and case.country != "US":
        return Finding(Answer.UNKNOWN, rule, because("rs-NoC-US-elsewhere"))
    answer = Answer.YES if licence.id == NO_COPYRIGHT_US else Answer.UNKNOWN
    return Finding(answer, rule, because(f"rs-{code}"))


def without_rule(licence: Licence, case: Case) -> Finding:
    """A licence that the SPDX list knows and that nobody has written a rule for yet."""
    return Finding(Answer.UNKNOWN, "no-rule", because("no-rule", licence=licence.id))


RULES: dict[str, Rule] = {
    "cc": creative_commons,
    "cc0": cc_zero,
    "pdm": public_domain_mark,
    "pddc": public_domain_dedication,
    "sampling": sampling,
    "sampling-plus": sampling_plus,
    "devnations": developing_nations,
    "gpl": gpl_family,
    "gfdl": gfdl,
    "free-art": free_art,
    "open-audio": open_audio,
    "design-science": design_science,
    "notice": with_notice,
    "unconditional": unconditional,
    "with-source": with_source,
    "font": font_licence,
    "artist": artist_permission,
    "status": status,
    "other": without_rule,
}
BY_COUNTRY = ("pddc", "status")  # families whose answer is not the same everywhere
