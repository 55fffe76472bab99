"""The REST API: things by id, lists in parts, what changed, validators, problems, and what it never says."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from phonotheque.catalogue import manifest
from phonotheque.vault.archive import Archive
from phonotheque.web.room.holding import renew
from tests.tools import harvesters
from tests.web.room.archives import ISRCS, RELEASE_MBID, SECRETS, SITE, Title, empty_mirror
from tests.web.room.visits import Visit, visiting

pytestmark = pytest.mark.ledger
OPENING = "00000000-0000-4000-8000-0000000f0101"


def get(visit: Visit, path: str, status: int = 200) -> Any:
    answer = visit.ask(f"api/v1/{path}")
    assert answer.status == status, answer.data[:500]
    kind = "application/json" if status == 200 else "application/problem+json"
    assert answer.headers["content-type"] == kind
    assert answer.headers["access-control-allow-origin"] == "*"
    return json.loads(answer.data)


def every(visit: Visit, path: str, most: int = 1) -> list[Any]:
    """Follow a list to its end, so many items at a time."""
    items: list[Any] = []
    following = f"{path}{'&' if '?' in path else '?'}limit={most}"
    while following:
        part = get(visit, following)
        assert len(part["items"]) <= most
        items += part["items"]
        assert not part["next"] or part["next"].startswith(f"{SITE}api/v1/")
        following = (part["next"] or "").removeprefix(f"{SITE}api/v1/")
    return items


def _note_held(archive: Archive) -> None:
    snapshot = manifest.current(archive.catalogue)
    assert snapshot is not None
    renew(archive, snapshot)


def test_a_recording_says_what_is_known_and_what_may_be_had(library: Archive) -> None:
    with visiting(library) as visit:
        told = get(visit, f"recordings/{OPENING}")
        assert told["title"] == Title.OPENING
        assert told["isrcs"] == [ISRCS[Title.OPENING]]
        (file,) = told["published"]
        assert file["media_type"] == "audio/flac"
        assert file["licences"] == ["https://creativecommons.org/licenses/by/4.0/"]
        there = visit.ask(file["url"].removeprefix(SITE), "HEAD")
        assert (there.status, int(there.headers["content-length"])) == (200, file["size"])
        assert {one["source"] for fact in told["facts"] for one in fact["said_by"]} >= {"musicbrainz"}


def test_things_lead_to_each_other(library: Archive) -> None:
    with visiting(library) as visit:
        release = get(visit, f"releases/{RELEASE_MBID}")
        assert len(release["tracks"]) >= 4
        recording = get(visit, f"recordings/{release['tracks'][0]['recording']['id']}")
        assert RELEASE_MBID in {one["id"] for one in recording["releases"]}
        artist = get(visit, f"artists/{recording['artists'][0]['id']}")
        assert recording["id"] in {one["id"] for one in artist["recordings"]}
        (hit, *_) = get(visit, f"isrcs/{ISRCS[Title.OPENING]}")["items"]
        assert hit["id"] == recording["id"]
        get(visit, f"artists/{OPENING}", 404)


def test_search_comes_in_parts(library: Archive) -> None:
    _note_held(library)
    with visiting(library) as visit:
        found = every(visit, "search?q=")
        assert {one["title"] for one in found} == {str(title) for title in Title}
        assert next(one["title"] for one in every(visit, "search?q=opening")) == Title.OPENING
        held = every(visit, "search?q=&holding=known")
        assert Title.NEVER_HELD in {one["title"] for one in held}
        get(visit, "search?after=2020-01-01T000000Z.h1", 404)


def test_lists_come_in_parts_and_begin_at_a_day(library: Archive) -> None:
    with visiting(library) as visit:
        for path in ("recordings", "editions", "bags", "withdrawals", "accessions", "decisions"):
            whole = every(visit, path, 500)
            assert every(visit, path) == whole
            assert every(visit, f"{path}?changed_since=2020-01-01") == whole
            assert every(visit, f"{path}?changed_since=2099-01-01") == []
        assert [one["number"] for one in every(visit, "editions?changed_since=2026-11-24")] == [2]
        second = every(visit, "bags?changed_since=2026-11-24")
        assert second
        assert {one["edition"] for one in second} == {2}
        changed = every(visit, "recordings?changed_since=2026-11-24")
        assert [one["published"] for one in changed].count(False) == 1


def test_an_edition_and_its_bags_lead_to_what_they_are_of(library: Archive) -> None:
    with visiting(library) as visit:
        edition = get(visit, "editions/2")
        assert edition["bags"] == len(every(visit, "bags"))
        assert visit.ask(edition["url"].removeprefix(SITE)).status == 200
        bag = next(one for one in every(visit, "bags") if one["wave"] == 1 and one["audience"] == "WORLD")
        assert get(visit, f"bags/{bag['id']}") == bag
        assert visit.ask(bag["torrent"].removeprefix(SITE)).status == 200
        files = every(visit, f"bags/{bag['id']}/files")
        assert files
        assert visit.ask(files[0]["url"].removeprefix(SITE), "HEAD").status == 200
        get(visit, "editions/9", 404)
        get(visit, "bags/none", 404)


def test_what_was_taken_back_is_told_and_nothing_that_is_private(library: Archive) -> None:
    with visiting(library) as visit:
        gone = [one for one in every(visit, "withdrawals") if one["what"] == "recording"]
        assert [one["reason"] for one in gone] == ["The artist asked for it."]
        told = get(visit, f"recordings/{gone[0]['recording']}")
        assert told["published"] == []
        assert [one["territory"] for one in told["withdrawn"]] == ["WORLD"]
        said = json.dumps([gone, told, every(visit, "accessions", 500), get(visit, ""), every(visit, "bags")])
    for secret in (*SECRETS, str(library.folder), "inbox"):
        assert secret not in said


def test_who_has_the_answer_gets_none(library: Archive) -> None:
    with visiting(library) as visit:
        answer = visit.ask(f"api/v1/recordings/{OPENING}")
        tag = {"If-None-Match": answer.headers["etag"]}
        again = visit.ask(f"api/v1/recordings/{OPENING}", headers=tag)
        assert (again.status, again.data) == (304, b"")
        assert visit.ask("api/v1/", headers=tag).status == 200
        assert visit.ask("api/v1/", "HEAD").status == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("recordings/none", 422),
        ("recordings/00000000-0000-4000-8000-000000000000", 404),
        ("bags?limit=0", 422),
        ("bags?limit=501", 422),
        ("recordings?after=a", 422),
        ("recordings?changed_since=yesterday", 422),
        ("withdrawals?after=2026", 422),
        (f"search?q={'a' * 1001}", 422),
        ("search?holding=nothing", 422),
        ("nothing", 404),
    ],
)
def test_what_makes_no_sense_is_a_problem_in_words(library: Archive, path: str, status: int) -> None:
    with visiting(library) as visit:
        told = get(visit, path, status)
    assert (told["type"], told["status"]) == ("about:blank", status)
    assert told["title"]
    assert told["detail"]


def test_other_methods_are_refused_and_other_sites_may_ask(library: Archive) -> None:
    with visiting(library) as visit:
        assert visit.ask("api/v1/bags", "POST").status == 405
        asked = {"Origin": "https://elsewhere.example", "Access-Control-Request-Method": "GET"}
        first = visit.ask("api/v1/bags", "OPTIONS", headers=asked)
        assert first.status == 204
        assert first.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in first.headers
        assert "access-control-allow-origin" not in visit.ask("en/").headers


def test_a_mirror_says_what_it_can(twin: Archive, library: Archive) -> None:
    with visiting(twin) as visit, visiting(library) as origin:
        assert get(visit, "")["mirror"] is True
        assert get(visit, "editions/2")["sha256"] == get(origin, "editions/2")["sha256"]
        for path in ("bags", "withdrawals", "recordings"):
            names = [[one["id"] for one in get(place, path)["items"]] for place in (visit, origin)]
            assert sorted(names[0]) == sorted(names[1])
        get(visit, "accessions", 404)
        get(visit, "decisions", 404)


def test_where_nothing_is_published_lists_are_empty(archive: Archive, tmp_path: Path) -> None:
    for place in (archive, empty_mirror(tmp_path / "mirror")):
        with visiting(place) as visit:
            assert get(visit, "")["edition"] is None
            for path in ("recordings", "editions", "bags", "withdrawals", "sources"):
                assert get(visit, path) == {"items": [], "next": None}
            get(visit, "search?q=a", 404)
            get(visit, f"recordings/{OPENING}", 404)


def test_the_page_for_people_names_every_address(library: Archive) -> None:
    with visiting(library) as visit:
        described = json.loads(visit.ask("api/openapi.json").data)
        for language in ("en", "fr"):
            page = visit.text(f"{language}/api")
            assert all(path in page for path in described["paths"] if path.startswith("/api/v1"))


def test_the_api_is_as_its_description_says(library: Archive) -> None:
    """Ask as the description allows, and as it does not: schemathesis knows what answers there may be."""
    command = [str(Path(harvesters()).with_name("schemathesis")), "run", "--no-color", "--seed=1"]
    command += ["--max-examples=3", "--phases=coverage,fuzzing", "--generation-database=none"]
    _note_held(library)
    with visiting(library) as visit:
        command += [f"--url={visit.url}", f"{visit.url}api/openapi.json"]
        run = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert run.returncode == 0, run.stdout[-6000:]
