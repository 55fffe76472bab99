"""The units and the container file: what systemd says of them, and what they promise."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.test_docs import check_call
from tests.tools import tool

DEPLOY = ROOT / "deploy"
SERVICES = ("phonotheque-mirror@.service", "phonotheque-check@.service", "phonotheque-serve@.service")


@pytest.fixture
def systemd_analyze() -> str:
    return tool("systemd-analyze", "systemd")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units as scripts/install.sh writes them for another place, and a command to start."""
    units = tmp_path / "units"
    units.mkdir()
    phono = tmp_path / "bin" / "phono"
    phono.parent.mkdir()
    phono.write_text(f'#!/bin/sh\nexec {sys.executable} -m phonotheque.cli.main "$@"\n')
    phono.chmod(0o755)
    for unit in DEPLOY.glob("*@.*"):
        (units / unit.name).write_text(unit.read_text().replace("/usr/local/", f"{tmp_path}/"))
    return units


def test_systemd_finds_nothing_wrong(systemd_analyze: str, installed: Path) -> None:
    names = [unit.name.replace("@.", "@srv-mirror.") for unit in sorted(installed.iterdir())]
    assert len(names) == 4
    done = subprocess.run(
        [systemd_analyze, "verify", "--man=no", *names],
        env=os.environ | {"SYSTEMD_UNIT_PATH": f"{installed}:"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("service", SERVICES)
def test_services_are_exposed_to_little(systemd_analyze: str, service: str) -> None:
    """Of 10, which is a service with all rights; systemd calls up to 2 “OK”, up to 1 “SAFE”."""
    done = subprocess.run(
        [
            systemd_analyze,
            "security",
            "--offline=true",
            "--no-pager",
            "--threshold=20",
            str(DEPLOY / service),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("service", SERVICES)
def test_what_services_start_is_a_command_that_exists(service: str) -> None:
    (line,) = re.findall(r"^ExecStart=(.+)$", (DEPLOY / service).read_text(), re.MULTILINE)
    program, *arguments = shlex.split(line.replace("%f", "/srv/mirror"))
    assert program == "/usr/local/bin/phono"
    check_call(arguments, where=service, complete=True)


def test_the_container_runs_a_mirror_without_rights() -> None:
    lines = (DEPLOY / "Containerfile").read_text().replace("\\\n", " ").splitlines()
    steps = [line.split(maxsplit=1) for line in lines if line.strip() and not line.startswith("#")]
    bases = [rest.split()[0] for word, rest in steps if word == "FROM"]
    assert len(bases) == 2
    assert all(re.fullmatch(r"docker\.io/library/debian:[a-z]+-slim", base) for base in bases)
    last = {word: rest for word, rest in steps if word != "FROM"}
    assert last["USER"] == "10001:10001"
    assert last["VOLUME"] == "/mirror"
    assert last["STOPSIGNAL"] == "SIGTERM"
    assert "/healthz" in last["HEALTHCHECK"]
    copied = [rest.split() for word, rest in steps if word == "COPY" and not rest.startswith("--from")]
    for *sources, _goal in copied:
        assert all((ROOT / source).exists() for source in sources)
    users = [number for number, (word, _) in enumerate(steps) if word == "USER"]
    assert all(word != "RUN" for word, _ in steps[users[-1] :])
