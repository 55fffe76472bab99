"""Items in the DHT: ours, as others' nodes keep and give them; and nodes that lie."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import libtorrent as lt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from phonotheque.editions.bencode import Bencoded, Encodable, decode, encode
from phonotheque.editions.signpost import (
    Directions,
    Signpost,
    check_signpost,
    make_signpost,
    read_signpost,
    target_of,
    write_signpost,
)
from phonotheque.mirrors import dht
from phonotheque.mirrors.dht import find, put, resolve_nodes
from phonotheque.model.errors import NetworkError, VerificationError
from tests.mirrors.local_dht import local_dht
from tests.mirrors.mirror_publisher import wait_for

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
HERE = Directions("11" * 20, "22" * 32)
THERE = Directions("33" * 20, "22" * 32)


def test_a_signpost_says_what_was_signed_and_reads_as_it_was_written() -> None:
    post = make_signpost(KEY, 7, HERE)
    assert check_signpost(post) == HERE
    assert read_signpost(write_signpost(post)) == post
    assert post == make_signpost(KEY, 7, HERE)


def test_the_signature_is_that_of_bep_44() -> None:
    """The first of its test vectors, without the private key."""
    key = bytes.fromhex("77ff84905a91936367c01360803104f92432fcd904a43511876df5cdf3e7e548")
    signature = bytes.fromhex(
        "305ac8aeb6c9c151fa120f120ea2cfb923564e11552d06a5d856091e5e853cff"
        "1260d3f39e4999684aa92eb73ffd136e6f4f3ecbfda0ce53a1608ecd7ae21f01"
    )
    with pytest.raises(VerificationError, match="names no torrent"):  # its signature is right
        check_signpost(Signpost(key, 1, b"12:Hello World!", signature))
    assert target_of(key).hex() == "4a533d47ec9c7d95b1ad75f576cffc641853b750"


@pytest.mark.parametrize(
    "change",
    [
        lambda post: Signpost(post.key, post.sequence + 1, post.value, post.signature),
        lambda post: Signpost(bytes(32), post.sequence, post.value, post.signature),
        lambda post: Signpost(post.key, post.sequence, post.value + b"e", post.signature),
        lambda post: Signpost(post.key, -1, post.value, post.signature),
    ],
)
def test_a_signpost_that_was_changed_is_refused(change: Callable[[Signpost], Signpost]) -> None:
    with pytest.raises(VerificationError):
        check_signpost(change(make_signpost(KEY, 7, HERE)))


@pytest.mark.parametrize("data", [b"", b"de", b"i1e", b"l" * 3000, encode({b"k": b"", b"v": 1, b"seq": b""})])
def test_what_is_no_signpost_is_refused(data: bytes) -> None:
    with pytest.raises(VerificationError):
        read_signpost(data)


def test_libtorrents_nodes_keep_an_item_and_give_it_to_anybody() -> None:
    with local_dht() as (sessions, texts):
        nodes = resolve_nodes(texts)
        assert find(make_signpost(KEY, 1, HERE).key, nodes).item is None
        first, second = make_signpost(KEY, 1, HERE), make_signpost(KEY, 2, THERE)
        assert put(first, nodes[:1]) >= 3
        assert find(first.key, nodes[1:2]).item == first
        assert put(second, nodes[1:2]) >= 3
        assert find(first.key, nodes[2:3]).item == second
        assert put(second, nodes[3:]) >= 3  # again, as mirrors do that do not have the key
        with pytest.raises(VerificationError, match="newer signpost of this key: 2, here 1"):
            put(first, nodes[:1])
        sessions[3].dht_get_mutable_item(first.key, b"")
        found = await_item(sessions[3])
        assert (found[b"ih"], found[b"root"]) == (bytes.fromhex(THERE.infohash), bytes.fromhex("22" * 32))


def await_item(session: lt.session) -> Any:
    items: list[Any] = []

    def there() -> bool:
        heard = [alert for alert in session.pop_alerts() if isinstance(alert, lt.dht_mutable_item_alert)]
        items.extend(alert.item for alert in heard if alert.item)
        return bool(items)

    wait_for(there)
    return items[-1]


Answer = Callable[[dict[bytes, Bencoded], dict[bytes, Encodable]], None]


@contextmanager
def lying_node(change: Answer) -> Iterator[tuple[str, int]]:
    """A node that answers all, in its own way."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            data, sender = sock.recvfrom(4096)
            asked = decode(data) if data else None
            if not isinstance(asked, dict):
                continue
            answer: dict[bytes, Encodable] = {b"id": bytes(20), b"token": b"t"}
            change(asked, answer)
            transaction = asked[b"t"]
            assert isinstance(transaction, bytes)
            sock.sendto(encode({b"t": transaction, b"y": b"r", b"r": answer}), sender)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield sock.getsockname()
    finally:
        ended.set()
        sock.sendto(b"", sock.getsockname())
        thread.join()
        sock.close()


def test_a_forged_item_is_none_and_an_older_one_gives_way() -> None:
    old, new = make_signpost(KEY, 1, HERE), make_signpost(KEY, 2, THERE)

    def forged(_asked: dict[bytes, Bencoded], answer: dict[bytes, Encodable]) -> None:
        answer |= {b"k": new.key, b"seq": 9, b"sig": bytes(64), b"v": decode(new.value)}

    def said(post: Signpost) -> Answer:
        def tell(_asked: dict[bytes, Bencoded], answer: dict[bytes, Encodable]) -> None:
            answer |= {b"k": post.key, b"seq": post.sequence, b"sig": post.signature}
            answer[b"v"] = decode(post.value)

        return tell

    with lying_node(forged) as one, lying_node(said(new)) as two, lying_node(said(old)) as three:
        assert find(new.key, [one]).item is None
        assert find(new.key, [one, three, two]).item == new
        assert find(bytes(32), [two]).item is None  # of another key


def test_nodes_that_name_ever_more_nodes_or_send_rubbish_end_a_search(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dht, "_PATIENCE", 1.0)
    monkeypatch.setattr(dht, "_ANSWER", 0.5)
    asked_for = 0

    def endless(_asked: dict[bytes, Bencoded], answer: dict[bytes, Encodable]) -> None:
        nonlocal asked_for
        asked_for += 1
        answer[b"nodes"] = b"".join(os.urandom(20) + b"\x7f\x00\x00\x01\x00\x01" for _ in range(100))

    def rubbish(_asked: dict[bytes, Bencoded], answer: dict[bytes, Encodable]) -> None:
        answer |= {b"nodes": b"x" * 7, b"sig": [], b"token": 3, b"id": b"short"}

    with lying_node(endless) as one:
        found = find(bytes(32), [one])
        assert (found.item, asked_for) == (None, 1)
    with lying_node(rubbish) as one, pytest.raises(NetworkError, match="No node of the DHT answered"):
        find(bytes(32), [one])


def test_nobody_there_is_said() -> None:
    with pytest.raises(NetworkError, match="known by its name"):
        resolve_nodes(["nowhere.invalid:1", "127.0.0.1:x"])
