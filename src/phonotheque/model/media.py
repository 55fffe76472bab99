"""The media types that files of the public tree are served as, whatever a machine's own tables say."""

from __future__ import annotations

from pathlib import PurePosixPath

UNTYPED = "application/octet-stream"
_TYPES = {
    ".aiff": "audio/aiff",
    ".flac": "audio/flac",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".m4a": "audio/mp4",
    ".mka": "audio/x-matroska",
    ".mp3": "audio/mpeg",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".torrent": "application/x-bittorrent",
    ".txt": "text/plain",
    ".wav": "audio/wav",
    ".webp": "image/webp",
}
# Only outside bags: pages and feeds are made by the archive itself.
_PAGE_TYPES = {
    ".atom": "application/atom+xml",
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


_OF_OTHERS = ("bags/", "restricted/")


def media_type(path: str) -> str:
    """Return the type of a path of the public tree. What lies in bags was written by others: never a page."""
    suffix = PurePosixPath(path).suffix.lower()
    types = _TYPES if path.startswith(_OF_OTHERS) else _TYPES | _PAGE_TYPES
    return types.get(suffix, UNTYPED)
