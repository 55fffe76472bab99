from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from phonotheque.ledger.bags import BagFileRecord, record_bag
from phonotheque.ledger.files import record_file, start_accession
from phonotheque.vault.archive import Archive
from phonotheque.vault.bag import BagFile, BagPlan, seal
from tests.ledger.ledger_facts import BAG, DAY, facts
from tests.vault.vault_content import MASTERS, content, place


@pytest.fixture
def held(archive: Archive) -> dict[str, Path]:
    """Masters in the vault and in the ledger, and one that is only known."""
    with archive.ledger.begin() as ledger:
        accession = start_accession(ledger, source="folder", location="/m", agent="me", at=DAY[0])
        for name in (*MASTERS, "known"):
            data = content(name)
            what = replace(facts(name), sha256=sha256(data).hexdigest(), size=len(data))
            record_file(
                ledger, what, kind="master", held=name in MASTERS, accession=accession, name=name, at=DAY[0]
            )
    return {name: place(archive, name) for name in MASTERS}


@pytest.fixture
def bag(archive: Archive, held: dict[str, Path]) -> Path:
    """A sealed bag with the third master, which then lies in the bag alone."""
    third = held["third"]
    entry = BagFile(
        source=third, path="third.flac", sha256=third.name, size=third.stat().st_size, record={"title": "3"}
    )
    archive.bags.mkdir(parents=True)
    with ThreadPoolExecutor(2) as threads:
        plan = BagPlan(id=BAG.id, files=(entry,), info=(), readme="A bag.\n")
        sealed = seal(plan, archive.bags, map_files=threads.map).bag
    hashes = {file.path: file.hashes for file in sealed.files}
    with archive.ledger.begin() as ledger:
        record_bag(
            ledger,
            replace(BAG, tagmanifest_sha256=hashes["tagmanifest-sha256.txt"].sha256),
            [
                BagFileRecord(
                    path, h.size, h.sha256, h.root.hex(), 0, 1, 3 if path == "data/third.flac" else None
                )
                for path, h in hashes.items()
            ],
        )
    third.unlink()
    return archive.bags / sealed.id
