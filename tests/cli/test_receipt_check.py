"""phono receipt check: what became of deposited files, from an edition alone, without the archive."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from phonotheque.editions.edition import Edition, Tombstone
from phonotheque.vault.archive import Archive, open_archive
from tests.cli.conftest import Phono
from tests.cli.test_deposit import AGREEMENT, Desk
from tests.mirrors.forging import Record, bag_of, change_lines, reseal, sign
from tests.mirrors.mirror_publisher import served
from tests.sources.conftest import in_process as in_process
from tests.tones import flac

pytestmark = pytest.mark.usefixtures("own_settings", "in_process")
NOW = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)


@pytest.fixture
def desk(phono: Phono, tmp_path: Path) -> Desk:
    """A deposit of two songs, not handed over yet."""
    assert phono("init", tmp_path / "archive", "--name", "Our Archive").code == 0
    return Desk(phono, tmp_path / "archive", tmp_path)


@pytest.fixture
def published(desk: Desk, tmp_path: Path) -> Iterator[Archive]:
    """An archive that published what was deposited."""
    done = desk.hand_over("--document", desk.scan, "--receipt", tmp_path)
    assert done.code == 0, done.err
    assert desk.phono("publish", desk.place).code == 0
    archive = open_archive(desk.place)
    yield archive
    archive.close()


def checked(phono: Phono, where: object, tmp_path: Path, *more: object, code: int = 0) -> Any:
    ran = phono("receipt", "check", tmp_path / "receipt.json", where, "--json", *more)
    assert ran.code == code, ran.err + ran.out
    return ran.data if code in (0, 4) else ran.err


def states(data: Any) -> dict[str, str]:
    return {file["path"]: file["state"] for file in data["files"]}


def test_what_was_published_is_as_deposited(published: Archive, phono: Phono, tmp_path: Path) -> None:
    shutil.move(published.public.parent, tmp_path / "elsewhere")  # the archive's own ledger is not asked
    (tmp_path / "elsewhere" / "ledger.sqlite").unlink(missing_ok=True)
    data = checked(phono, tmp_path / "elsewhere" / "public", tmp_path)
    assert states(data) == {"01.flac": "as-deposited", "deep/02.flac": "as-deposited"}
    assert (data["as_granted"], data["edition"], data["unread_bags"]) == (True, 1, [])
    (place,) = data["files"][0]["places"]
    assert (place["kind"], place["audience"], place["differs"]) == ("as-deposited", "WORLD", [])
    assert (tmp_path / "elsewhere" / "vault" / "bags" / place["bag"] / place["path"]).is_file()
    shown = phono("receipt", "check", tmp_path / "receipt.json", tmp_path / "elsewhere")
    assert "in the edition, as it was handed over" in shown.out
    assert "on the terms that were granted" in shown.out


def test_by_a_web_address(published: Archive, phono: Phono, tmp_path: Path) -> None:
    with served(published.public) as web:
        assert set(states(checked(phono, web.url, tmp_path)).values()) == {"as-deposited"}


def test_an_access_copy_is_told_apart(desk: Desk, phono: Phono, tmp_path: Path) -> None:
    for number in (1, 2):
        where = desk.folder / ("01.flac" if number == 1 else "deep/02.flac")
        flac(where, number, {"title": str(number), "artist": "Ann Field"}, seconds=20)
    desk.write()
    assert desk.hand_over("--document", desk.scan, "--receipt", tmp_path).code == 0
    assert phono("plan", desk.place, "--budget", "450kB").code == 0
    assert phono("publish", desk.place).code == 0
    data = checked(phono, desk.place, tmp_path)
    assert set(states(data).values()) == {"access-copy"}
    assert data["as_granted"]


def test_what_was_not_granted_is_not_in_the_edition(desk: Desk, phono: Phono, tmp_path: Path) -> None:
    desk.write(AGREEMENT.replace(', "distribute"', ""))
    assert desk.hand_over("--document", desk.scan, "--receipt", tmp_path).code == 0
    flac(
        tmp_path / "more" / "free.flac", 5, {"LICENSE": "https://creativecommons.org/publicdomain/zero/1.0/"}
    )
    assert phono("add", desk.place, tmp_path / "more").code == 0
    assert phono("publish", desk.place).code == 0
    data = checked(phono, desk.place, tmp_path)
    assert set(states(data).values()) == {"absent"}
    assert data["as_granted"]


def test_terms_that_were_not_granted_are_named(published: Archive, phono: Phono, tmp_path: Path) -> None:
    bag = bag_of(published, 1).id

    def widen(record: Record) -> None:
        statements = record["rights"]["statements"]
        statements[:] = [each for each in statements if each["kind"] != "reservation"]
        free = "CC-BY-4.0"
        granted = {"kind": "licence", "licence": free, "evidence_origin": "grant", "acts": []}
        statements.append(statements[0] | granted)

    change_lines(published, bag, widen)
    reseal(published, bag)
    sign(published, NOW)
    data = checked(phono, published.folder, tmp_path, code=4)
    assert data["files"][0]["places"][0]["differs"] == [
        "what was granted is not named: reservation mine",
        "it lets people mine it everywhere, which was not granted; it rests on: grant",
    ]
    shown = phono("receipt", "check", tmp_path / "receipt.json", published.folder)
    assert (shown.code, "which was not granted" in shown.out) == (4, True)


def test_a_wider_audience_is_named(desk: Desk, phono: Phono, tmp_path: Path) -> None:
    desk.write()
    assert desk.hand_over("--document", desk.scan, "--receipt", tmp_path).code == 0
    assert phono("publish", desk.place).code == 0
    receipt = json.loads((tmp_path / "receipt.json").read_text())
    receipt["granted"][0]["territory"] = "FR"  # as if only this had been granted
    (tmp_path / "receipt.json").write_text(json.dumps(receipt))
    data = checked(phono, desk.place, tmp_path, code=4)
    assert (
        "it lets people distribute it everywhere, which was not granted; it rests on: deposit"
        in (data["files"][0]["places"][0]["differs"])
    )


def test_what_was_taken_back(published: Archive, phono: Phono, tmp_path: Path) -> None:
    first = json.loads((tmp_path / "receipt.json").read_text())["files"][0]["sha256"]
    stone = Tombstone(
        id="7f0c1f5e-6d0a-4c57-9d5e-0c8f6a1b2c3d",
        recording="00000000-0000-4000-8000-000000000000",
        sha256=(first,),
        territory="WORLD",
        date="2026-11-20T00:00:00Z",
        reason="the artist asked for it",
        reinstated=None,
    )
    bag = bag_of(published, 1).id

    def without(edition: Edition) -> Edition:
        return replace(edition, tombstones=(stone,), bags=tuple(b for b in edition.bags if b.id != bag))

    def rows(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [row for row in found if row["bag"] != bag]

    sign(published, NOW, edition=without, rows=rows)
    data = checked(phono, published.folder, tmp_path)
    assert states(data) == {"01.flac": "withdrawn", "deep/02.flac": "absent"}
    assert data["files"][0]["withdrawn"] == "2026-11-20, WORLD: the artist asked for it"


def test_an_edition_that_is_not_the_archives_or_not_whole(
    published: Archive, phono: Phono, tmp_path: Path
) -> None:
    receipt = json.loads((tmp_path / "receipt.json").read_text())
    receipt["archive"]["id"] = "00000000-0000-4000-8000-000000000000"
    (tmp_path / "other.json").write_text(json.dumps(receipt))
    other = phono("receipt", "check", tmp_path / "other.json", published.folder)
    assert (other.code, "another archive" in other.err) == (4, True)
    wrong = phono("receipt", "check", tmp_path / "receipt.json", published.folder, "--trust", "0" * 64)
    assert (wrong.code, "fingerprint" in wrong.err) == (4, True)
    bag = bag_of(published, 1).id
    change_lines(published, bag, lambda record: record.update(title="changed"))
    damaged = phono("receipt", "check", tmp_path / "receipt.json", published.folder)
    assert (damaged.code, "is not what its manifest lists" in damaged.err) == (4, True)


def test_a_mirror_without_the_bag_says_so(published: Archive, phono: Phono, tmp_path: Path) -> None:
    bag = bag_of(published, 1).id
    (published.public / "bags" / bag).unlink()
    data = checked(phono, published.public, tmp_path)
    assert (data["unread_bags"], set(states(data).values())) == ([bag], {"absent"})


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", 2),
        ("[]", 2),
        ('{"format": "phonotheque-receipt/9"}', 2),
        ('{"format": "phonotheque-receipt/1"}', 4),
        ('{"format": "phonotheque-receipt/1", "granted": [], "files": [{"path": "a", "granted": [0]}]}', 4),
        ('{"format": "phonotheque-receipt/1", "granted": [{"kind": "theft"}], "files": []}', 4),
    ],
)
def test_what_is_no_receipt(phono: Phono, tmp_path: Path, content: str, code: int) -> None:
    (tmp_path / "receipt.json").write_text(content)
    assert phono("receipt", "check", tmp_path / "receipt.json", tmp_path).code == code
    assert phono("receipt", "check", tmp_path / "none.json", tmp_path).code == 3  # there is no such receipt


def test_a_labels_delivery_has_a_receipt_too(phono: Phono, tmp_path: Path) -> None:
    from tests.cli.test_add_deliveries import SALE, WORLD, delivery, put, since
    from tests.sources.ern_messages import deal_list, ern_4_deal

    place = tmp_path / "archive"
    assert phono("init", place, "--name", "Our Archive").code == 0
    folder = put(tmp_path / "in", delivery(deal_list("R0", ern_4_deal(WORLD + since("2026-01-01") + SALE))))
    (added,) = phono("add", place, f"ddex:{folder}", "--json").data["audio"]
    made = phono("receipt", "write", place, added["accession"], "--to", tmp_path / "receipt", "--json").data
    assert (made["kind"], made["depositor"]) == ("delivery", "Mill Tapes")
    assert [each["path"] for each in made["files"]] == ["01.flac", "02.flac"]
    (terms,) = made["granted"]
    assert (terms["acts"], terms["territory"], terms["valid_from"]) == (["preserve"], "WORLD", "2026-01-01")
    assert "a label’s deal (DDEX)" in (tmp_path / "receipt" / "receipt.html").read_text()


def test_a_page_says_where_in_words_and_runs_nothing(phono: Phono, desk: Desk, tmp_path: Path) -> None:
    settings = desk.place / "phonotheque.toml"
    settings.write_text(settings.read_text().replace("[archive]", '[archive]\ncountry = "FR"', 1))
    hostile = AGREEMENT.replace('depositor = "Ann Field"', 'depositor = "<script>alert(1)</script>"')
    desk.write(hostile.replace('territory = "WORLD"', 'territory = "WORLD -DE"\nuntil = 2999-12-31'))
    done = desk.hand_over("--document", desk.scan, "--receipt", tmp_path)
    assert done.code == 0, done.err
    page = (tmp_path / "receipt.html").read_text()
    assert "everywhere but DE; from 2026-01-31; until 2999-12-31; under attribution." in page
    assert "partout sauf DE ; du 2026-01-31 ; au 2999-12-31 ; sous condition : attribution." in page
    assert "&lt;script&gt;" in page
    for active in ("<script", "<link", "<img", "src=", "@import", "url("):
        assert active not in page
