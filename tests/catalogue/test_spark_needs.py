"""What resolving on Spark needs is named when it is not there."""

from __future__ import annotations

import importlib.util
import socket
from pathlib import Path

import pytest

from phonotheque.catalogue import spark_needs
from phonotheque.catalogue.resolving import in_place, resolver_at
from phonotheque.model.errors import NetworkError, NotFoundError, UsageError


@pytest.fixture
def java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Java that only says which version it is."""
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    say(program, "17.0.15")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: object())
    return program


def say(program: Path, version: str) -> None:
    program.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\" 2025-04-15' >&2\n")
    program.chmod(0o755)


def test_no_master_is_here() -> None:
    assert resolver_at("") is in_place


@pytest.mark.parametrize("master", ["local", "local[2]", "local[*]", "yarn", "k8s://https://cluster:6443"])
@pytest.mark.usefixtures("java")
def test_masters(master: str) -> None:
    spark_needs.check(master)


@pytest.mark.parametrize(
    "master", ["spark", "spark://host", "local[x]", "localhost:7077", "http://host:7077"]
)
@pytest.mark.usefixtures("java")
def test_what_is_no_master(master: str) -> None:
    with pytest.raises(UsageError, match="is not a Spark master"):
        resolver_at(master)


@pytest.mark.parametrize("package", ["pyspark", "sqlglot"])
@pytest.mark.usefixtures("java")
def test_a_missing_package(package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == package else object())
    with pytest.raises(NotFoundError, match=rf"needs the Python package {package}.*(?s:.*)\[distributed\]"):
        resolver_at("local[2]")


def test_no_java(java: Path) -> None:
    java.unlink()
    with pytest.raises(NotFoundError, match=r"needs Java(?s:.*)default-jre-headless"):
        resolver_at("local[2]")


def test_a_java_that_does_not_run(java: Path) -> None:
    java.write_bytes(b"\0 is no program")
    with pytest.raises(NotFoundError, match=r"bin/java does not run: .*(?s:.*)JAVA_HOME"):
        resolver_at("local[2]")


@pytest.mark.parametrize("version", ["11.0.2", "1.8.0_292"])
def test_an_old_java(java: Path, version: str) -> None:
    say(java, version)
    with pytest.raises(NotFoundError, match=rf"needs another Java than .*{version}"):
        resolver_at("local[2]")


@pytest.mark.usefixtures("java")
def test_a_master_that_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        spark_needs.check(f"spark://127.0.0.1:{port}")
    with pytest.raises(NetworkError, match=f"No Spark master answers at spark://127.0.0.1:{port} .*refused"):
        spark_needs.check(f"spark://127.0.0.1:{port}")
    with socket.create_server(("127.0.0.1", 0)) as server:  # one of two is enough
        spark_needs.check(f"spark://127.0.0.1:{port},127.0.0.1:{server.getsockname()[1]}")
