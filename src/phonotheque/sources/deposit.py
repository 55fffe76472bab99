"""Taking in a folder that somebody deposits under a signed agreement: what it lists, as it grants.

Everything is verified before anything is recorded: the signature, the agreement's own sense, and every byte
of every file. Then the files are taken in like those of any folder, so that an interrupted deposit goes on.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from phonotheque.ledger.agreements import (
    Deposit,
    deposit_under,
    finish_deposit,
    granted,
    start_deposit,
)
from phonotheque.ledger.events import record_event
from phonotheque.ledger.files import sightings_of
from phonotheque.model.audio import RefusalKind
from phonotheque.model.batches import IN_A_STATEMENT, batched
from phonotheque.model.errors import NotFoundError, RightsError, UsageError, VerificationError
from phonotheque.model.progress import QUIET, Progress
from phonotheque.model.rights import WORLDWIDE, Act, Answer, Evidence
from phonotheque.rights.decide import decide
from phonotheque.sources.agreement import Agreement, check_agreement, read_agreement
from phonotheque.sources.deposit_files import check_bytes, check_names, listed, parsed
from phonotheque.sources.folder import said
from phonotheque.sources.granted import Basis, Granting
from phonotheque.sources.intake import AddOptions, AddResult, add_folder
from phonotheque.sources.small_files import read_whole
from phonotheque.sources.sshsig import public_keys, verify
from phonotheque.vault.archive import Archive, now, timestamp
from phonotheque.vault.evidence import keep_evidence, read_evidence
from phonotheque.vault.place import open_regular

SOURCE = "deposit"
_NO_FILE = "is neither music nor anything that is kept beside it"
_AGAIN = (RefusalKind.UNREADABLE, RefusalKind.UNSAFE)  # what may be taken in another time
_LARGEST_AGREEMENT = 16 << 20


@dataclass(frozen=True, slots=True)
class Papers:
    """What comes with a folder: the agreement, and what shows that it was signed."""

    agreement: Path
    signature: Path | None = None
    keys: Path | None = None
    document: Path | None = None

    def all(self) -> Iterator[Path]:
        """Yield those that are there."""
        yield from filter(None, (self.agreement, self.signature, self.keys, self.document))


@dataclass(frozen=True, slots=True)
class Deposited:
    """A deposit that was taken in. ``added`` is None if it had been before, and nothing was read again.

    It is finished unless some of its files could not be read this time: then it goes on when it is repeated.
    """

    deposit: Deposit
    agreement: Agreement
    added: AddResult | None


def deposit_folder(
    archive: Archive, folder: Path, papers: Papers, progress: Progress = QUIET, workers: int | None = None
) -> Deposited:
    """Take in a folder under an agreement. The archive's lock must be held.

    Raises UsageError, RightsError or VerificationError, which name the field or the files, with nothing
    recorded; and what ``add_folder`` raises.
    """
    if not folder.is_dir():
        raise NotFoundError(f"{folder} is not a folder.", "Give the folder that is deposited.")
    folder = folder.resolve()
    content = _read(papers.agreement)
    agreement = read_agreement(content, papers.agreement.name)
    name, today = papers.agreement.name, now().date()
    with archive.ledger.connect() as ledger:
        known = deposit_under(ledger, agreement.sha256)
    if known is not None and known.finished_at is not None:
        return Deposited(known, agreement, None)
    check_agreement(agreement, name=name, archive=archive.settings.archive.name, today=today)
    if not archive.settings.mandate.preserve.strip():
        _check_country(agreement, archive.settings.archive.country, name)
    signing = {paper: _read(paper) for paper in (papers.signature, papers.keys) if paper is not None}
    signed_by = _signed_by(content, agreement, papers, signing)
    verified = {paper: hashlib.sha256(text).hexdigest() for paper, text in signing.items()}
    verified[papers.agreement] = agreement.sha256
    if papers.document is not None and agreement.document is not None:
        verified[papers.document] = agreement.document
    files = listed(folder, agreement)
    check_names(folder, files, papers.all(), agreement)
    check_bytes(folder, files, progress)
    return _take_in(archive, folder, papers, agreement, files, signed_by, verified, progress, workers)


def _take_in(
    archive: Archive,
    folder: Path,
    papers: Papers,
    agreement: Agreement,
    files: Mapping[str, str],
    signed_by: str | None,
    verified: Mapping[Path, str],
    progress: Progress,
    workers: int | None,
) -> Deposited:
    for paper in papers.all():
        keep_evidence(archive, paper, verified.get(paper))
    if agreement.manifest:
        keep_evidence(archive, folder / agreement.manifest[0], agreement.manifest[1])
    agent = archive.settings.archive.agent
    with archive.ledger.begin() as ledger:
        deposit = start_deposit(
            ledger,
            agreement_sha256=agreement.sha256,
            depositor=agreement.depositor,
            location=said(folder),
            agent=agent,
            signed_by=signed_by,
            at=timestamp(now()),
        )
    evidence = Evidence(agreement.statements(_evidence(agreement, signed_by)))
    of = {
        os.fsencode(folder / path): (Basis(basis_of(deposit), path, evidence, (("sha256", digest),)),)
        for path, digest in files.items()
    }
    granting = Granting(SOURCE, of, only_these=True)
    added = add_folder(archive, folder, AddOptions(workers=workers), progress, granting=granting)
    if any(added.refused[kind.value] for kind in _AGAIN):
        return Deposited(deposit, agreement, added)
    at = timestamp(now())
    with archive.ledger.begin() as ledger:
        finish_deposit(ledger, deposit.id, at=at)
        record_event(
            ledger,
            at=at,
            kind="policy assignment",
            subject=basis_of(deposit),
            agent=agent,
            detail={"depositor": deposit.depositor, "agreement": agreement.sha256, "files": len(files)},
        )
        finished = deposit_under(ledger, agreement.sha256)
    assert finished is not None
    return Deposited(finished, agreement, added)


def basis_of(deposit: Deposit) -> str:
    """Return how a deposit is named as what a file's rights rest on."""
    return f"{SOURCE}:{deposit.id}"


def untaken(archive: Archive, deposit: Deposit, files: Mapping[str, str]) -> dict[str, str]:
    """Return the files of a deposit that are not in the archive under it, each with the reason."""
    with archive.ledger.connect() as ledger:
        taken = {row.what for row in granted(ledger, basis=basis_of(deposit))}
        missing = {
            os.fsencode(os.path.join(deposit.location, path)): path for path in files if path not in taken
        }
        reasons: dict[str, str] = {}
        for some in batched(missing, IN_A_STATEMENT):
            seen = sightings_of(ledger, some)
            for place in some:
                sighting = seen.get(place)
                why = f"{sighting.outcome}: {sighting.reason}" if sighting else _NO_FILE
                reasons[missing[place]] = why
    return reasons


def agreed(archive: Archive, deposit: Deposit) -> tuple[Agreement, dict[str, str], str]:
    """Return a deposit's agreement, the SHA-256 of each file that it lists, and what its statements quote.

    All from what was kept as evidence. Raises NotFoundError or VerificationError if that is gone or damaged.
    """
    agreement = read_agreement(read_evidence(archive, deposit.agreement_sha256), "the agreement")
    quoted = _evidence(agreement, deposit.signed_by)
    if agreement.manifest is None:
        return agreement, dict(agreement.files), quoted
    name, sha256 = agreement.manifest
    return agreement, parsed(read_evidence(archive, sha256), name), quoted


def _read(path: Path) -> bytes:
    if not path.is_file():
        raise NotFoundError(f"There is no {path}.", "phono deposit --template prints one to fill in.")
    return read_whole(path, limit=_LARGEST_AGREEMENT)


def _check_country(agreement: Agreement, country: str, name: str) -> None:
    keep = [each for each in agreement.statements("agreed") if Act.PRESERVE in each.acts or each.licence]
    where = country or WORLDWIDE
    if decide(keep, Act.PRESERVE, on=now().date(), territory=where).answer is not Answer.YES:
        place = f"they would be kept in {country}" if country else "where the archive is, is not said"
        raise RightsError(
            f"{name}: it does not let this archive keep the files. It is for {agreement.territory} and "
            f"covers {agreement.covers}; {place}.",
            "Set archive.country in phonotheque.toml, or ask for an agreement that covers it.",
        )


def _signed_by(
    content: bytes, agreement: Agreement, papers: Papers, signing: Mapping[Path, bytes]
) -> str | None:
    """Return the fingerprint of the key that signed; None if paper was signed, whose scan is here."""
    if papers.signature is None and agreement.document is None:
        raise RightsError(
            f"{papers.agreement.name} is not signed.",
            "Give --signature and --key (ssh-keygen -Y sign), or name the signed document in [document].",
        )
    if agreement.document is not None:
        _check_document(agreement.document, papers)
    if papers.signature is None:
        return None
    if papers.keys is None:
        raise UsageError(
            "A signature needs a key to compare it with.", "Give --key with the depositor's .pub."
        )
    return verify(content, signing[papers.signature], public_keys(signing[papers.keys]))


def _check_document(wanted: str, papers: Papers) -> None:
    if papers.document is None:
        raise UsageError(
            f"{papers.agreement.name}: [document] names a signed document, which was not given.",
            "Give it with --document.",
        )
    with open_regular(papers.document) as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != wanted:
        raise VerificationError(
            f"{papers.document} is not the signed document: its SHA-256 is {found}, not {wanted}.",
            "Ask the depositor for the document that was signed.",
        )


def _evidence(agreement: Agreement, signed_by: str | None) -> str:
    how = f"signed by the key {signed_by}" if signed_by else f"signed on paper ({agreement.document})"
    return (
        f"Agreement of {agreement.signed} between {agreement.depositor} and {agreement.archive}, {how}; "
        "kept by the archive"
    )
