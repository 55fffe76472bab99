"""Where the publisher fails, other mirrors are followed: what they say is verified, and the newest wins."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from phonotheque.editions.trust import root_fingerprint
from phonotheque.mirrors.follow import follow
from phonotheque.mirrors.home import open_mirror
from phonotheque.mirrors.origin import FolderOrigin, Origin, open_origin
from phonotheque.mirrors.origins import Origins, open_origins
from phonotheque.model.errors import NetworkError, NotFoundError, UsageError, VerificationError
from tests.mirrors.mirror_publisher import NOW, Publisher, later, served, tree
from tests.mirrors.mirror_runs import ALL, assert_complete, run

NOBODY = "http://127.0.0.1:9"  # discard: nobody listens there


def gone() -> Origin:
    return open_origin(NOBODY, retries=0)


def wreck(public: Path) -> None:
    path = public / "metadata" / "timestamp.json"
    path.write_bytes(path.read_bytes().replace(b'"sig":"', b'"sig":"0'))


@pytest.fixture
def older(published: Publisher, tmp_path: Path) -> Path:
    """A copy of the public tree, after which the publisher has gone on."""
    copy = tmp_path / "older"
    shutil.copytree(published.public, copy, symlinks=True)
    published.bag("audio-3", {"a.ogg": b"a" * 100}, edition=2)
    published.publish(2)
    return copy


def test_others_are_followed_where_the_first_does_not_answer(published: Publisher, tmp_path: Path) -> None:
    trust, origin = tmp_path / "trust", Origins([gone(), open_origin(str(published.folder))])
    follow(open_origin(str(published.folder)), trust, now=NOW)
    followed = follow(origin, trust, now=NOW)
    assert (followed.edition.number, followed.offline) == (1, False)
    assert "could not be fetched" in followed.warnings[0]
    published.publish(2)
    assert follow(origin, trust, now=NOW).edition.number == 2
    shutil.rmtree(published.public / "metadata")
    assert follow(origin, trust, now=NOW).offline


def test_one_that_is_behind_takes_nothing_back(published: Publisher, older: Path, tmp_path: Path) -> None:
    trust, here = tmp_path / "trust", open_origin(str(published.folder))
    behind = open_origin(str(older))
    follow(here, trust, now=NOW)
    for origin in (Origins([gone(), behind]), Origins([behind, here]), Origins([here, behind])):
        assert follow(origin, trust, now=later(days=2)).edition.number == 2
    told = follow(Origins([gone(), behind]), trust, now=later(days=4))
    assert told.offline
    assert any("too old" in warning for warning in told.warnings)


def test_the_newest_wins_at_the_latest_after_a_day(published: Publisher, older: Path, tmp_path: Path) -> None:
    """The first is held back by somebody, and not stale."""
    trust = tmp_path / "trust"
    held_back, here = open_origin(str(older)), open_origin(str(published.folder))
    origin = Origins([held_back, here])
    assert follow(origin, trust, now=NOW).edition.number == 2
    published.publish(3)
    assert follow(Origins([here]), tmp_path / "other", now=NOW).edition.number == 3
    assert follow(origin, trust, now=later(days=1)).edition.number == 3


def test_others_are_followed_where_the_first_is_stale_or_attacked(
    published: Publisher, older: Path, tmp_path: Path
) -> None:
    first, here = open_origin(str(older)), open_origin(str(published.folder))
    origin = Origins([first, here])
    for name in ("stale", "attacked"):
        trust = tmp_path / name
        follow(first, trust, now=NOW)
        follow(first, trust, now=later(days=91))
        if name == "attacked":
            wreck(older)
        published.now = later(days=91)
        published.publish(3 if name == "stale" else 4)
        followed = follow(origin, trust, now=later(days=91))
        assert (followed.stale, followed.edition.number) == ((), 3 if name == "stale" else 4)
    assert any("does not verify" in warning for warning in followed.warnings)
    with pytest.raises(VerificationError, match=r"timestamp\.json"):
        follow(Origins([first, gone()]), trust, now=later(days=91))


def test_who_is_trusted_first_is_not_for_the_next_one_to_say(
    published: Publisher, older: Path, tmp_path: Path
) -> None:
    wreck(older)
    origin = Origins([open_origin(str(older)), open_origin(str(published.folder))])
    with pytest.raises(VerificationError, match=r"timestamp\.json"):
        follow(origin, tmp_path / "trust", now=NOW)
    fingerprint = follow(open_origin(str(published.folder)), tmp_path / "known", now=NOW).fingerprint
    assert follow(origin, tmp_path / "trust", now=NOW, trust=fingerprint).edition.number == 2


class Breaking(FolderOrigin):
    """Breaks off in the middle of a file."""

    def open_range(self, path: str, start: int = 0, length: int | None = None) -> Iterator[bytes]:
        yield from super().open_range(path, start, 10)
        raise NetworkError("the line was cut")


def test_a_file_that_breaks_off_is_gone_on_with_from_the_next(published: Publisher, tmp_path: Path) -> None:
    origin = Origins([gone(), Breaking(published.folder), open_origin(str(published.folder))])
    root = (published.public / "metadata" / "1.root.json").read_bytes()
    assert b"".join(origin.open_range("metadata/1.root.json")) == root
    assert b"".join(origin.open_range("metadata/1.root.json", 5, 20)) == root[5:25]
    with pytest.raises(NotFoundError):
        list(Origins([origin.each[2]]).open_range("metadata/none.json"))
    with pytest.raises(NetworkError):  # it may be there, at the one that does not answer
        list(origin.open_range("metadata/none.json"))


@pytest.mark.parametrize("first", ["silent", "empty", "no disk"])
def test_who_is_trusted_first_is_not_for_the_next_one_to_say_while_the_first_does_not_answer(
    published: Publisher, tmp_path: Path, first: str
) -> None:
    (tmp_path / "empty" / "metadata").mkdir(parents=True)
    one = gone() if first == "silent" else FolderOrigin(tmp_path / first, coming=True)
    origin = Origins([one, open_origin(str(published.folder))])
    with pytest.raises(NotFoundError if first == "empty" else NetworkError):
        follow(origin, tmp_path / "trust", now=NOW)
    assert not (tmp_path / "trust").exists()
    fingerprint = follow(open_origin(str(published.folder)), tmp_path / "known", now=NOW).fingerprint
    assert follow(origin, tmp_path / "trust", now=NOW, trust=fingerprint).edition.number == 1


def test_folders_may_be_away_for_a_time(published: Publisher, tmp_path: Path) -> None:
    disk = tmp_path / "disk"

    def opened(text: str) -> Origin:
        return open_origin(text, coming=True)

    origin = open_origins([str(disk), str(published.folder)], opened)
    assert follow(open_origin(str(published.folder)), tmp_path / "trust", now=NOW)
    followed = follow(origin, tmp_path / "trust", now=NOW)
    assert (followed.offline, "disk is not there" in followed.warnings[0]) == (False, True)
    shutil.copytree(published.folder, disk, symlinks=True)
    assert follow(origin, tmp_path / "trust", now=later(days=2)).warnings == ()
    with pytest.raises(NotFoundError, match="no published edition"):
        open_origins([str(tmp_path / "none")])


def test_no_password_is_taken_with_an_address() -> None:
    with pytest.raises(UsageError, match="user name or a password") as caught:
        open_origin("https://someone:secret@example.org/")
    assert "secret" not in str(caught.value)


@pytest.mark.ledger
def test_bags_are_copied_from_a_folder_beside_a_web_server(published: Publisher, tmp_path: Path) -> None:
    with served(published.public, bags=False) as web:
        mirror = open_mirror(tmp_path / "mirror", web.url)
        run(mirror, origin=Origins([open_origin(web.url), open_origin(str(published.folder))]))
        assert web.bag_bytes == 0
    assert_complete(mirror, published, ALL)


@pytest.mark.ledger
def test_a_new_mirror_is_made_of_others_when_the_publisher_is_gone(
    published: Publisher, tmp_path: Path
) -> None:
    """Each of them has a part; one gives a wrong index and a wrong torrent."""
    parts = []
    for name in ("one", "two"):
        parts.append(open_mirror(tmp_path / name, str(published.folder)))
        run(parts[-1])
    one, two = (part.public for part in parts)
    shutil.rmtree(one / "targets" / "editions" / "1" / "torrents")
    (two / "bags" / "audio-1").unlink()
    wrong = two / "targets" / "editions" / "1" / "index.parquet"
    wrong.write_bytes(b"?" * wrong.stat().st_size)
    shutil.move(published.folder, tmp_path / "gone")
    published.public = tmp_path / "gone" / "public"
    fingerprint = root_fingerprint((published.public / "metadata" / "1.root.json").read_bytes())
    with served(one) as first, served(two) as second:
        mirror = open_mirror(tmp_path / "mirror", NOBODY)
        origin = Origins([gone(), open_origin(second.url), open_origin(first.url)])
        also = (first.url, second.url)
        result = run(mirror, origin=origin, also=also, trust=fingerprint)
    assert result.refused == ()
    assert_complete(mirror, published, ALL)
    assert tree(mirror.public / "metadata").items() <= tree(published.public / "metadata").items()
