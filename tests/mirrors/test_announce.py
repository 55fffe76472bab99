"""phono announce, and phono mirror with the link that it prints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from phonotheque.cli.announce import announce_command
from phonotheque.cli.keys import keys_command
from phonotheque.cli.mirror import mirror_command
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.vault.archive import open_archive
from tests.mirrors.local_dht import local_dht
from tests.mirrors.test_by_key import posting

pytestmark = pytest.mark.sqlite("copies an archive's folder with its ledger")


def run(command: Any, *words: object) -> Result:
    done = CliRunner().invoke(command, [str(word) for word in words])
    assert isinstance(done.exception, SystemExit | None), done.exception
    return done


def test_an_archive_is_announced_and_mirrored_by_the_link(
    archive_base: Path, own_settings: Path, tmp_path: Path
) -> None:
    archive, mirror = tmp_path / "archive", tmp_path / "mirror"
    shutil.copytree(archive_base, archive, symlinks=True)
    with local_dht() as (_, nodes):
        here = ["--listen", "127.0.0.1:0", *(word for node in nodes for word in ("--dht-node", node))]
        first = run(announce_command, archive, "--once", *here, "--json")
        said = json.loads(first.stdout)
        assert "back it up" in first.stderr
        assert said["nodes"] >= 3
        again = json.loads(run(announce_command, archive, "--once", *here, "--json").stdout)
        assert (again["key"], again["sequence"]) == (said["key"], said["sequence"])
        run(keys_command, "rotate", archive, "timestamp")  # what is said of the tree goes with it
        with posting(archive / "public", nodes) as post:
            peers = ("--peer", f"127.0.0.1:{post.port}", "--also", archive, "--budget", "1GB")
            done = run(mirror_command, said["magnet"], mirror, "--once", *here, *peers)
        assert done.exit_code == 0
        shown = json.loads(run(announce_command, mirror, "--once", *here, "--json").stdout)
        assert (shown["key"], shown["sequence"]) == (said["key"], said["sequence"] + 1)
    assert open_archive(mirror).settings.mirror.origin == f"btpk:{said['key']}"
    for name in ("1.root.json", "2.root.json", "timestamp.json"):
        assert (mirror / "public/metadata" / name).read_bytes() == (
            archive / "public/metadata" / name
        ).read_bytes()


def test_without_a_dht_or_an_edition_nothing_is_announced(own_settings: Path, tmp_path: Path) -> None:
    (tmp_path / "phonotheque.toml").write_text('[archive]\nid = "0b9cbd60-4f0e-4ab4-8f7f-1d6e7f1b2a3c"\n')
    for words, kind in (
        (("--no-discovery",), UsageError),
        (("--listen", "127.0.0.1:0"), UsageError),
        (("--listen", "127.0.0.1:0", "--dht-node", "127.0.0.1:9"), NotFoundError),
    ):
        done = CliRunner().invoke(announce_command, [str(tmp_path), "--once", *words])
        assert isinstance(done.exception, kind)
