"""New roots: which keys count for which role, signed by as many root keys as the present and the new one ask.

TUF specification 1.0, §5.3.4: a root is signed by a threshold of the keys of the one before, and of its own.
Where those keys are not all here, the root waits in the folder of keys until others have signed it, offline:
one file goes to each of them and comes back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from securesystemslib.exceptions import UnverifiedSignatureError
from securesystemslib.signer import CryptoSigner, Signature, SSlibKey
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root

from phonotheque.editions.keys import add_key, load_signer, own_keys, signers
from phonotheque.editions.trust import (
    LIFETIMES,
    ONLINE,
    Lifetimes,
    advance,
    load_state,
    newest_root,
    renew,
    until,
)
from phonotheque.model.errors import NotFoundError, UsageError, VerificationError
from phonotheque.vault.place import fsync_dir, write_durably

WAITING = "next-root.json"  # in the folder of keys: a root that lacks signatures
_MAX_BYTES = 512_000  # as clients have it
_Change = Callable[[Root], None]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a root still lacks: signatures by keys of the root before it, and of its own."""

    version: int
    changes: tuple[str, ...]
    lacking_old: int
    lacking_new: int
    may_sign: tuple[str, ...]  # ids of keys that count and have not signed

    @property
    def complete(self) -> bool:
        """Whether clients would take it."""
        return not self.lacking_old and not self.lacking_new


def present_root(public: Path) -> Metadata[Root]:
    """Return the newest root of a signed tree. Raises NotFoundError, VerificationError."""
    metadata = public / "metadata"
    path = metadata / f"{newest_root(metadata)}.root.json"
    if not path.exists():
        raise NotFoundError(f"{path} is not there: nothing was signed yet.", "Run first: phono init")
    return _parsed(path.read_bytes(), str(path))


def read_root(path: Path) -> Metadata[Root]:
    """Return the root in a file. Raises VerificationError."""
    return _parsed(path.read_bytes(), str(path))


def waiting_root(keys_dir: Path, present: Metadata[Root]) -> Metadata[Root] | None:
    """Return the root after the present one that waits for signatures, if one does."""
    path = keys_dir / WAITING
    if not path.exists():
        return None
    found = _parsed(path.read_bytes(), str(path))
    return found if found.signed.version > present.signed.version else None  # else it is in use already


def rotate(keys_dir: Path, role: str, replaced: Sequence[str]) -> _Change:
    """Make a key, and return the change of a root by which it takes the place of others, by their ids."""
    fresh = add_key(keys_dir, role)

    def change(root: Root) -> None:
        for keyid in replaced:
            root.revoke_key(keyid, role)
        root.add_key(fresh, role)

    return change


def add_root_key(key: SSlibKey) -> _Change:
    """Let a key count for the root."""

    def change(root: Root) -> None:
        if key.keyid in root.roles["root"].keyids:
            raise UsageError(f"The key {key.keyid[:8]} counts for the root already.")
        root.add_key(key, "root")

    return change


def remove_root_key(keyid: str) -> _Change:
    """Let a key count for the root no more."""

    def change(root: Root) -> None:
        role = root.roles["root"]
        if len(role.keyids) <= role.threshold:
            raise UsageError(
                f"The root needs {role.threshold} of its {len(role.keyids)} keys: none can be spared.",
                "Add another key first, or lower the threshold.",
            )
        root.revoke_key(keyid, "root")

    return change


def set_threshold(count: int) -> _Change:
    """Ask for the signatures of this many root keys."""

    def change(root: Root) -> None:
        role = root.roles["root"]
        if not 1 <= count <= len(role.keyids):
            raise UsageError(
                f"{count} signatures cannot be asked of {len(role.keyids)} root keys.", "Add keys first."
            )
        role.threshold = count

    return change


def find_key(root: Root, role: str, prefix: str) -> str:
    """Return the id of the one key of a role whose id begins so. Raises UsageError."""
    found = [keyid for keyid in root.roles[role].keyids if keyid.startswith(prefix)]
    if len(found) != 1:
        known = ", ".join(keyid[:8] for keyid in root.roles[role].keyids)
        raise UsageError(f"{len(found)} keys of {role} begin with “{prefix:.64}”.", f"They are: {known}")
    return found[0]


def propose(
    public: Path, keys_dir: Path, change: _Change, *, now: datetime, lifetimes: Lifetimes = LIFETIMES
) -> Standing:
    """Write the next root, changed, signed with the root keys that are here; put it to use if that is enough.

    A root that waits already is changed further, and has to be signed anew by the others.
    """
    present = present_root(public)
    base = waiting_root(keys_dir, present) or present
    root = Metadata[Root].from_bytes(base.to_bytes()).signed
    change(root)
    root.version = present.signed.version + 1
    root.expires = until(now, lifetimes.root)
    fresh: Metadata[Root] = Metadata(root)
    listed = {*root.roles["root"].keyids, *present.signed.roles["root"].keyids}
    for keyid, path in sorted(own_keys(keys_dir, "root").items()):
        if keyid in listed:
            fresh.sign(load_signer(path), append=True)
    write_durably(keys_dir / WAITING, _bytes(fresh), mode=0o600)
    return _used_if_complete(public, keys_dir, fresh, present, now, lifetimes)


def accept(
    public: Path,
    keys_dir: Path,
    signed: Sequence[Path],
    *,
    now: datetime,
    lifetimes: Lifetimes = LIFETIMES,
) -> Standing:
    """Take over the signatures that came back; put the root to use once they are enough.

    Of a file, nothing else is taken than signatures that verify, by keys that count. A root that was put to
    use by a run which was killed before its keys had signed is gone on with.

    Raises UsageError for a file that is another root than the one that waits, VerificationError for one in
    which a signature of a key that counts is wrong.
    """
    present = present_root(public)
    fresh = waiting_root(keys_dir, present)
    if fresh is None and is_unfinished(public):
        renew(public, keys_dir, now=now, lifetimes=lifetimes)
        (keys_dir / WAITING).unlink(missing_ok=True)
        return Standing(present.signed.version, (), 0, 0, ())
    if fresh is None:
        raise NotFoundError(f"No root waits for signatures in {keys_dir}.", "See: phono keys show")
    for path in signed:
        other = _parsed(path.read_bytes(), str(path))
        if other.signed_bytes != fresh.signed_bytes:
            raise UsageError(
                f"{path} is another root than the one that waits in {keys_dir}.",
                "What was changed since has to be signed anew.",
            )
        fresh.signatures.update(_verified(other.signatures.values(), fresh, present, str(path)))
    write_durably(keys_dir / WAITING, _bytes(fresh), mode=0o600)
    return _used_if_complete(public, keys_dir, fresh, present, now, lifetimes)


def countersign(path: Path, signer: CryptoSigner, present: Metadata[Root]) -> Standing:
    """Add a signature to a root in a file, which has to be the one after ``present``.

    Raises UsageError when the key counts for neither. A file that is refused stays as it was.
    """
    fresh = _parsed(path.read_bytes(), str(path))
    standing(present, fresh)
    keyid = signer.public_key.keyid
    if keyid not in {*fresh.signed.roles["root"].keyids, *present.signed.roles["root"].keyids}:
        raise UsageError(f"The key {keyid[:8]} counts for neither root: its signature would say nothing.")
    fresh.sign(signer, append=True)
    write_durably(path, _bytes(fresh))
    return standing(present, fresh)


def is_unfinished(public: Path) -> bool:
    """Tell whether a run was killed between a new root and what its keys were to sign.

    Raises VerificationError.
    """
    return load_state(public / "metadata").outdated


def standing(present: Metadata[Root], fresh: Metadata[Root]) -> Standing:
    """Return what a root changes in the one before it, and what it lacks. Raises VerificationError."""
    if fresh.signed.version != present.signed.version + 1:
        raise VerificationError(
            f"The root has version {fresh.signed.version}; the one in use has {present.signed.version}.",
            "Propose the change anew.",
        )
    found = fresh.signed.get_root_verification_result(present.signed, fresh.signed_bytes, fresh.signatures)
    old, new = found.first, found.second
    able = [keyid for result in (old, new) for keyid in result.unsigned]
    return Standing(
        fresh.signed.version,
        tuple(_changes(present.signed, fresh.signed)),
        old.missing,
        new.missing,
        tuple(dict.fromkeys(able)),
    )


def _changes(old: Root, new: Root) -> list[str]:
    said = []
    for role in sorted(old.roles.keys() | new.roles.keys()):
        before, after = old.roles[role], new.roles[role]
        said += [f"{role}: {key[:8]} counts no more" for key in before.keyids if key not in after.keyids]
        said += [f"{role}: {key[:8]} counts from now on" for key in after.keyids if key not in before.keyids]
        if before.threshold != after.threshold:
            said.append(f"{role}: {after.threshold} signatures instead of {before.threshold}")
    return [*said, f"holds until {new.expires:%Y-%m-%d}"]


def _used_if_complete(
    public: Path,
    keys_dir: Path,
    fresh: Metadata[Root],
    present: Metadata[Root],
    now: datetime,
    lifetimes: Lifetimes,
) -> Standing:
    stands = standing(present, fresh)
    if stands.complete:
        _use(public, keys_dir, fresh, present, now, lifetimes)
        (keys_dir / WAITING).unlink()
        fsync_dir(keys_dir)
    return stands


def _use(
    public: Path,
    keys_dir: Path,
    fresh: Metadata[Root],
    present: Metadata[Root],
    now: datetime,
    lifetimes: Lifetimes,
) -> None:
    """Put a root to use: what its keys sign comes first, signed by the keys before them, too.

    So clients find something that verifies at any moment, whichever root they have, and a new timestamp tells
    them to look. Where a former key is lost, the root comes first. Killed in between, the next publishing or
    the next try goes on.
    """
    metadata = public / "metadata"
    state = load_state(metadata)
    by = {role: signers(keys_dir, role, present.signed, fresh.signed) for role in ONLINE}
    here = {signer.public_key.keyid for role in ONLINE for signer in by[role]}
    both = all(here.intersection(present.signed.roles[role].keyids) for role in ONLINE)
    place, data = metadata / f"{fresh.signed.version}.root.json", _bytes(fresh)
    if not both:
        write_durably(place, data)
    advance(metadata, state, by, now, lifetimes)
    if both:
        write_durably(place, data)


def _verified(
    signatures: Iterable[Signature], fresh: Metadata[Root], present: Metadata[Root], where: str
) -> dict[str, Signature]:
    """Return those by keys that count for the root, or the one before it: nothing else that a file holds."""
    found = {}
    for given in signatures:
        for root in (fresh.signed, present.signed):
            if given.keyid not in root.roles["root"].keyids:
                continue
            try:
                root.keys[given.keyid].verify_signature(given, fresh.signed_bytes)
            except UnverifiedSignatureError as error:
                raise VerificationError(
                    f"{where}: the signature of the key {given.keyid[:8]} is wrong.", "Ask for it again."
                ) from error
            found[given.keyid] = Signature(given.keyid, given.signature)
    return found


def _bytes(root: Metadata[Root]) -> bytes:
    """Return a root as it is written. Raises UsageError where clients would not read so much."""
    data = root.to_bytes()
    if len(data) > _MAX_BYTES:
        raise UsageError(f"The root would have {len(data)} bytes; clients read {_MAX_BYTES}.", "Remove keys.")
    return data


def _parsed(data: bytes, where: str) -> Metadata[Root]:
    try:
        if len(data) > _MAX_BYTES:
            raise RepositoryError(f"it has more than {_MAX_BYTES} bytes")
        parsed = Metadata[Root].from_bytes(data)
        if parsed.signed.type != Root.type:
            raise RepositoryError(f"it is {parsed.signed.type} metadata")
    except RepositoryError as error:
        raise VerificationError(f"{where} is no root: {error}.", "Ask for it again.") from error
    return parsed
