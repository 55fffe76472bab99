"""phono deposit: what an agreement lists, with exactly what it grants, or nothing; and a receipt."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest

from phonotheque.sources import deposit, intake
from phonotheque.sources.agreement import TEMPLATE
from phonotheque.sources.deposit_files import check_bytes
from phonotheque.sources.granted import record_bases
from phonotheque.vault.archive import open_archive
from phonotheque.vault.evidence import read_evidence
from tests.cli.conftest import Phono, Ran
from tests.sources.conftest import in_process as in_process
from tests.sources.test_sshsig import make_key, needs_ssh, sign
from tests.tones import flac

pytestmark = pytest.mark.usefixtures("own_settings", "in_process")

AGREEMENT = """
[deposit]
archive = "Our Archive"
depositor = "Ann Field"
contact = "ann@example.org"
holder = "Ann Field"
kind = "own-work"
signed = 2026-01-31

[grant]
acts = ["preserve", "stream", "distribute"]
conditions = ["attribution"]
covers = "both"
territory = "WORLD"
mining = "reserved"
"""


@pytest.fixture
def place(phono: Phono, tmp_path: Path) -> Path:
    """The folder of an archive."""
    assert phono("init", tmp_path / "archive", "--name", "Our Archive").code == 0
    return tmp_path / "archive"


class Desk:
    """A depositor's desk: a folder of music, papers, and a way to hand them over."""

    def __init__(self, phono: Phono, place: Path, tmp_path: Path) -> None:
        self.phono, self.place = phono, place
        self.folder = tmp_path / "songs"
        self.agreement = tmp_path / "agreement.toml"
        self.scan = tmp_path / "scan.pdf"
        flac(self.folder / "01.flac", 1, {"title": "Opening", "artist": "Ann Field"})
        flac(self.folder / "deep" / "02.flac", 2, {"title": "Closing", "artist": "Ann Field"})
        self.scan.write_bytes(b"%PDF a signed page")
        self.write()

    def write(self, text: str = AGREEMENT, *, more: str = "", files: str | None = None) -> None:
        """Write an agreement that is signed on paper, and lists the folder as it is."""
        document = f'\n[document]\nsha256 = "{sha256(self.scan)}"\n'
        self.agreement.write_text(text + document + (self.listed() if files is None else files) + more)

    def listed(self) -> str:
        ran = self.phono("deposit", "--manifest", self.folder)
        assert ran.code == 0, ran.err
        return "\n" + ran.out

    def hand_over(self, *more: object) -> Ran:
        papers = more or ("--document", self.scan)
        return self.phono(
            "deposit", self.place, self.folder, "--agreement", self.agreement, *papers, "--json"
        )

    def known(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.phono("rights", "list", self.place, "--all", "--json").data[
            "files"
        ]
        return found

    def nothing_recorded(self) -> bool:
        return not self.known() and not (self.place / "vault" / "evidence").exists()


@pytest.fixture
def desk(phono: Phono, place: Path, tmp_path: Path) -> Desk:
    return Desk(phono, place, tmp_path)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_exactly_what_was_granted(desk: Desk) -> None:
    done = desk.hand_over()
    assert done.code == 0, done.err
    answers = {
        each["file"]: {act: said["answer"] for act, said in each["decisions"].items()}
        for each in desk.known()
    }
    expected = {"preserve": "yes", "stream": "yes", "distribute": "yes", "mine": "no"}
    assert answers == {"01.flac": expected, "deep/02.flac": expected}
    archive = open_archive(desk.place)
    assert read_evidence(archive, sha256(desk.agreement)) == desk.agreement.read_bytes()
    assert read_evidence(archive, sha256(desk.scan)) == desk.scan.read_bytes()
    archive.close()


def test_the_receipt(desk: Desk, tmp_path: Path) -> None:
    receipt = desk.hand_over("--document", desk.scan, "--receipt", tmp_path / "receipt").data
    assert json.loads((tmp_path / "receipt" / "receipt.json").read_text()) == {
        name: value for name, value in receipt.items() if name not in ("receipt", "again")
    }
    assert [(each["path"], each["sha256"], each["held"], each["granted"]) for each in receipt["files"]] == [
        (path, sha256(desk.folder / path), True, [0, 1]) for path in ("01.flac", "deep/02.flac")
    ]
    work, reservation = receipt["granted"]
    assert (work["kind"], work["acts"], work["conditions"]) == (
        "own-work",
        ["preserve", "stream", "distribute"],
        ["attribution"],
    )
    assert (work["valid_from"], work["stated_at"]) == ("2026-01-31", "2026-01-31")
    assert (reservation["kind"], reservation["acts"]) == ("reservation", ["mine"])
    assert receipt["agreement_sha256"] == sha256(desk.agreement)
    assert (receipt["complete"], receipt["not_taken"], len(receipt["accessions"])) == (True, [], 1)
    page = (tmp_path / "receipt" / "receipt.html").read_text()
    for words in (
        *("01.flac", sha256(desk.folder / "01.flac"), receipt["id"], 'lang="fr"', "phono receipt check"),
        *("preserve, stream, distribute", "How to take something back", "is reserved"),
        *("conserver, diffuser en flux, distribuer", "Comment retirer quelque chose", "est réservée"),
    ):
        assert words in page
    assert "http" not in page.replace("http-equiv", "")
    for private in ("ann@example.org", str(tmp_path)):
        assert private not in page + json.dumps(receipt["granted"] + receipt["files"])


def test_twice_is_the_same(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    once = desk.hand_over().data
    monkeypatch.setattr(deposit, "check_bytes", None)  # nothing is read again
    twice = desk.hand_over().data
    assert twice | {"again": False} == once
    assert len(desk.known()) == 2


@needs_ssh
def test_signed_with_a_key(desk: Desk, tmp_path: Path) -> None:
    key = make_key(tmp_path)
    desk.agreement.write_text(AGREEMENT + desk.listed())
    unsigned = desk.hand_over("--key", tmp_path / "key.pub")
    assert (unsigned.code, "is not signed" in unsigned.err) == (6, True)
    signature = sign(key, desk.agreement)
    other = make_key(tmp_path, "other")
    by_other = desk.hand_over("--signature", signature, "--key", f"{other}.pub")
    assert (by_other.code, "not by SHA256:" in by_other.err) == (4, True)
    without = desk.hand_over("--signature", signature)
    assert (without.code, "--key" in without.err) == (2, True)
    text = desk.agreement.read_text()
    desk.agreement.write_text(text.replace("2026-01-31", "2026-01-30"))
    changed = desk.hand_over("--signature", signature, "--key", f"{key}.pub")
    assert (changed.code, "changed since it was signed" in changed.err) == (4, True)
    assert desk.nothing_recorded()
    desk.agreement.write_text(text)
    done = desk.hand_over("--signature", signature, "--key", f"{key}.pub")
    assert done.code == 0, done.err
    assert done.data["signed_by"].startswith("SHA256:")
    assert done.data["signed_by"] in done.data["granted"][0]["evidence"]


def test_the_list_is_one_that_sha256sum_checks(desk: Desk) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("sha256sum is not here")
    command = ["sha256sum", "--check", "--strict", "--quiet", "manifest-sha256.txt"]
    subprocess.run(command, cwd=desk.folder, check=True)


def test_files_may_be_listed_in_the_agreement_itself(desk: Desk) -> None:
    (desk.folder / "manifest-sha256.txt").unlink()
    files = "".join(
        f'\n[[files]]\npath = "{path}"\nsha256 = "{sha256(desk.folder / path).upper()}"\n'
        for path in ("01.flac", "deep/02.flac")
    )
    desk.write(files=files)
    assert desk.hand_over().code == 0
    assert len(desk.known()) == 2


def test_papers_in_the_folder_are_no_part_of_the_deposit(desk: Desk, tmp_path: Path) -> None:
    inside = desk.folder / "agreement.toml"
    shutil.copy(desk.agreement, inside)
    shutil.copy(desk.scan, desk.folder / "scan.pdf")
    (desk.folder / ".DS_Store").write_bytes(b"litter")
    desk.agreement = inside
    assert desk.hand_over("--document", desk.folder / "scan.pdf").code == 0
    assert {each["file"] for each in desk.known()} == {"01.flac", "deep/02.flac"}


def spoil_unlisted(desk: Desk) -> None:
    flac(desk.folder / "03.flac", 3)


def spoil_missing(desk: Desk) -> None:
    (desk.folder / "01.flac").unlink()


def spoil_changed(desk: Desk) -> None:
    flac(desk.folder / "01.flac", 9)


def spoil_list(desk: Desk) -> None:
    with (desk.folder / "manifest-sha256.txt").open("a") as stream:
        stream.write(f"{'0' * 64}  more.flac\n")


def spoil_scan(desk: Desk) -> None:
    desk.scan.write_bytes(b"another page")


def spoil_link(desk: Desk) -> None:
    (desk.folder / "link.flac").symlink_to(desk.folder / "01.flac")


@pytest.mark.parametrize(
    ("spoil", "code", "words"),
    [
        (spoil_unlisted, 4, "1 file (03.flac), not in the agreement"),
        (spoil_missing, 4, "lists 1 file (01.flac), not in"),
        (spoil_changed, 4, "1 file (01.flac) in"),
        (spoil_list, 4, "is not the list that was signed"),
        (spoil_scan, 4, "is not the signed document"),
        (spoil_link, 2, "is a link"),
    ],
)
def test_what_is_not_as_agreed_is_refused_as_a_whole(desk: Desk, spoil: Any, code: int, words: str) -> None:
    spoil(desk)
    refused = desk.hand_over()
    assert (refused.code, words in refused.err) == (code, True), refused.err
    assert desk.nothing_recorded()


@pytest.mark.parametrize(
    ("old", "new", "code", "words"),
    [
        ('archive = "Our Archive"', 'archive = "Another"', 6, "[deposit] archive is “Another”"),
        ("signed = 2026-01-31", "signed = 2026-02-31", 2, "is not valid TOML"),
        ("signed = 2026-01-31", 'signed = "2026-02-31"', 2, "[deposit] signed is no day: 2026-02-31"),
        ("signed = 2026-01-31", "signed = 2999-01-01", 2, "has not come yet"),
        ("signed = 2026-01-31", f"signed = {'9' * 5000}", 2, "is not valid TOML"),
        (
            "signed = 2026-01-31",
            f"signed = 0x{'f' * 5000}",
            2,
            "[deposit] signed is no day: a very long number",
        ),
        ("signed = 2026-01-31", f"signed = [0x{'f' * 5000}]", 2, "[deposit] signed is no day"),
        (
            '["preserve", "stream", "distribute"]',
            f"[0x{'f' * 5000}]",
            2,
            "[grant] acts has “a very long number”",
        ),
        ("signed = 2026-01-31", "", 2, "[deposit] signed is missing"),
        ('mining = "reserved"', 'mining = "reserved"\nuntil = 2026-02-01', 6, "ended on 2026-02-01"),
        ('mining = "reserved"', 'mining = "reserved"\nuntil = 2025-02-01', 2, "before it begins"),
        (
            'mining = "reserved"',
            'mining = "reserved"\nfrom = 2999-02-01',
            6,
            "is in force from 2999-02-01 on",
        ),
        ('mining = "reserved"', 'mining = "maybe"', 2, "[grant] mining is “maybe”"),
        ('mining = "reserved"', 'mining = "allowed"', 2, "nothing grants it"),
        ('["preserve", "stream", "distribute"]', '["stream"]', 2, "do not let the archive preserve"),
        ('["preserve", "stream", "distribute"]', '["preserve", "sell"]', 2, "[grant] acts has “sell”"),
        ('["preserve", "stream", "distribute"]', '["preserve", "mine"]', 2, "and acts have “mine”"),
        ('["preserve", "stream", "distribute"]', "[]", 2, "[grant] acts are missing"),
        ('territory = "WORLD"', 'territory = "Germany"', 2, "[grant] territory"),
        ('territory = "WORLD"', 'territory = "FR"', 6, "does not let this archive keep the files"),
        ('covers = "both"', 'covers = "composition"', 6, "does not let this archive keep the files"),
        ('covers = "both"', 'covers = "all"', 2, "[grant] covers is “all”"),
        ('covers = "both"', 'covers = "both"\nlicence = "CC BY"', 2, "names no licence exactly"),
        (
            'covers = "both"',
            'covers = "both"\nlicence = "CC0-1.0"\nuntil = 2999-01-01',
            2,
            "which cannot end",
        ),
        ('conditions = ["attribution"]', 'conditions = ["money"]', 2, "[grant] conditions has “money”"),
        ('holder = "Ann Field"', "", 2, "[deposit] holder is missing"),
        ('holder = "Ann Field"', "holder = 7", 2, "[deposit] holder is no text"),
        ("[grant]", "[grants]", 2, "“grants” is unknown"),
        ('covers = "both"', 'covers = "both"\nlicense = "CC0-1.0"', 2, "[grant] license is unknown"),
    ],
)
def test_an_agreement_that_makes_no_sense_names_the_field(
    desk: Desk, old: str, new: str, code: int, words: str
) -> None:
    assert old in AGREEMENT
    desk.write(AGREEMENT.replace(old, new))
    refused = desk.hand_over()
    assert (refused.code, words in refused.err) == (code, True), refused.err
    assert "agreement.toml" in refused.err
    assert desk.nothing_recorded()


def test_a_licence_may_not_say_more_than_the_acts(desk: Desk) -> None:
    acts = '["preserve", "stream", "distribute"]'
    licensed = AGREEMENT.replace('covers = "both"', 'covers = "both"\nlicence = "CC-BY-4.0"')
    desk.write(licensed.replace(acts, '["preserve", "stream"]'))
    refused = desk.hand_over()
    assert (refused.code, "CC-BY-4.0 lets everybody distribute" in refused.err) == (2, True)
    desk.write(licensed)
    assert desk.hand_over().code == 0


def test_a_licence_alone(desk: Desk) -> None:
    text = AGREEMENT.replace('acts = ["preserve", "stream", "distribute"]', 'licence = "CC-BY-SA-4.0"')
    desk.write(text.replace('mining = "reserved"', 'mining = "unsaid"'))
    done = desk.hand_over()
    assert done.code == 0, done.err
    assert [each["licence"] for each in done.data["granted"]] == ["CC-BY-SA-4.0"]
    assert {each["decisions"]["distribute"]["answer"] for each in desk.known()} == {"yes"}


def test_a_label_that_grants_for_the_recording(desk: Desk) -> None:
    label = AGREEMENT.replace('"own-work"', '"deposit"').replace('covers = "both"', 'covers = "recording"')
    desk.write(label)
    assert desk.hand_over().code == 0
    answers = {act: said["answer"] for act, said in desk.known()[0]["decisions"].items()}
    assert answers == {"preserve": "yes", "stream": "unknown", "distribute": "unknown", "mine": "no"}


def test_tags_and_notes_grant_nothing_beyond_the_agreement(desk: Desk) -> None:
    free = "https://creativecommons.org/publicdomain/zero/1.0/"
    flac(desk.folder / "01.flac", 1, {"LICENSE": free})
    (desk.folder / "rights.toml").write_text(f'[[rights]]\nlicence = "CC0-1.0"\nevidence = "{free}"\n')
    desk.write(AGREEMENT.replace(', "stream", "distribute"', ""))
    done = desk.hand_over()
    assert done.code == 0, done.err
    for each in desk.known():
        assert {act: said["answer"] for act, said in each["decisions"].items()} == {
            "preserve": "yes",
            "stream": "unknown",
            "distribute": "unknown",
            "mine": "no",
        }
    assert [each["path"] for each in done.data["not_taken"]] == ["rights.toml"]


def test_what_was_read_before_stands(desk: Desk) -> None:
    free = "https://creativecommons.org/publicdomain/zero/1.0/"
    flac(desk.folder / "01.flac", 1, {"LICENSE": free})
    assert desk.phono("add", desk.place, desk.folder).code == 0
    desk.write()
    assert desk.hand_over().code == 0
    (first,) = [each for each in desk.known() if each["file"] == "01.flac"]
    assert first["decisions"]["distribute"]["rule"] == "cc0"


def test_only_where_the_archive_is(desk: Desk) -> None:
    desk.write(AGREEMENT.replace('territory = "WORLD"', 'territory = "FR BE"'))
    with (desk.place / "phonotheque.toml").open("r+") as settings:
        text = settings.read()
        settings.seek(0)
        settings.write(text.replace("[archive]", '[archive]\ncountry = "FR"', 1))
    done = desk.hand_over()
    assert done.code == 0, done.err
    assert [each["held"] for each in done.data["files"]] == [True, True]


def test_what_is_no_music_is_named_in_the_receipt(desk: Desk) -> None:
    (desk.folder / "03.flac").write_bytes(b"fLaC, but not really")
    desk.write()
    done = desk.hand_over()
    assert done.code == 0, done.err
    (left,) = done.data["not_taken"]
    assert left["path"] == "03.flac"
    assert left["reason"].startswith("undecodable: no sound")
    assert len(done.data["files"]) == 2


def test_interrupted_it_goes_on(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def interrupt_once(*args: Any, **more: Any) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        record_bases(*args, **more)

    monkeypatch.setattr(intake, "record_bases", interrupt_once)
    assert desk.hand_over().code == 130
    done = desk.hand_over()
    assert done.code == 0, done.err
    assert (done.data["complete"], len(done.data["files"]), len(desk.known())) == (True, 2, 2)


def test_a_file_that_changes_after_it_was_verified_is_not_taken_in(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def then_change(*args: Any) -> None:
        check_bytes(*args)
        flac(desk.folder / "01.flac", 9)

    with monkeypatch.context() as patched:
        patched.setattr(deposit, "check_bytes", then_change)
        done = desk.hand_over()
    assert (done.code, done.data["complete"], "Repeat the deposit" in done.err) == (1, False, True)
    (left,) = done.data["not_taken"]
    assert (left["path"], "is not the file that is listed" in left["reason"]) == ("01.flac", True)
    flac(desk.folder / "01.flac", 1, {"title": "Opening", "artist": "Ann Field"})
    again = desk.hand_over()
    assert again.code == 0, again.err
    assert (again.data["complete"], len(again.data["files"]), again.data["not_taken"]) == (True, 2, [])


def test_a_paper_that_changes_after_it_was_verified_is_not_kept(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def then_change(*args: Any) -> None:
        check_bytes(*args)
        desk.scan.write_bytes(b"another page")

    monkeypatch.setattr(deposit, "check_bytes", then_change)
    refused = desk.hand_over()
    assert (refused.code, "scan.pdf changed while it was read" in " ".join(refused.err.split())) == (4, True)
    assert not desk.known()


def test_names_with_odd_ends_of_lines_are_listed_and_found_again(desk: Desk) -> None:
    for number, odd in enumerate("\u2028\x85\x1c\x0b", start=3):
        flac(desk.folder / f"{number}{odd}.flac", number)
    desk.write()
    done = desk.hand_over()
    assert done.code == 0, done.err
    assert len(done.data["files"]) == 6


def test_the_template_is_one(phono: Phono) -> None:
    printed = phono("deposit", "--template")
    assert printed.out == TEMPLATE
    assert set(tomllib.loads(printed.out)) == {"deposit", "grant", "manifest"}


def test_a_name_that_cannot_be_listed(desk: Desk) -> None:
    (desk.folder / "a\nb.flac").write_bytes(b"")
    refused = desk.phono("deposit", "--manifest", desk.folder)
    assert (refused.code, "cannot stand in a list" in refused.err) == (2, True)


def test_nothing_given(phono: Phono, place: Path, tmp_path: Path) -> None:
    assert phono("deposit").code == 2
    assert phono("deposit", place, tmp_path / "none", "--agreement", tmp_path / "none.toml").code == 3
    assert phono("deposit", "--manifest", tmp_path / "none").code == 3
    (tmp_path / "empty").mkdir()
    assert phono("deposit", "--manifest", tmp_path / "empty").code == 2
    assert phono("receipt", "write", place, "nobody").code == 3
    assert os.listdir(tmp_path / "empty") == []
