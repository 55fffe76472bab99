"""“Lend us a disk” and “Run a mirror as a service” do what they say, as far as a test may do it here."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from phonotheque.web.counting import Traffic
from phonotheque.web.metrics import Watched, watching_application
from tests.docs.docs_pages import DOCS, ROOT, Line, codes, command_lines, table
from tests.docs.test_walkthrough import Console, new_console
from tests.mirrors.mirror_publisher import Publisher, served
from tests.web.test_web_metrics import FIGURES, WORKED
from tests.web.test_web_server import ask, body

LEND = DOCS / "how-to" / "lend-us-a-disk.md"
SERVICE = DOCS / "how-to" / "run-a-mirror-as-a-service.md"
UNIT = ROOT / "deploy" / "phonotheque-mirror@.service"
# What changes the machine is not done to it by a test, but by hand, on a machine with nothing on it.
NOT_HERE = ("apt-get", "git", "make", "systemd-sysusers", "install", "systemctl")


@contextmanager
def started(console: Console, words: list[str], until: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A command that runs on, and what it has said until that came; it is ended by Ctrl-C."""
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=console.environment())
    with process:
        assert process.stderr is not None
        said = ""
        try:
            for line in process.stderr:
                said += line
                if until in line:
                    break
            yield process, said
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 0
        finally:
            process.kill()


@pytest.mark.once("a mirror as any other")
@pytest.mark.ledger
def test_a_disk_is_lent(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    publisher = Publisher(tmp_path / "archive")
    publisher.bag("catalogue-1", {"catalogue.parquet": b"c" * 5000})
    publisher.bag("audio-1", {"a.ogg": b"a" * 900})
    publisher.publish(1)
    console, folder = new_console(tmp_path / "console"), tmp_path / "mirror"
    folder.mkdir()
    with served(publisher.public) as web:
        written = {
            "https://archive.example.org/": f"{web.url}/",
            "/srv/mirror": str(folder),
            "0.0.0.0:8750": "127.0.0.1:0",
            "--metrics 9750": "--metrics 0",
            "sudo -u phonotheque ": "",
        }
        lines = [line.text for line in command_lines(LEND)]
        ours = [line for line in lines if " phono " in line]
        others = {line.removeprefix("sudo ").split()[0] for line in lines if line not in ours}
        assert others == {*NOT_HERE, "curl"}
        for old, new in written.items():
            ours = [line.replace(old, new) for line in ours]
        first, *rest = ours
        with started(console, shlex.split(first), "held and served") as (_, said):
            assert "First contact: compare the fingerprint" in said
            assert "Listening for peers on port" in said
    # The service begins where the first run has ended, without the archive if need be.
    (start,) = re.findall(r"^ExecStart=/usr/local/bin/(.+)$", UNIT.read_text(), re.MULTILINE)
    words = shlex.split(start.replace("%f", str(folder)))
    with started(console, words, " round ") as (_, said):
        assert "edition=1 held=2 missing=0" in said
        (watch,) = re.findall(r"what=metrics url=(\S+)", said)
        (health,) = [line for line in lines if line.startswith("curl")]
        health = health.replace("http://127.0.0.1:9750/", watch)
        healthy, status, check = (console.run(Line(line)) for line in (health, *rest))
    assert healthy in ("ok\n", "")  # "" where there is no curl
    assert "Holds      2 bags" in status
    assert "all as it should be" in check


def test_the_metrics_are_those_that_are_told() -> None:
    watched = Watched(1, lambda: FIGURES, lambda: WORKED, lambda: 0.0, Traffic())
    text = body(ask(watching_application(watched, lambda: ""), "/metrics")).decode()
    told = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE phonotheque")}
    names = [name for row in table(SERVICE, "## Watch it") for name in codes(row[0])]
    assert {name for name in names if name.startswith("phonotheque_")} == told
    asked = re.findall(r"phonotheque_\w+", SERVICE.read_text().split("```yaml")[1].split("```")[0])
    assert set(asked) <= told


def test_the_events_are_those_that_are_logged() -> None:
    listed = [name for row in table(SERVICE, "## Logs") for name in codes(row[0])]
    code = "".join(
        (ROOT / "src/phonotheque/cli" / name).read_text()
        for name in ("log.py", "mirror.py", "mirror_work.py", "serve.py")
    )
    logged = set(re.findall(r'\btell\(\s*"([a-z-]+)"', code)) | set(re.findall(r'"(bag-[a-z]+)"', code))
    assert set(listed) == logged | {"library"}
