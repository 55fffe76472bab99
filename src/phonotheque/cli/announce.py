"""phono announce: let others find an archive by its public key alone."""

from __future__ import annotations

import threading

import click

from phonotheque.cli.common import archive_argument, json_option, messages, output, progress_bars, safe, show
from phonotheque.cli.ending import ending_well
from phonotheque.cli.following import reach_of
from phonotheque.cli.transfer import Transfer, transfer_options
from phonotheque.editions.issue import point_at
from phonotheque.editions.keys import SIGNPOST, write_key
from phonotheque.editions.sending import send_public
from phonotheque.editions.signpost import Signpost, check_signpost, read_signpost
from phonotheque.editions.tree import ITEM, put_up_signpost
from phonotheque.ledger.bags import latest_edition
from phonotheque.mirrors.by_key import magnet_link
from phonotheque.mirrors.dht import NODES, put, resolve_nodes
from phonotheque.mirrors.signposting import Signposting
from phonotheque.model.errors import NotFoundError, UsageError
from phonotheque.vault.archive import Archive, now

_TURN = 1.0  # seconds


@click.command("announce")
@archive_argument
@click.option("--once", is_flag=True, help="Put it into the DHT once, instead of hourly until Ctrl-C.")
@transfer_options
@json_option
def announce_command(archive: Archive, once: bool, transfer: Transfer, as_json: bool) -> None:
    """Let others follow ARCHIVE by a public key alone, even when its web server is gone.

    The key is made at the first time; the signed item that says where the newest public tree is goes into the
    DHT each hour, and that tree's small files to who asks for them. Mirrors that serve do the same without
    the key, so that this command need not run for ever. A mirror's folder can be given, too.
    """
    archive = transfer.over(archive)
    swarm = transfer.swarm(archive.settings.mirror)
    if not swarm.dht:
        raise UsageError(
            "The DHT is not used with a proxy, with --no-discovery, or when listening on this machine only.",
            "Leave that out, or name a node of a DHT of your own: --dht-node HOST:PORT",
        )
    post = _mirrored(archive) if archive.is_mirror else _put_up(archive)
    reach = reach_of(swarm, transfer)
    if once:
        kept = put(post, resolve_nodes(reach.nodes or NODES))
        show(_data(post, kept), as_json, lambda: _print(post, kept))
        return
    show(_data(post, None), as_json, lambda: _print(post, None))
    posting = Signposting(
        archive.public,
        reach,
        lambda text: messages.print(safe(text)),
        lambda post, nodes: messages.print(f"Signpost {post.sequence} is kept by {nodes} nodes."),
    )
    stop = threading.Event()
    with ending_well(stop, lambda _number: messages.print("Ending; once more to end at once.")):
        try:
            while not stop.wait(_TURN):
                posting.tend()
        finally:
            posting.close()


def _put_up(archive: Archive) -> Signpost:
    with archive.writing("announce"), progress_bars() as progress:
        with archive.ledger.connect() as ledger:
            latest = latest_edition(ledger)
        if latest is None:
            raise NotFoundError(f"{archive.folder} has published nothing yet.", "Run: phono publish")
        key = archive.keys / f"{SIGNPOST}.pem"
        if not key.exists():
            write_key(key)
            messages.print(safe(f"Made {key}: back it up with the other keys."))
        point_at(archive, latest, now())
        post = put_up_signpost(archive.public, archive.keys, archive.settings.publish.trackers)
        send_public(archive, progress)
    assert post is not None
    return post


def _mirrored(mirror: Archive) -> Signpost:
    try:
        return read_signpost((mirror.public / ITEM).read_bytes())
    except FileNotFoundError as error:
        raise NotFoundError(
            f"{mirror.folder} has no signpost.", "Its archive has no such key, or it has not looked since."
        ) from error


def _data(post: Signpost, nodes: int | None) -> dict[str, object]:
    directions = check_signpost(post)
    return {
        "key": post.key.hex(),
        "magnet": magnet_link(post.key.hex()),
        "sequence": post.sequence,
        "infohash": directions.infohash,
        "fingerprint": directions.fingerprint,
        "nodes": nodes,
    }


def _print(post: Signpost, nodes: int | None) -> None:
    output.print(f"Others can follow with: phono mirror '{magnet_link(post.key.hex())}' MY-MIRROR")
    if nodes is not None:
        messages.print(f"Signpost {post.sequence} is kept by {nodes} nodes, for about two hours.")
