"""Large objects, sent in parts: what an interrupted run has sent already is looked at, and gone on with."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phonotheque.model.errors import NotFoundError
from phonotheque.vault.place import naming, open_regular
from phonotheque.vault.storage.base import Item
from phonotheque.vault.storage.s3_client import (
    MEBIBYTE,
    Bucket,
    changed,
    described,
    in_base64,
    md5,
    send,
    unquoted,
)
from phonotheque.vault.storage.s3_errors import answering

_MAX_PARTS = 10_000  # of one object, at Amazon and elsewhere


@dataclass(slots=True)
class _Upload:
    """A multipart upload under way, and the parts that the server has: number → (MD5 in hex, bytes)."""

    id: str
    there: dict[int, tuple[str, int]] = field(default_factory=dict)


def put_in_parts(bucket: Bucket, item: Item, sent: Callable[[int], None], *, resume: bool = True) -> str:
    """Put a large file; return the ETag that it has to have. One part is in memory at a time.

    Broken off, the parts stay, and the next call goes on from them if it is to ``resume``. Raises
    VerificationError, and gives the upload up, if the file is not what ``item`` says: nothing appears then.
    """
    upload = (_resumed(bucket, item) if resume else None) or _begun(bucket, item)
    whole, size, digests, parts = hashlib.sha256(), 0, b"", []
    for number, data in enumerate(_slices(item.file, part_size(item.size, bucket.options.part)), start=1):
        whole.update(data)
        size += len(data)
        digest = md5(data)
        digests += digest
        tag, length = upload.there.get(number, ("", 0))
        if (tag, length) != (digest.hex(), len(data)):
            tag = _send_part(bucket, item.key, upload.id, number, data, digest)
        parts.append({"PartNumber": number, "ETag": tag})
        sent(len(data))
    if (size, whole.hexdigest()) != (item.size, item.sha256):
        abort(bucket, item.key, upload.id)
        raise changed(item, size, whole.hexdigest())
    _complete(bucket, item, upload.id, parts)
    return f"{md5(digests).hex()}-{len(parts)}"


def tag_of(file: Path, size: int, least: int) -> str:
    """Return the ETag that a file has when it was put here: its MD5, or one over the MD5s of its parts."""
    if size <= least:
        digest = hashlib.md5(usedforsecurity=False)
        for data in _slices(file, MEBIBYTE):
            digest.update(data)
        return digest.hexdigest()
    digests = [md5(data) for data in _slices(file, part_size(size, least))]
    return f"{md5(b''.join(digests)).hex()}-{len(digests)}"


def part_size(size: int, least: int) -> int:
    """Return the bytes of a part: whole mebibytes, so many that the number of parts is allowed."""
    return max(least, -(-size // (_MAX_PARTS * MEBIBYTE)) * MEBIBYTE)


def uploads_under(bucket: Bucket, prefix: str) -> Iterator[tuple[str, str]]:
    """Yield (key, id) of the uploads that were begun under a prefix and not ended, oldest first for a key."""
    pages = bucket.client.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket.name, Prefix=bucket.prefix + prefix
    )
    found = []
    with answering(bucket.where(prefix)):
        for page in pages:
            found += page.get("Uploads", ())
    for upload in sorted(found, key=lambda upload: (upload["Key"], upload["Initiated"])):
        yield upload["Key"].removeprefix(bucket.prefix), upload["UploadId"]


def abort(bucket: Bucket, key: str, upload: str) -> None:
    """Give an upload up, so that its parts take no room."""
    with suppress(NotFoundError), answering(bucket.where(key)):
        bucket.client.abort_multipart_upload(**bucket.address(key), UploadId=upload)


def _resumed(bucket: Bucket, item: Item) -> _Upload | None:
    """Take up the newest upload of this key; give up older ones."""
    begun = [upload for key, upload in uploads_under(bucket, item.key) if key == item.key]
    for upload in begun[:-1]:
        abort(bucket, item.key, upload)
    for upload in begun[-1:]:
        pages = bucket.client.get_paginator("list_parts").paginate(
            **bucket.address(item.key), UploadId=upload
        )
        with suppress(NotFoundError), answering(bucket.where(item.key)):
            parts = [part for page in pages for part in page.get("Parts", ())]
            there = {part["PartNumber"]: (unquoted(part["ETag"]), part["Size"]) for part in parts}
            return _Upload(upload, there)
    return None


def _begun(bucket: Bucket, item: Item) -> _Upload:
    with answering(bucket.where(item.key)):
        answer = bucket.client.create_multipart_upload(**bucket.address(item.key), **described(item))
    return _Upload(answer["UploadId"])


def _send_part(bucket: Bucket, key: str, upload: str, number: int, data: bytes, digest: bytes) -> str:
    """Send a part; return the ETag that the server gives it: encrypted there, it need not be its MD5."""
    answer = send(
        bucket.where(key),
        lambda: bucket.client.upload_part(
            **bucket.address(key),
            UploadId=upload,
            PartNumber=number,
            Body=data,
            ContentMD5=in_base64(digest),
        ),
    )
    return unquoted(answer["ETag"])


def _complete(bucket: Bucket, item: Item, upload: str, parts: list[dict[str, Any]]) -> None:
    """Let the object appear. Where the answer to this was lost, the upload is gone, and the object is there:
    the caller looks at it.
    """
    with suppress(NotFoundError), answering(bucket.where(item.key)):
        bucket.client.complete_multipart_upload(
            **bucket.address(item.key), UploadId=upload, MultipartUpload={"Parts": parts}
        )


def _slices(file: Path, size: int) -> Iterator[bytes]:
    with open_regular(file) as raw, naming(file):
        while data := read_up_to(raw, size):
            yield data


def read_up_to(raw: Any, size: int) -> bytes:
    """Read that many bytes, fewer only at the end: one call may return less, and seldom does."""
    data: bytes = raw.read(size)
    while len(data) < size and (more := raw.read(size - len(data))):
        data += more
    return data
