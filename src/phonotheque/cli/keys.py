"""phono keys: which keys sign for an archive; naming others, and roots that several people sign."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from phonotheque.cli.common import (
    archive_argument,
    counted,
    json_option,
    messages,
    output,
    progress_bars,
    safe,
    show,
)
from phonotheque.editions.keys import ROLES, load_public, load_signer, own_keys, public_pem, write_key
from phonotheque.editions.roots import (
    WAITING,
    Standing,
    accept,
    add_root_key,
    countersign,
    find_key,
    is_unfinished,
    present_root,
    propose,
    read_root,
    remove_root_key,
    rotate,
    set_threshold,
    standing,
    waiting_root,
)
from phonotheque.editions.sending import send_public
from phonotheque.editions.tree import put_up_signpost
from phonotheque.editions.trust import root_fingerprint
from phonotheque.model.errors import UsageError
from phonotheque.vault.archive import Archive, now
from phonotheque.vault.place import write_durably


@click.group("keys")
def keys_command() -> None:
    """Which keys sign for an archive; naming others; roots that several people sign."""


@keys_command.command("show")
@archive_argument
@json_option
def show_command(archive: Archive, as_json: bool) -> None:
    """Show which keys count for what in ARCHIVE, which of them are here, and what waits for signatures."""
    _refuse_mirrors(archive)
    data = _described(archive)
    show(data, as_json, lambda: _print(data))


@keys_command.command("new")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@json_option
def new_command(file: Path, as_json: bool) -> None:
    """Make a key pair for somebody who shall sign roots: FILE is private, FILE.pub is to be given away."""
    public = file.with_name(file.name + ".pub")
    if public.exists():
        raise UsageError(f"{public} exists.", "Choose another name: keys are not replaced.")
    # A private key without its public half is from a run that was killed: it is gone on with.
    key = load_signer(file).public_key if file.exists() else write_key(file)
    write_durably(public, public_pem(key))
    data = {"id": key.keyid, "private": str(file), "public": str(public)}
    show(data, as_json, lambda: output.print(safe(f"{key.keyid[:8]}: keep {file}, and give {public} away.")))


@keys_command.command("rotate")
@archive_argument
@click.argument("role", type=click.Choice(ROLES))
@click.option("--replace", default="", metavar="ID", help="Of several root keys: the one to be replaced.")
@json_option
def rotate_command(archive: Archive, role: str, replace: str, as_json: bool) -> None:
    """Make another key for ROLE of ARCHIVE; the one before it counts no more."""

    def change(archive: Archive) -> Standing:
        root = (waiting_root(archive.keys, present := present_root(archive.public)) or present).signed
        listed = root.roles[role].keyids
        if role == "root" and len(listed) > 1 and not replace:
            raise UsageError("The root has several keys.", "Say which is to be replaced: --replace ID")
        replaced = [find_key(root, role, replace)] if replace else list(listed)
        return propose(archive.public, archive.keys, rotate(archive.keys, role, replaced), now=now())

    _change(archive, change, as_json)


@keys_command.command("renew")
@archive_argument
@json_option
def renew_command(archive: Archive, as_json: bool) -> None:
    """Sign ARCHIVE's root again, as it is, for as long again."""
    _change(archive, lambda one: propose(one.public, one.keys, lambda _root: None, now=now()), as_json)


@keys_command.command("add")
@archive_argument
@click.argument("public", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def add_command(archive: Archive, public: Path, as_json: bool) -> None:
    """Let somebody's key, of which PUBLIC is the public half, count for ARCHIVE's root."""
    change = add_root_key(load_public(public))
    _change(archive, lambda one: propose(one.public, one.keys, change, now=now()), as_json)


@keys_command.command("remove")
@archive_argument
@click.argument("key", metavar="ID")
@json_option
def remove_command(archive: Archive, key: str, as_json: bool) -> None:
    """Let the root key whose id begins with ID count for ARCHIVE no more."""

    def change(archive: Archive) -> Standing:
        root = (waiting_root(archive.keys, present := present_root(archive.public)) or present).signed
        gone = remove_root_key(find_key(root, "root", key))
        return propose(archive.public, archive.keys, gone, now=now())

    _change(archive, change, as_json)


@keys_command.command("threshold")
@archive_argument
@click.argument("count", type=int)
@json_option
def threshold_command(archive: Archive, count: int, as_json: bool) -> None:
    """Ask for COUNT signatures of ARCHIVE's root keys, from the next root on."""
    _change(archive, lambda one: propose(one.public, one.keys, set_threshold(count), now=now()), as_json)


@keys_command.command("look")
@click.argument("root", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--after",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="The root in use: metadata/NUMBER.root.json of the public tree.",
)
@json_option
def look_command(root: Path, after: Path, as_json: bool) -> None:
    """Show what the file ROOT, a root that was proposed, changes in the root in use. Nothing is signed."""
    stands = standing(read_root(after), read_root(root))
    show(_data(stands), as_json, lambda: _tell(stands, f"Root {stands.version}, as {root} proposes it."))


@keys_command.command("sign")
@click.argument("root", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("key", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--after",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    required=True,
    help="The root in use: metadata/NUMBER.root.json of the public tree.",
)
@json_option
def sign_command(root: Path, key: Path, after: Path, as_json: bool) -> None:
    """Sign the file ROOT, a root that was proposed, with the private KEY; no archive is needed here.

    What it changes in the root in use is shown; to see that before: phono keys look. Give the file back to
    the archive: phono keys accept.
    """
    stands = countersign(root, load_signer(key), read_root(after))
    show(_data(stands), as_json, lambda: _tell(stands, f"{root} is signed."))


@keys_command.command("accept")
@archive_argument
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@json_option
def accept_command(archive: Archive, files: tuple[Path, ...], as_json: bool) -> None:
    """Take over the signatures in FILES, which came back; put ARCHIVE's root to use if they are enough."""
    _change(archive, lambda one: accept(one.public, one.keys, files, now=now()), as_json)


def _change(archive: Archive, change: Callable[[Archive], Standing], as_json: bool) -> None:
    _refuse_mirrors(archive)
    with archive.writing("keys"), progress_bars() as progress:
        stands = change(archive)
        if stands.complete:
            put_up_signpost(archive.public, archive.keys, archive.settings.publish.trackers)
            send_public(archive, progress)
    where = archive.keys / WAITING
    said = (
        f"Root {stands.version} is in use."
        if stands.complete
        else f"Root {stands.version} waits in {where}. Send a copy to those who are to sign it."
    )
    show(_data(stands), as_json, lambda: _tell(stands, said))


def _refuse_mirrors(archive: Archive) -> None:
    if archive.is_mirror:
        raise UsageError(f"{archive.folder} is a mirror: it signs nothing.", "Give the archive's folder.")


def _data(stands: Standing) -> dict[str, object]:
    return {
        "version": stands.version,
        "in_use": stands.complete,
        "changes": list(stands.changes),
        "lacking_of_root_in_use": stands.lacking_old,
        "lacking_of_this_root": stands.lacking_new,
        "may_sign": list(stands.may_sign),
    }


def _tell(stands: Standing, said: str) -> None:
    for change in stands.changes:
        messages.print(safe(f"  {change}"))
    output.print(safe(said))
    if stands.complete:
        return
    for lacking, whose in ((stands.lacking_old, "the root in use"), (stands.lacking_new, "this root")):
        if lacking:
            messages.print(f"It lacks {counted(lacking, 'signature')} by keys of {whose}.")
    messages.print(safe(f"Who may sign: {', '.join(key[:8] for key in stands.may_sign)}"))


def _described(archive: Archive) -> dict[str, Any]:
    present = present_root(archive.public)
    unfinished = is_unfinished(archive.public)
    waiting = waiting_root(archive.keys, present)
    root = present.signed
    first = (archive.public / "metadata" / "1.root.json").read_bytes()
    return {
        "fingerprint": root_fingerprint(first),
        "version": root.version,
        "expires": root.expires.isoformat(),
        "roles": {
            role: {
                "threshold": root.roles[role].threshold,
                "keys": {keyid: keyid in own_keys(archive.keys, role) for keyid in root.roles[role].keyids},
            }
            for role in ROLES
        },
        "unfinished": unfinished,
        "waiting": _data(standing(present, waiting)) if waiting else None,
    }


def _print(data: dict[str, Any]) -> None:
    output.print(f"Fingerprint {data['fingerprint']}")
    output.print(f"Root {data['version']}, until {data['expires'][:10]}")
    for role, known in data["roles"].items():
        keys = ", ".join(f"{key[:8]}{' (here)' if here else ''}" for key, here in known["keys"].items())
        output.print(f"  {role:9}  {known['threshold']} of {len(known['keys'])}: {keys}")
    if data["unfinished"]:
        output.print("Its keys have not signed yet: mirrors wait. Go on with: phono keys accept ARCHIVE")
    if data["waiting"]:
        output.print(f"Root {data['waiting']['version']} waits for signatures:")
        for change in data["waiting"]["changes"]:
            output.print(f"  {change}")
        output.print(f"  may sign: {', '.join(key[:8] for key in data['waiting']['may_sign'])}")
