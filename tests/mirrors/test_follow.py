from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from phonotheque.editions.edition import Edition, Previous, Tombstone, Withdrawal
from phonotheque.editions.roots import propose
from phonotheque.editions.trust import create_keys, init_repository, publish_targets, root_fingerprint
from phonotheque.mirrors.follow import accepted, follow
from phonotheque.mirrors.origin import FolderOrigin, Origin, open_origin
from phonotheque.model.errors import NetworkError, NotFoundError, UsageError, VerificationError
from tests.mirrors.mirror_publisher import DATE, NOW, Publisher, later, served, tree

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


def test_first_contact_shows_the_fingerprint(published: Publisher, origin: Origin, trust: Path) -> None:
    followed = follow(origin, trust, now=NOW)
    root = (published.public / "metadata" / "1.root.json").read_bytes()
    assert followed.first_use
    assert followed.fingerprint == root_fingerprint(root)
    assert followed.edition.number == 1
    assert not follow(origin, trust, now=NOW).first_use


def test_a_demanded_fingerprint_must_be_that_of_the_root(origin: Origin, trust: Path) -> None:
    with pytest.raises(VerificationError, match=r"1\.root\.json has the fingerprint"):
        follow(origin, trust, now=NOW, trust="0" * 64)
    assert not trust.exists()
    fingerprint = follow(origin, trust, now=NOW).fingerprint
    follow(origin, trust, now=NOW, trust=fingerprint.upper())
    with pytest.raises(VerificationError, match="fingerprint"):
        follow(origin, trust, now=NOW, trust="0" * 64)
    with pytest.raises(UsageError, match="no fingerprint"):
        follow(origin, trust, now=NOW, trust="abc")


def test_new_editions_are_followed_over_http(published: Publisher, trust: Path) -> None:
    with served(published.public) as web:
        origin = open_origin(web.url)
        assert follow(origin, trust, now=NOW).edition.number == 1
        for number in (2, 3, 4):
            published.bag(f"audio-{number}", SMALL, edition=number)
            published.publish(number)
        assert [bag.id for bag in follow(origin, trust, now=NOW).edition.bags][-1] == "audio-4"


def test_rollback_is_refused(published: Publisher, origin: Origin, trust: Path, tmp_path: Path) -> None:
    shutil.copytree(published.public / "metadata", tmp_path / "old")
    published.publish(2)
    follow(origin, trust, now=NOW)
    shutil.rmtree(published.public / "metadata")
    shutil.copytree(tmp_path / "old", published.public / "metadata")
    with pytest.raises(VerificationError, match=r"metadata/timestamp\.json .* does not verify"):
        follow(origin, trust, now=NOW)


def test_an_older_edition_signed_anew_is_refused(published: Publisher, origin: Origin, trust: Path) -> None:
    first = published.folder / "edition-1.json"
    published.publish(2)
    follow(origin, trust, now=NOW)
    publish_targets(published.public, published.folder / "keys", {"edition.json": first}, now=NOW)
    with pytest.raises(VerificationError, match="goes back to edition 1"):
        follow(origin, trust, now=NOW)


def test_mix_and_match_is_refused(published: Publisher, origin: Origin, trust: Path) -> None:
    metadata = published.public / "metadata"
    published.publish(2)
    shutil.copy(metadata / "2.targets.json", metadata / "3.targets.json")
    with pytest.raises(VerificationError, match=r"metadata/3\.targets\.json"):
        follow(origin, trust, now=NOW)
    assert not trust.exists()


def test_unknown_keys_are_refused(published: Publisher, origin: Origin, trust: Path, tmp_path: Path) -> None:
    follow(origin, trust, now=NOW)
    create_keys(tmp_path / "other")
    shutil.rmtree(published.public / "metadata")
    init_repository(published.public, tmp_path / "other", now=NOW)
    for _ in range(3):
        file = published.folder / "edition-1.json"
        file.write_bytes(file.read_bytes() + b" ")
        publish_targets(published.public, tmp_path / "other", {"edition.json": file}, now=NOW)
    with pytest.raises(VerificationError, match=r"timestamp\.json .* does not verify"):
        follow(origin, trust, now=NOW)


@pytest.mark.parametrize("name", ["1.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"])
def test_a_wrong_signature_is_refused_by_name(
    published: Publisher, origin: Origin, trust: Path, name: str
) -> None:
    path = published.public / "metadata" / name
    path.write_bytes(path.read_bytes().replace(b'"sig":"', b'"sig":"0', 1))
    with pytest.raises(VerificationError, match=name):
        follow(origin, trust, now=NOW)
    assert not trust.exists()


@pytest.mark.parametrize("name", ["1.root.json", "timestamp.json", "2.snapshot.json", "2.targets.json"])
@pytest.mark.parametrize("content", [b"", b"[" * 10_000, b'{"signed": 1}', b" " * 6_000_000])
def test_hostile_metadata_is_refused_by_name(
    published: Publisher, origin: Origin, trust: Path, name: str, content: bytes
) -> None:
    (published.public / "metadata" / name).write_bytes(content)
    with pytest.raises(VerificationError, match=name):
        follow(origin, trust, now=NOW)


def test_a_changed_edition_file_is_refused(published: Publisher, origin: Origin, trust: Path) -> None:
    for path in (published.public / "targets").glob("*.edition.json"):
        path.write_bytes(path.read_bytes().replace(b"Tests", b"Fakes"))
    with pytest.raises(VerificationError, match=r"edition\.json .* is not what targets\.json lists"):
        follow(origin, trust, now=NOW)


CONTRADICTIONS: dict[str, Callable[[Edition], Edition]] = {
    "drops the bag audio-1": lambda good: replace(good, bags=good.bags[:1]),
    "rewrites the bag audio-1": lambda good: replace(
        good, bags=(good.bags[0], replace(good.bags[1], recordings=9))
    ),
    "another archive": lambda good: replace(
        good, archive=replace(good.archive, id="00000000-0000-4000-8000-000000000000")
    ),
    "does not follow from edition 2": lambda good: replace(good, previous=Previous(2, "0" * 64)),
    "edition 2 was rewritten": lambda good: replace(good, number=2, previous=None),
}


@pytest.mark.parametrize("says", CONTRADICTIONS)
def test_what_contradicts_the_edition_held_is_refused(
    published: Publisher, origin: Origin, trust: Path, says: str
) -> None:
    published.bag("audio-1", SMALL)
    published.publish(2)
    follow(origin, trust, now=NOW)
    bad = CONTRADICTIONS[says](published.edition(3))
    published.publish(bad.number, bad)
    for _ in range(2):
        with pytest.raises(VerificationError, match=says):
            follow(origin, trust, now=NOW)


def test_a_withdrawn_bag_may_go(published: Publisher, origin: Origin, trust: Path) -> None:
    published.bag("audio-1", SMALL)
    published.publish(2)
    follow(origin, trust, now=NOW)
    published.bags.pop()
    withdrawal = Withdrawal("audio-1", "2026-11-21T10:15:00Z", "asked for by its maker", None)
    published.publish(3, published.edition(3, withdrawals=(withdrawal,)))
    assert follow(origin, trust, now=NOW).edition.withdrawals == (withdrawal,)


STONE = Tombstone(
    "6a0c6d35-6e58-4b6e-9a53-5f5f7c6a1d20",
    "00000000-0000-4000-8000-000000000001",
    ("a" * 64, "b" * 64),
    "DE FR",
    DATE,
    "asked for by its maker",
    None,
)
LESS: dict[str, Callable[[Edition], Edition]] = {
    "no longer says that the bag audio-1 was withdrawn": lambda good: replace(good, withdrawals=()),
    "no longer takes back a+ in DE FR": lambda good: replace(good, tombstones=()),
    "no longer takes back b+ in DE FR": lambda good: replace(
        good, tombstones=(replace(STONE, sha256=STONE.sha256[:1]),)
    ),
    "no longer takes back a+ in DE": lambda good: replace(good, tombstones=(replace(STONE, territory="FR"),)),
}
AS_MUCH: dict[str, Callable[[Edition], Edition]] = {
    "the same": lambda good: good,
    "more files": lambda good: replace(good, tombstones=(replace(STONE, sha256=(*STONE.sha256, "c" * 64)),)),
    "more countries": lambda good: replace(good, tombstones=(replace(STONE, territory="WORLD"),)),
    "told of each file by itself": lambda good: replace(
        good, tombstones=tuple(replace(STONE, sha256=(one,), recording=None) for one in STONE.sha256)
    ),
    "reinstated": lambda good: replace(good, tombstones=(replace(STONE, reinstated=DATE),)),
}


def _with_a_withdrawal(published: Publisher) -> None:
    published.withdrawals["audio-1"] = Withdrawal("audio-1", DATE, "asked for by its maker", None)
    published.tombstones.append(STONE)
    published.publish(2)


@pytest.mark.parametrize("says", LESS)
def test_an_edition_that_takes_back_less_than_the_one_held_is_refused(
    published: Publisher, origin: Origin, trust: Path, says: str
) -> None:
    _with_a_withdrawal(published)
    follow(origin, trust, now=NOW)
    published.publish(3, LESS[says](published.edition(3)))
    with pytest.raises(VerificationError, match=says):
        follow(origin, trust, now=NOW)


@pytest.mark.parametrize("what", AS_MUCH)
def test_an_edition_that_takes_back_as_much_is_followed(
    published: Publisher, origin: Origin, trust: Path, what: str
) -> None:
    _with_a_withdrawal(published)
    follow(origin, trust, now=NOW)
    published.publish(3, AS_MUCH[what](published.edition(3)))
    assert follow(origin, trust, now=NOW).edition.number == 3


def test_an_edition_of_the_first_format_is_followed_by_one_with_tombstones(
    published: Publisher, origin: Origin, trust: Path
) -> None:
    first = replace(published.edition(2), format="phonotheque-edition/1")
    published.publish(2, first)
    assert follow(origin, trust, now=NOW).edition == first
    kept = accepted(trust, now=NOW)
    assert kept
    assert kept.edition == first
    published.tombstones.append(STONE)
    published.publish(3)
    assert follow(origin, trust, now=NOW).edition.tombstones == (STONE,)


def test_expiry_means_stale_and_following_goes_on(published: Publisher, origin: Origin, trust: Path) -> None:
    assert follow(origin, trust, now=NOW).stale == ()
    assert follow(origin, trust, now=later(days=91)).stale == ("timestamp",)
    published.publish(2)
    followed = follow(origin, trust, now=later(days=4000))
    assert followed.stale == ("root", "timestamp", "snapshot", "targets")
    assert followed.edition.number == 2


def test_expired_metadata_gains_no_other_freedom(
    published: Publisher, origin: Origin, trust: Path, tmp_path: Path
) -> None:
    shutil.copytree(published.public / "metadata", tmp_path / "old")
    published.publish(2)
    follow(origin, trust, now=later(days=4000))
    shutil.copytree(tmp_path / "old", published.public / "metadata", dirs_exist_ok=True)
    with pytest.raises(VerificationError, match=r"timestamp\.json"):
        follow(origin, trust, now=later(days=4000))


def test_a_lost_origin_leaves_what_was_accepted(published: Publisher, trust: Path) -> None:
    with served(published.public) as web:
        follow(open_origin(web.url), trust, now=NOW)
    gone = open_origin(web.url, retries=0)
    followed = follow(gone, trust, now=later(days=91))
    assert followed.offline
    assert followed.edition.number == 1
    assert followed.stale == ("timestamp",)
    shutil.rmtree(trust)
    with pytest.raises(NetworkError, match="could not be fetched"):
        follow(gone, trust, now=NOW)


def test_nothing_published_yet_is_said(publisher: Publisher, trust: Path) -> None:
    with pytest.raises(NotFoundError, match="No edition is published"):
        follow(open_origin(str(publisher.folder)), trust, now=NOW)
    assert not trust.exists()


def test_lost_trust_is_never_replaced_silently(origin: Origin, trust: Path) -> None:
    follow(origin, trust, now=NOW)
    (trust / "edition.json").unlink()
    with pytest.raises(VerificationError, match=r"lacks edition\.json"):
        follow(origin, trust, now=NOW)


class Interrupted(FolderOrigin):
    """A folder that breaks off after some reads."""

    left = 0

    def open_range(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return super().open_range(path, start, length)


def test_first_contact_can_be_interrupted_anywhere(published: Publisher, trust: Path) -> None:
    origin = Interrupted(published.folder)
    for reads in range(20):
        origin.left = reads
        try:
            follow(origin, trust, now=NOW)
            break
        except KeyboardInterrupt:
            assert not trust.exists()
    assert json.loads(tree(trust)["edition.json"])["number"] == 1


def test_a_link_to_the_root_that_an_interrupted_look_left_out_is_made_again(
    published: Publisher, tmp_path: Path
) -> None:
    trust = tmp_path / "trust"
    origin = open_origin(str(published.folder))
    first = follow(origin, trust, now=NOW)
    (trust / "root.json").unlink()
    kept = accepted(trust, now=NOW)
    assert kept is not None
    assert kept.sha256 == first.sha256
    published.publish(2)
    assert follow(origin, trust, now=NOW).edition.number == 2
    assert (trust / "root.json").exists()


@pytest.mark.parametrize("left", [b"", b'{"signed"', None])
@pytest.mark.parametrize(
    "name", ["timestamp.json", "snapshot.json", "targets.json", "root_history/2.root.json"]
)
def test_metadata_that_a_loss_of_power_damaged_are_fetched_again(
    published: Publisher, origin: Origin, trust: Path, name: str, left: bytes | None
) -> None:
    keys = published.folder / "keys"
    propose(published.public, keys, lambda _root: None, now=NOW)
    assert follow(origin, trust, now=NOW).version
    follow(origin, trust, now=NOW)
    good = (trust / name).read_bytes()
    if left is None:
        (trust / name).unlink()
    else:
        (trust / name).write_bytes(left)
    published.public.rename(published.folder / "away")
    followed = follow(origin, trust, now=NOW)
    assert (followed.offline, followed.edition.number) == (True, 1)
    (published.folder / "away").rename(published.public)
    followed = follow(origin, trust, now=NOW)
    assert (followed.offline, followed.stale) == (False, ())
    if name == "root_history/2.root.json":
        followed = follow(origin, trust, now=later(days=2))
    assert followed.version
    assert (trust / name).read_bytes() == good
