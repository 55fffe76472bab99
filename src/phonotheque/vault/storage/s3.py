"""A storage that is a bucket of S3-compatible object storage, or a part of one.

The SHA-256 of each object is put into its metadata. An ETag is believed only where it is the MD5 that it
has to be.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from phonotheque.model.errors import VerificationError
from phonotheque.vault.place import naming, open_regular
from phonotheque.vault.storage.base import Item, Stored
from phonotheque.vault.storage.s3_client import (
    TRIES,
    Bucket,
    S3Options,
    changed,
    described,
    in_base64,
    md5,
    send,
    unquoted,
)
from phonotheque.vault.storage.s3_errors import BrokenOffError, answering, status_of, streaming
from phonotheque.vault.storage.s3_parts import abort, put_in_parts, read_up_to, tag_of, uploads_under

_CHUNK = 256 * 1024  # bytes read at a time


class S3Storage:
    """Objects below a prefix of a bucket; see :class:`~phonotheque.vault.storage.base.Storage`."""

    def __init__(self, bucket: str, prefix: str, options: S3Options) -> None:
        inner = prefix.strip("/")
        self.options = options
        self._bucket = Bucket(bucket, f"{inner}/" if inner else "", options)

    @property
    def url(self) -> str:
        """``s3://bucket/prefix``."""
        return self._bucket.where("").rstrip("/")

    def check(self) -> None:
        """Raise PlaceGoneError if there is no such bucket. Listing it shows the right to do so."""
        bucket = self._bucket
        with answering(self.url):
            bucket.client.list_objects_v2(Bucket=bucket.name, Prefix=bucket.prefix, MaxKeys=1)

    def put(self, item: Item, sent: Callable[[int], None]) -> bool:
        """Put a file, a large one in parts. True where the server states the MD5 of all of it."""
        bucket = self._bucket
        if item.size > bucket.options.part:
            tag = put_in_parts(bucket, item, sent)
            stored = self.stat(item.key)
            if stored is not None and stored.sha256 != item.sha256:
                # The upload that was gone on with had been begun for another file, and says so of this one.
                tag = put_in_parts(bucket, item, sent, resume=False)
            return self._stated(item, tag)
        with open_regular(item.file) as raw, naming(item.file):
            data = read_up_to(raw, bucket.options.part + 1)
        found = hashlib.sha256(data).hexdigest()
        if (len(data), found) != (item.size, item.sha256):
            raise changed(item, len(data), found)
        digest = md5(data)
        send(
            bucket.where(item.key),
            lambda: bucket.client.put_object(
                **bucket.address(item.key), **described(item), Body=data, ContentMD5=in_base64(digest)
            ),
        )
        sent(item.size)
        return self._stated(item, digest.hex())

    def _stated(self, item: Item, tag: str) -> bool:
        """Ask for what is there now. Raises VerificationError if it is not what was put."""
        stored = self.stat(item.key)
        if stored is None or (stored.size, stored.sha256) != (item.size, item.sha256):
            raise VerificationError(
                f"{self._bucket.where(item.key)} is not what was just put there: the server states {stored}.",
                "Look what else writes to this prefix; then run it again.",
            )
        return stored.tag == tag

    def read(self, key: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        """Yield bytes by range requests; where an answer breaks off, go on from there, in the same object."""
        end = None if length is None else start + length
        tag, failures = "", 0
        while end is None or start < end:
            try:
                answer = self._get(key, start, end, tag)
                if answer is None:
                    return
                tag = str(answer.get("ETag", ""))
                for chunk in self._body(key, answer["Body"]):
                    start += len(chunk)
                    failures = 0
                    yield chunk
            except BrokenOffError:
                failures += 1
                if failures == TRIES:
                    raise
            else:
                return

    def _get(self, key: str, start: int, end: int | None, tag: str) -> dict[str, Any] | None:
        """Ask for a part of an object, None where it ends before. VerificationError if its tag is another."""
        more = {}
        if start or end is not None:
            more["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
        if tag:
            more["IfMatch"] = tag
        with answering(self._bucket.where(key)):
            try:
                answer: dict[str, Any] = self._bucket.client.get_object(**self._bucket.address(key), **more)
            except ClientError as error:
                if status_of(error) == 416:
                    return None
                raise
        return answer

    def _body(self, key: str, body: Any) -> Iterator[bytes]:
        try:
            while True:
                with streaming(self._bucket.where(key)):
                    chunk: bytes = body.read(_CHUNK)
                if not chunk:
                    return
                yield chunk
        finally:
            body.close()

    def stat(self, key: str) -> Stored | None:
        """Ask for what is stated of an object; None only where the server says that it is not there (404)."""
        with answering(self._bucket.where(key)):
            try:
                answer = self._bucket.client.head_object(**self._bucket.address(key))
            except ClientError as error:
                if status_of(error) != 404:
                    raise
                answer = None
        if answer is None:
            self.check()  # the answer to HEAD has no body to say that it is the bucket that is not there
            return None
        # Servers change the case of names; Swift makes it “Sha256”.
        metadata = {name.lower(): value for name, value in answer.get("Metadata", {}).items()}
        return Stored(key, answer["ContentLength"], metadata.get("sha256"), unquoted(answer.get("ETag")))

    def list(self, prefix: str) -> Iterator[Stored]:
        """Yield what lies under a prefix, a thousand at a time."""
        bucket = self._bucket
        pages = iter(
            bucket.client.get_paginator("list_objects_v2").paginate(
                Bucket=bucket.name, Prefix=bucket.prefix + prefix
            )
        )
        while True:
            with answering(self.url):
                page = next(pages, None)
            if page is None:
                return
            for entry in page.get("Contents", ()):
                key = entry["Key"].removeprefix(bucket.prefix)
                yield Stored(key, entry["Size"], None, unquoted(entry.get("ETag")))

    def matches(self, stored: Stored, item: Item) -> bool:
        """Compare the ETag with the one that this file would have; else the SHA-256 that was put with it."""
        if stored.size != item.size:
            return False
        if stored.tag and stored.tag == tag_of(item.file, item.size, self._bucket.options.part):
            return True
        found = stored if stored.sha256 else self.stat(stored.key)
        return found is not None and (found.size, found.sha256) == (item.size, item.sha256)

    def is_same(self, key: str, file: Path) -> bool:
        """Never: what is in a bucket is no file here."""
        return False

    def delete(self, key: str) -> None:
        """Delete an object."""
        with answering(self._bucket.where(key)):
            self._bucket.client.delete_object(**self._bucket.address(key))

    def tidy(self, prefix: str) -> int:
        """Give up the multipart uploads that interrupted runs left: their parts take room, unseen."""
        left = list(uploads_under(self._bucket, prefix))
        for key, upload in left:
            abort(self._bucket, key, upload)
        return len(left)
