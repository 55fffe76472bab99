"""Which rule decides a licence whose name does not say it, and ids for what the SPDX list leaves out.

Ids that begin with ``LicenseRef-`` are ours, in the form that SPDX leaves for such (SPDX 3.0.1, Annex B).
"""

from __future__ import annotations

from dataclasses import dataclass

ARTIST_PERMISSION = "LicenseRef-artist-permission-NC"
OPEN_AUDIO = "LicenseRef-EFF-OAL-1.0"
DESIGN_SCIENCE = "LicenseRef-DSL"

# SPDX ids by family, a rule of rights/licence_rules.py each. What is not here has no rule.
_FAMILIES = {
    "notice": "MIT X11 ISC BSD-1-Clause BSD-2-Clause BSD-3-Clause BSD-4-Clause BSL-1.0 Zlib NCSA Apache-2.0",
    "unconditional": "0BSD MIT-0 WTFPL Unlicense",
    "with-source": "Artistic-2.0 MPL-2.0",
    "gfdl": " ".join(
        f"GFDL-1.{minor}{invariants}-{later}"
        for minor in (1, 2, 3)
        for invariants in ("", "-no-invariants", "-invariants")
        for later in ("only", "or-later")
    ),
    "font": "OFL-1.0 OFL-1.1 OFL-1.1-no-RFN OFL-1.1-RFN OFL-1.0-no-RFN OFL-1.0-RFN",
    "pddc": "CC-PDDC",
}
FAMILY_OF = {spdx: family for family, ids in _FAMILIES.items() for spdx in ids.split()}

# Other names for some of them, in small letters: Debian's (DEP-5 §7.1), and common ones.
ALIASES = {
    "expat": "MIT",
    "zlib/libpng": "Zlib",
    "apache-2": "Apache-2.0",
    "artistic-2": "Artistic-2.0",
    "mpl-2": "MPL-2.0",
    "wtfpl-2": "WTFPL",
    "dsl": DESIGN_SCIENCE,
    "design science license": DESIGN_SCIENCE,
    "eff open audio license": OPEN_AUDIO,
    "wtfpl-2.0": "WTFPL",
    **{
        f"gfdl{niv}-{version}{plus}": f"GFDL-{version}{'-no-invariants' if niv else ''}-{later}"
        for niv in ("", "-niv")
        for version in ("1.1", "1.2", "1.3")
        for plus, later in (("", "only"), ("+", "or-later"))
    },
}


@dataclass(frozen=True, slots=True)
class Own:
    """What the SPDX list has no id for: our id's family, its name for people, and its address."""

    family: str
    name: str
    uri: str


# rightsstatements.org 1.0: twelve statements about the status of a work.
_STATUSES = {
    "InC": "In Copyright",
    "InC-OW-EU": "In Copyright – EU Orphan Work",
    "InC-EDU": "In Copyright – Educational Use Permitted",
    "InC-NC": "In Copyright – Non-Commercial Use Permitted",
    "InC-RUU": "In Copyright – Rights-Holder(s) Unlocatable or Unidentifiable",
    "NoC-CR": "No Copyright – Contractual Restrictions",
    "NoC-NC": "No Copyright – Non-Commercial Use Only",
    "NoC-OKLR": "No Copyright – Other Known Legal Restrictions",
    "NoC-US": "No Copyright – United States",
    "CNE": "Copyright Not Evaluated",
    "UND": "Copyright Undetermined",
    "NKC": "No Known Copyright",
}
STATUS_IDS = {code.lower(): f"LicenseRef-RS-{code}-1.0" for code in _STATUSES}
NO_COPYRIGHT_US = STATUS_IDS["noc-us"]

# Creative Commons licences that were withdrawn, by the path of their address.
RETIRED_IDS = {
    "sampling": "LicenseRef-CC-Sampling-1.0",
    "sampling+": "LicenseRef-CC-Sampling-Plus-1.0",
    "nc-sampling+": "LicenseRef-CC-NC-Sampling-Plus-1.0",
    "devnations": "LicenseRef-CC-DevNations-2.0",
}
_CC = "https://creativecommons.org/licenses"

OWN: dict[str, Own] = {
    **{
        STATUS_IDS[code.lower()]: Own("status", name, f"http://rightsstatements.org/vocab/{code}/1.0/")
        for code, name in _STATUSES.items()
    },
    RETIRED_IDS["sampling"]: Own("sampling", "Creative Commons Sampling 1.0", f"{_CC}/sampling/1.0/"),
    RETIRED_IDS["sampling+"]: Own(
        "sampling-plus", "Creative Commons Sampling Plus 1.0", f"{_CC}/sampling+/1.0/"
    ),
    RETIRED_IDS["nc-sampling+"]: Own(
        "sampling-plus", "Creative Commons NonCommercial Sampling Plus 1.0", f"{_CC}/nc-sampling+/1.0/"
    ),
    RETIRED_IDS["devnations"]: Own(
        "devnations", "Creative Commons Developing Nations 2.0", f"{_CC}/devnations/2.0/"
    ),
    OPEN_AUDIO: Own(
        "open-audio", "EFF Open Audio License 1.0", "http://www.eff.org/IP/Open_licenses/eff_oal.html"
    ),
    DESIGN_SCIENCE: Own("design-science", "Design Science License", "https://www.gnu.org/licenses/dsl.html"),
    ARTIST_PERMISSION: Own(
        "artist",
        "The artist's permission, non-commercial",
        "https://archive.org/details/etree",
    ),
}
OWN_IDS = {own.lower(): own for own in OWN}
