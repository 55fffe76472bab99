"""What resolving on Spark needs: looked for before anything is begun, and named when it is not there."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import socket
import subprocess

from phonotheque.model.errors import NetworkError, NotFoundError, UsageError

_MASTER = re.compile(
    r"local(\[(\d+|\*)(,\d+)?\])?|local-cluster\[\d+,\d+,\d+\]|spark://[^/\s]+:\d+(,[^/\s]+:\d+)*|yarn|k8s://\S+"
)
_JAVA = 17  # the oldest that Spark 4 runs on
_PATIENCE = 10.0  # seconds


def check(master: str) -> None:
    """See that Spark can be used at a master.

    Raises UsageError for what is no master's name, NotFoundError for what is not installed, NetworkError when
    nobody answers there.
    """
    if not _MASTER.fullmatch(master):
        raise UsageError(
            f"catalogue.resolve_on: “{master}” is not a Spark master.",
            "Write it like spark://host:7077, yarn, k8s://https://host:6443 or local[4]; leave it empty to "
            "resolve here.",
        )
    for package in ("pyspark", "sqlglot"):
        if importlib.util.find_spec(package) is None:
            raise NotFoundError(
                f"Resolving on Spark ({master}) needs the Python package {package}, which is not installed.",
                "Install both with: pip install 'phonotheque[distributed]'",
            )
    _check_java()
    if master.startswith("spark://"):
        _check_reachable(master)


def _check_java() -> None:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(f"{home}/bin/java" if home else "java")
    advice = f"Install Java {_JAVA} or later (Debian: default-jre-headless), or set JAVA_HOME to where it is."
    if java is None:
        raise NotFoundError("Resolving on Spark needs Java, which was not found.", advice)
    try:
        said = subprocess.run(
            [java, "-version"], capture_output=True, text=True, timeout=60, check=False
        ).stderr
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotFoundError(
            f"Resolving on Spark needs Java, but {java} does not run: {error}", advice
        ) from error
    version = re.search(r'version "(?:1\.)?(\d+)', said)
    if version is None or int(version[1]) < _JAVA:
        raise NotFoundError(f"Resolving on Spark needs another Java than {java}: {said.strip()}", advice)


def _check_reachable(master: str) -> None:
    """Spark itself would try for minutes and then say little."""
    failures = []
    for place in master.removeprefix("spark://").split(","):
        host, _, port = place.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE).close()
        except (OSError, OverflowError) as error:
            failures.append(f"{place}: {error}")
        else:
            return
    raise NetworkError(
        f"No Spark master answers at {master} ({'; '.join(failures)}).",
        "Start it, or correct the setting catalogue.resolve_on.",
    )
