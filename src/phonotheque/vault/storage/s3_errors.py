"""What goes wrong with object storage, in words. Only “404” means that something is not there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
)

from phonotheque.model.errors import (
    NetworkError,
    NotFoundError,
    PhonothequeError,
    UsageError,
    VerificationError,
)
from phonotheque.vault.storage.base import PlaceGoneError

_AGAIN = "Run it again: what has arrived is kept."
_DAMAGED = {"BadDigest", "InvalidDigest", "XAmzContentSHA256Mismatch", "XAmzContentChecksumMismatch"}
_DAMAGED |= {"XAmzContentSHA256", "IncompleteBody"}
_ELSEWHERE = {"PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
_SLOW = {"SlowDown", "Throttling", "RequestTimeout", "ServiceUnavailable", "TooManyRequests"}
_SETTINGS = (
    NoCredentialsError,
    PartialCredentialsError,
    NoRegionError,
    ProfileNotFound,
    ParamValidationError,
)


class ArrivedDamagedError(VerificationError):
    """The server received other bytes than were sent, and kept nothing."""


class BrokenOffError(NetworkError):
    """An answer ended before its end."""


@contextmanager
def answering(where: str) -> Iterator[None]:
    """Say in words what boto3 raises. ``where`` is the object or bucket that is spoken of.

    Raises NotFoundError, UsageError (settings, credentials), NetworkError, ArrivedDamagedError,
    VerificationError (the object is another by now), and PhonothequeError for any other refusal.
    """
    try:
        yield
    except ClientError as error:
        raise _said(where, error) from error
    except _SETTINGS as error:
        raise UsageError(
            f"{where} cannot be asked for: {error}",
            "Credentials come from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from the AWS files.",
        ) from error
    except HTTPClientError as error:
        raise NetworkError(f"{where} could not be reached: {error}", _AGAIN) from error
    except BotoCoreError as error:
        raise PhonothequeError(f"{where}: {error}", "Check the section [storage] of the settings.") from error


@contextmanager
def streaming(where: str) -> Iterator[None]:
    """Say that an answer broke off. Raises BrokenOffError."""
    try:
        yield
    except BotoCoreError as error:
        raise BrokenOffError(f"{where} broke off while it was read: {error}", _AGAIN) from error


def code_of(error: ClientError) -> str:
    """Return the server's word for an error; where it has none, as for HEAD, the number of the status."""
    return str(error.response.get("Error", {}).get("Code", ""))


def status_of(error: ClientError) -> int:
    """Return the HTTP status of an answer."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _said(where: str, error: ClientError) -> PhonothequeError:
    code, status = code_of(error), status_of(error)
    said = f"the server answered {status} {code}: {error.response.get('Error', {}).get('Message', '')}"
    if code == "NoSuchBucket":
        return PlaceGoneError(f"There is no bucket for {where}.", "Make it, or correct [storage].")
    if code in _DAMAGED:
        return ArrivedDamagedError(
            f"{where} arrived damaged: {said}", "Check the network; then run it again."
        )
    if status == 412:
        return VerificationError(
            f"{where} was replaced while it was read.", "Look what else writes to this prefix."
        )
    if code in _ELSEWHERE:
        return UsageError(f"{where} is in another region: {said}", "Set [storage] region.")
    if status == 404:
        return NotFoundError(f"{where} is not there.", "Find what is missing: phono check")
    if status in (401, 403):
        return PhonothequeError(
            f"{where}: {said}",
            "Check the credentials, what they allow (list, get, put, delete), and this machine's clock.",
        )
    if status >= 500 or status == 429 or code in _SLOW:
        return NetworkError(f"{where}: {said}", _AGAIN)
    return PhonothequeError(f"{where}: {said}", "Look this up in the documentation of the storage.")
