"""What the keeper of a mirror is told of withdrawals and of where the mirror is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from phonotheque.cli.check import check_command
from phonotheque.cli.mirror import mirror_command
from phonotheque.cli.status import status_command
from phonotheque.model.errors import NotFoundError, UsageError
from tests.mirrors.mirror_publisher import Publisher
from tests.mirrors.test_revisions import GONE, SONGS

pytestmark = pytest.mark.ledger  # a mirror has one

LOCAL = ("--budget", "1GB", "--once", "--listen", "127.0.0.1:0", "--no-discovery")


def run(command: Any, *words: object) -> Result:
    done = CliRunner().invoke(command, [str(word) for word in words])
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done


def test_withdrawals_are_told_by_mirror_and_status_and_a_check_is_clean(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1")
    publisher.bag("french-1", {"a.ogg": b"f" * 900}, audience="FR")
    publisher.publish(1)
    mirror = tmp_path / "mirror"
    words = (publisher.folder, mirror, *LOCAL)
    first = run(mirror_command, *words)
    assert "french-1: left out, is for FR only; say where this mirror is with --in" in first.stderr
    second = run(mirror_command, *words, "--in", "FR")
    assert "3 bags" in second.stdout
    publisher.revise("audio-1", GONE, edition=2, reason="asked for by its maker")
    publisher.publish(2)
    third = run(mirror_command, *words)
    assert "audio-1: withdrawn; what remains of it is audio-1-r2" in third.stderr
    assert "that are held no more; the proof is in the mirror's ledger" in third.stderr
    told = run(status_command, mirror).stdout
    assert "Is in      FR" in told
    assert "1 bag that was held; edition 2 names 1 recording as taken back" in told
    assert "audio-1, 2026-11-22: asked for by its maker; what remains is audio-1-r2" in told
    data = json.loads(run(status_command, mirror, "--json").stdout)
    assert (data["country"], data["edition"], data["leaving"]) == ("FR", 2, [])
    assert data["erased"]["bytes"] >= len(SONGS[GONE])
    checked = run(check_command, mirror)
    assert (checked.exit_code, "all as it should be" in checked.stdout) == (0, True)


def test_a_mirror_that_is_said_to_be_elsewhere_erases_nothing_unasked(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("french-1", {"a.ogg": b"f" * 900}, audience="FR")
    publisher.publish(1)
    mirror = tmp_path / "mirror"
    words = (publisher.folder, mirror, *LOCAL)
    assert run(mirror_command, *words, "--in", "FR").exit_code == 0
    refused = CliRunner().invoke(mirror_command, [*map(str, words), "--in", "DE"])
    assert isinstance(refused.exception, UsageError)
    assert "1 bag" in refused.exception.message
    assert "may not be held in DE" in refused.exception.message
    assert (mirror / "vault" / "bags" / "french-1").is_dir()
    assert 'country = "FR"' in (mirror / "phonotheque.toml").read_text()
    assert run(mirror_command, *words, "--in", "DE", "--move").exit_code == 0
    assert not (mirror / "vault" / "bags" / "french-1").exists()
    assert run(mirror_command, *words, "--in", "FR").exit_code == 0  # nothing is lost by this


def test_what_is_held_is_served_without_the_folder_that_it_came_from_and_without_a_peer_nobody_knows(
    publisher: Publisher, tmp_path: Path
) -> None:
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.publish(1)
    mirror = tmp_path / "mirror"
    assert run(mirror_command, publisher.folder, mirror, *LOCAL).exit_code == 0
    publisher.folder.rename(tmp_path / "another-place")
    later = run(mirror_command, mirror, *LOCAL, "--peer", "nobody.invalid:6881")
    assert (later.exit_code, "1 bag" in later.stdout) == (0, True)
    assert "does not answer; going on with edition 1" in later.stderr
    assert "The peer nobody.invalid is not known" in later.stderr
    with pytest.raises(NotFoundError, match="no published edition"):
        CliRunner().invoke(
            mirror_command,
            [str(publisher.folder), str(tmp_path / "fresh"), *LOCAL],
            catch_exceptions=False,
        )
