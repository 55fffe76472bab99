"""Starting a real S3 server for tests: OpenStack Swift, in a folder of its own (see swift_server.py)."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from phonotheque.vault.storage.s3_client import Bucket, S3Options
from tests.tools import tool

ACCOUNT, USER, KEY = "AUTH_tests", "tests:archivist", "key-for-tests"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": USER, "AWS_SECRET_ACCESS_KEY": KEY}
REGION = "us-east-1"


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int

    @property
    def url(self) -> str:
        """Where it speaks S3."""
        return f"http://127.0.0.1:{self.port}"

    def public_url(self, place: str) -> str:
        """Return the address at which anybody can read ``s3://bucket/prefix``, if the bucket is public."""
        return f"{self.url}/v1/{ACCOUNT}/{place.removeprefix('s3://')}"

    def make_bucket(self, *, public: bool = False) -> str:
        """Make a bucket with a name of its own."""
        name = f"music-{uuid.uuid4().hex[:12]}"
        self.client.create_bucket(Bucket=name)
        if public:
            asked = urllib3.request(
                "GET", f"{self.url}/auth/v1.0", headers={"X-Auth-User": USER, "X-Auth-Key": KEY}
            )
            headers = {"X-Auth-Token": asked.headers["X-Auth-Token"], "X-Container-Read": ".r:*"}
            # Swift keeps the parts of large objects in a second one, which must be public, too.
            for bucket in (name, f"{name}+segments"):
                answer = urllib3.request("PUT", f"{self.url}/v1/{ACCOUNT}/{bucket}", headers=headers)
                assert answer.status in (201, 202), answer.data
        return name

    @property
    def client(self) -> Any:
        """A client that asks the server itself, past any proxy, with credentials of the environment."""
        return Bucket("", "", S3Options(endpoint=self.url, region=REGION)).client


@contextmanager
def swift(folder: Path) -> Iterator[Server]:
    """Run Swift on a folder; skip the test where it is not installed."""
    tool("swift-ring-builder", "swift")
    _need_attributes(folder)
    script = Path(__file__).with_name("swift_server.py")
    with subprocess.Popen(
        ["/usr/bin/python3", script, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            port = process.stdout.readline()
            assert port, "Swift has not started: see its standard error"
            yield Server(int(port))
        finally:
            process.stdin.close()  # which ends it
            process.wait(timeout=30)


def _need_attributes(folder: Path) -> None:
    try:
        os.setxattr(folder, "user.phonotheque", b"1")
    except OSError as error:
        pytest.skip(f"{folder} keeps no extended attributes, which Swift needs: {error.strerror}")
