"""Requests to S3-compatible object storage, through boto3, so that the server itself checks what arrives.

Every request carries the SHA-256 of its body in its signature (Signature Version 4) and the body's MD5 beside
it (RFC 1864): all servers compare these, also those that know nothing of the newer checksum headers.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config

from phonotheque.model.errors import VerificationError
from phonotheque.vault.storage.base import Item
from phonotheque.vault.storage.s3_errors import ArrivedDamagedError, answering
from phonotheque.vault.storage.stopping import go_on

MEBIBYTE = 1024 * 1024
TRIES = 4  # of a body that arrives damaged, and of going on with an answer that broke off


@dataclass(frozen=True, slots=True)
class S3Options:
    """How to speak to the server. ``attempts`` counts the first; times are seconds; ``part`` is bytes."""

    endpoint: str = ""  # empty: Amazon's own
    region: str = ""  # empty: as the environment or the user's AWS files say
    attempts: int = 6
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    part: int = 16 * MEBIBYTE
    connections: int = 8


@dataclass(frozen=True)
class Bucket:
    """A part of a bucket. ``prefix`` is empty or ends in ``/``; keys are relative to it."""

    name: str
    prefix: str
    options: S3Options

    @cached_property
    def client(self) -> Any:
        """boto3's client, which any number of threads may use; credentials as every AWS tool finds them."""
        with answering(f"s3://{self.name}"):
            return _client(self.options)

    def where(self, key: str) -> str:
        """Return an object's address, for messages."""
        return f"s3://{self.name}/{self.prefix}{key}"

    def address(self, key: str) -> dict[str, str]:
        """Return what a request names an object by."""
        return {"Bucket": self.name, "Key": self.prefix + key}


def send(where: str, request: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Send a body, again where it arrived damaged; what fails otherwise, boto3 itself tries again."""
    for _ in range(TRIES - 1):
        with suppress(ArrivedDamagedError), answering(where):
            return request()
    with answering(where):
        return request()


def described(item: Item) -> dict[str, Any]:
    """Return what is written down with an object."""
    return {
        "ContentType": item.media_type,
        "CacheControl": "no-cache",  # as everywhere: what was withdrawn must not live on in caches
        "Metadata": {"sha256": item.sha256},
    }


def changed(item: Item, size: int, sha256: str) -> VerificationError:
    """Return the error of a file that is not what it was said to be."""
    return VerificationError(
        f"{item.file} has {size} bytes with SHA-256 {sha256}; expected {item.size} with {item.sha256}.",
        "It changed on the disk. Find what is damaged: phono check",
    )


def md5(data: bytes) -> bytes:
    """Return the MD5 that S3 asks for: against accidents, not against people."""
    return hashlib.md5(data, usedforsecurity=False).digest()


def in_base64(digest: bytes) -> str:
    """Return a digest as headers carry it."""
    return base64.b64encode(digest).decode()


def unquoted(tag: object) -> str:
    """Return an ETag without its quotation marks."""
    return str(tag or "").strip('"')


def _client(options: S3Options) -> Any:
    config = Config(
        connect_timeout=options.connect_timeout,
        read_timeout=options.read_timeout,
        # Errors of the server, throttling, lost connections: again, after a random while that doubles.
        retries={"mode": "standard", "total_max_attempts": options.attempts},
        max_pool_connections=options.connections,
        # Many servers refuse or ignore the newer checksum headers.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"payload_signing_enabled": True},
        user_agent_extra="phonotheque",
    )
    client = boto3.session.Session().client(
        "s3", endpoint_url=options.endpoint or None, region_name=options.region or None, config=config
    )
    client.meta.events.register("before-send.s3", go_on)  # before every attempt
    return client
