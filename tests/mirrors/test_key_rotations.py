"""Mirrors follow through new keys and roots, and are free again once stolen keys count no more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, Timestamp

from phonotheque.editions.keys import load_public, load_signer, public_pem, write_key
from phonotheque.editions.roots import (
    WAITING,
    Standing,
    accept,
    add_root_key,
    countersign,
    is_unfinished,
    present_root,
    propose,
    remove_root_key,
    rotate,
    set_threshold,
)
from phonotheque.editions.trust import ONLINE, renew
from phonotheque.mirrors.follow import follow
from phonotheque.mirrors.origin import Origin, open_origin
from phonotheque.model.errors import UsageError, VerificationError
from phonotheque.vault.place import write_durably
from tests.mirrors.mirror_publisher import NOW, Publisher, later

SMALL = {"a.ogg": b"a" * 100}


@pytest.fixture
def published(publisher: Publisher) -> Publisher:
    publisher.bag("catalogue-1", SMALL)
    publisher.publish(1)
    return publisher


@pytest.fixture
def origin(published: Publisher) -> Origin:
    return open_origin(str(published.folder))


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    (tmp_path / "mirror").mkdir()
    return tmp_path / "mirror" / "trust"


def keys(published: Publisher) -> Path:
    return published.folder / "keys"


def replace_key(published: Publisher, role: str) -> Standing:
    listed = list(present_root(published.public).signed.roles[role].keyids)
    return propose(published.public, keys(published), rotate(keys(published), role, listed), now=NOW)


@pytest.mark.parametrize("role", ["root", *ONLINE])
def test_mirrors_follow_when_a_key_is_replaced(
    published: Publisher, origin: Origin, trust: Path, role: str
) -> None:
    follow(origin, trust, now=NOW)
    before = present_root(published.public).signed.roles[role].keyids
    assert replace_key(published, role).complete
    after = present_root(published.public).signed.roles[role].keyids
    assert set(before).isdisjoint(after)
    (keys(published) / f"{role}.pem").unlink()  # the former key is needed no more
    published.publish(2)
    assert follow(origin, trust, now=NOW).edition.number == 2
    assert follow(origin, trust.with_name("fresh"), now=NOW).edition.number == 2


def test_a_former_key_signs_nothing_any_more(published: Publisher, origin: Origin, trust: Path) -> None:
    old = load_signer(keys(published) / "timestamp.pem")
    replace_key(published, "timestamp")
    follow(origin, trust, now=NOW)
    forge_timestamp(published, old, version=99)
    with pytest.raises(VerificationError, match=r"timestamp\.json .* does not verify"):
        follow(origin, trust, now=later(days=1))


def test_a_mirror_that_was_away_takes_many_roots_at_once(
    published: Publisher, origin: Origin, trust: Path
) -> None:
    follow(origin, trust, now=NOW)
    for role in ("root", "timestamp", "root", "snapshot", "targets", "root"):
        assert replace_key(published, role).complete
    published.publish(2)
    assert follow(origin, trust, now=NOW).edition.number == 2
    assert len(list((trust / "root_history").iterdir())) == 7


def test_a_root_that_is_left_out_or_not_signed_by_the_one_before_is_refused(
    published: Publisher, origin: Origin, trust: Path
) -> None:
    follow(origin, trust, now=NOW)
    replace_key(published, "root")
    replace_key(published, "root")
    metadata = published.public / "metadata"
    shutil.copy(metadata / "3.root.json", metadata / "2.root.json")
    with pytest.raises(VerificationError, match=r"metadata/2\.root\.json .* does not verify"):
        follow(origin, trust, now=later(days=1))


def forge_timestamp(published: Publisher, signer: CryptoSigner, version: int) -> None:
    path = published.public / "metadata" / "timestamp.json"
    metadata = Metadata[Timestamp].from_bytes(path.read_bytes())
    metadata.signed.version = version
    metadata.sign(signer)
    path.write_bytes(metadata.to_bytes())


def test_a_fast_forward_attack_ends_with_the_key_that_made_it(
    published: Publisher, origin: Origin, trust: Path
) -> None:
    timestamp = published.public / "metadata" / "timestamp.json"
    good = timestamp.read_bytes()
    forge_timestamp(published, load_signer(keys(published) / "timestamp.pem"), version=2**31)
    follow(origin, trust, now=NOW)
    timestamp.write_bytes(good)  # the publisher has it back, and goes on
    published.publish(2)
    with pytest.raises(VerificationError, match=r"timestamp\.json .* too old"):
        follow(origin, trust, now=NOW)
    replace_key(published, "timestamp")
    assert follow(origin, trust, now=NOW).edition.number == 2


def test_two_of_three_sign_a_root_each_at_home(
    published: Publisher, origin: Origin, trust: Path, tmp_path: Path
) -> None:
    follow(origin, trust, now=NOW)
    public, home = published.public, keys(published)
    for name in ("ann", "bob"):
        key = write_key(tmp_path / f"{name}.pem")
        (tmp_path / f"{name}.pub").write_bytes(public_pem(key))
        change = add_root_key(load_public(tmp_path / f"{name}.pub"))
        assert propose(public, home, change, now=NOW).complete
    lacking = propose(public, home, set_threshold(2), now=NOW)
    assert (lacking.lacking_old, lacking.lacking_new, lacking.complete) == (0, 1, False)
    assert not accept(public, home, [], now=NOW).complete
    assert not (public / "metadata" / "4.root.json").exists()
    sent = tmp_path / "sent.json"
    shutil.copy(home / WAITING, sent)
    present = present_root(public)
    assert countersign(sent, load_signer(tmp_path / "ann.pem"), present).complete
    assert accept(public, home, [sent], now=NOW).complete
    assert not (home / WAITING).exists()

    (home / "root.pem").unlink()  # from here on, nobody can do it alone
    stands = propose(
        public, home, rotate(home, "timestamp", present.signed.roles["timestamp"].keyids), now=NOW
    )
    assert (stands.lacking_old, stands.lacking_new) == (2, 2)
    for name in ("ann", "bob"):
        shutil.copy(home / WAITING, tmp_path / f"{name}.json")
        countersign(tmp_path / f"{name}.json", load_signer(tmp_path / f"{name}.pem"), present_root(public))
    assert not accept(public, home, [tmp_path / "ann.json"], now=NOW).complete
    assert accept(public, home, [tmp_path / "bob.json"], now=NOW).complete
    published.publish(2)
    assert follow(origin, trust, now=NOW).edition.number == 2


def test_one_of_two_that_are_asked_for_is_not_enough_for_mirrors(
    published: Publisher, origin: Origin, trust: Path, tmp_path: Path
) -> None:
    other = write_key(tmp_path / "other.pem")
    propose(published.public, keys(published), add_root_key(other), now=NOW)
    propose(published.public, keys(published), set_threshold(2), now=NOW)
    shutil.copy(keys(published) / WAITING, tmp_path / "3.json")
    countersign(tmp_path / "3.json", load_signer(tmp_path / "other.pem"), present_root(published.public))
    accept(published.public, keys(published), [tmp_path / "3.json"], now=NOW)
    follow(origin, trust, now=NOW)
    propose(published.public, keys(published), lambda _root: None, now=NOW)
    shutil.copy(keys(published) / WAITING, published.public / "metadata" / "4.root.json")
    with pytest.raises(VerificationError, match=r"4\.root\.json .* signed by 1/2 keys"):
        follow(origin, trust, now=later(days=1))


def test_signatures_of_another_proposal_or_a_strange_key_are_refused(
    published: Publisher, tmp_path: Path
) -> None:
    home = keys(published)
    write_key(tmp_path / "strange.pem")
    propose(published.public, home, add_root_key(write_key(tmp_path / "b.pem")), now=NOW)
    propose(published.public, home, set_threshold(2), now=NOW)
    shutil.copy(home / WAITING, tmp_path / "sent.json")
    present = present_root(published.public)
    with pytest.raises(UsageError, match="counts for neither"):
        countersign(tmp_path / "sent.json", load_signer(tmp_path / "strange.pem"), present)
    countersign(tmp_path / "sent.json", load_signer(tmp_path / "b.pem"), present)
    propose(published.public, home, rotate(home, "targets", present.signed.roles["targets"].keyids), now=NOW)
    with pytest.raises(UsageError, match="another root than the one that waits"):
        accept(published.public, home, [tmp_path / "sent.json"], now=NOW)
    with pytest.raises(UsageError, match="none can be spared"):
        propose(published.public, home, remove_root_key(present.signed.roles["root"].keyids[0]), now=NOW)


def test_there_is_something_to_verify_at_every_moment_of_a_rotation(
    published: Publisher, origin: Origin, trust: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed after any write, mirrors with the old root and with none follow, and the publisher goes on."""
    import phonotheque.editions.roots as roots
    import phonotheque.editions.trust as trusts

    follow(origin, trust, now=NOW)
    moments = 0

    def writing(path: Path, content: bytes, *, mode: int = 0o644) -> None:
        nonlocal moments
        write_durably(path, content, mode=mode)
        if path.parent.name == "metadata":
            moments += 1
            for known in (True, False):
                place = tmp_path / f"look{moments}{known}" / "trust"
                place.parent.mkdir()
                if known:
                    shutil.copytree(trust, place, symlinks=True)
                assert follow(origin, place, now=NOW).edition.number == 1

    monkeypatch.setattr(trusts, "write_durably", writing)
    monkeypatch.setattr(roots, "write_durably", writing)
    for role in ONLINE:
        assert replace_key(published, role).complete
    assert moments == 12


@pytest.mark.parametrize("by", ["renew", "accept"])
def test_a_rotation_that_was_killed_before_its_keys_signed_is_gone_on_with(
    published: Publisher, origin: Origin, trust: Path, monkeypatch: pytest.MonkeyPatch, by: str
) -> None:
    """The former key is lost, so the root has to come first."""
    import phonotheque.editions.roots as roots

    (keys(published) / "timestamp.pem").unlink()

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(roots, "advance", killed)
        with pytest.raises(KeyboardInterrupt):
            replace_key(published, "timestamp")
    assert is_unfinished(published.public)
    if by == "accept":
        assert accept(published.public, keys(published), [], now=NOW).complete
        assert not (keys(published) / WAITING).exists()
    else:
        assert renew(published.public, keys(published), now=NOW) == ONLINE
    assert not is_unfinished(published.public)
    assert follow(origin, trust, now=NOW).edition.number == 1
    published.publish(2)
    assert follow(origin, trust, now=NOW).edition.number == 2
