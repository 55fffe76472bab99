"""Two ``phono mirror`` on one folder: the second one ends before it has changed anything."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from phonotheque.cli.check import check_command
from phonotheque.cli.mirror import mirror_command
from phonotheque.cli.repair import repair_command
from phonotheque.mirrors.home import open_mirror
from phonotheque.model.errors import BusyError
from phonotheque.vault.archive import SETTINGS_FILE
from tests.mirrors.mirror_publisher import Publisher, wait_for
from tests.mirrors.mirror_runs import ALL, complete, mirroring, run

pytestmark = pytest.mark.ledger  # a mirror has one


def test_a_second_mirror_on_a_folder_is_refused_until_the_first_has_ended(
    published: Publisher, tmp_path: Path
) -> None:
    mirror = open_mirror(tmp_path / "mirror", str(published.folder))
    with mirroring(mirror):
        wait_for(lambda: complete(mirror) == set(ALL))
        published.take_back("audio-1", edition=2)
        published.publish(2)
        with pytest.raises(BusyError, match=f"is being mirrored already, by process {os.getpid()}"):
            run(open_mirror(mirror.folder))
        assert complete(mirror) == set(ALL)  # it has erased nothing that the first one would go on giving
        before = (mirror.folder / SETTINGS_FILE).read_bytes()
        for words in (("--in", "DE"), ("--budget", "1kB"), ("--only", "licence:cc0"), ("--serve", "0")):
            with pytest.raises(BusyError, match="by process"):
                CliRunner().invoke(mirror_command, [str(mirror.folder), *words], catch_exceptions=False)
        assert (mirror.folder / SETTINGS_FILE).read_bytes() == before
    assert run(open_mirror(mirror.folder)).withdrawn == (("audio-1", None),)


def test_a_check_has_its_turn_while_a_mirror_serves(published: Publisher, tmp_path: Path) -> None:
    mirror, rounds = open_mirror(tmp_path / "mirror", str(published.folder)), list[object]()
    with mirroring(mirror, on_round=rounds.append):
        wait_for(lambda: rounds)
        for command in (check_command, repair_command):
            assert CliRunner().invoke(command, [str(mirror.folder)], catch_exceptions=False).exit_code == 0
