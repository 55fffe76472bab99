"""Drills: mirrors that have what they say, some of it, something else, or that are slow or gone."""

from __future__ import annotations

import http.server
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from phonotheque.ledger.proofs import Outcome, proofs_of_bag
from phonotheque.ledger.schema import events
from phonotheque.mirrors.asking import Verdict, draw, questions
from phonotheque.mirrors.drilling import Asked, Drilled, Terms, drill
from phonotheque.mirrors.drills import mirrors_to_ask, own_tree, record_drill
from phonotheque.mirrors.report import Report, ReportedBag, write_report
from phonotheque.mirrors.taking_reports import take_report
from phonotheque.model.errors import NotFoundError, VerificationError
from phonotheque.model.settings import HealthSettings
from phonotheque.vault.archive import Archive, timestamp
from phonotheque.vault.hashing import piece_hash
from tests.conftest import MakeArchive
from tests.mirrors.mirror_publisher import Publisher, served
from tests.mirrors.reported import NOW, Somebody, ago, publishing

BAGS = frozenset(("audio-1", "audio-2", "catalogue-1"))
TERMS = Terms("a seed", bags=3, blocks=6, files=2)


def copied(publisher: Publisher, place: Path) -> Path:
    """A mirror's public tree, apart from the publisher's."""
    shutil.copytree(publisher.public, place)
    return place


def drilled(publisher: Publisher, *asked: Asked, terms: Terms = TERMS) -> list[Drilled]:
    with own_tree(str(publisher.public)) as own:
        return drill(asked, own.bags, own.torrent, terms)


@contextmanager
def answering(answer: Callable[[http.server.BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A web server that answers each GET like this."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def log_message(self, *_args: object) -> None:
            pass

        def do_GET(self) -> None:
            answer(self)

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_an_honest_mirror_proves_what_it_claims_and_gives_a_sample_back(published: Publisher) -> None:
    with served(published.public) as web:
        (found,) = drilled(published, Asked("one", web.url, "One", BAGS))
    assert {bag.bag for bag in found.bags} == BAGS
    assert all(bag.outcome is Outcome.PROVED and bag.blocks > 0 for bag in found.bags)
    assert not found.failed
    assert not found.silent
    assert found.middle is not None
    assert found.restored is not None
    assert found.restored.files > 0
    assert found.restored.rate > 0
    assert not found.restored.trouble


def test_a_whole_bag_is_fetched_if_that_is_asked_for(published: Publisher) -> None:
    with served(published.public) as web:
        (found,) = drilled(
            published, Asked("one", web.url, None, frozenset(["audio-1"])), terms=Terms("s", whole_bag=True)
        )
    entry = next(bag for bag in published.bags if bag.id == "audio-1")
    assert found.restored is not None
    assert (found.restored.files, found.restored.bytes) == (entry.files, entry.bytes)


def test_a_mirror_that_has_not_said_what_it_has_is_asked_for_what_it_shows(
    published: Publisher, tmp_path: Path
) -> None:
    part = copied(published, tmp_path / "part")
    shutil.rmtree(part / "bags" / "audio-1")
    with served(part) as web:
        (found,) = drilled(published, Asked("part", web.url))
        (nothing,) = drilled(published, Asked("part", web.url + "/targets"))
    assert {bag.bag for bag in found.bags} == BAGS - {"audio-1"}
    assert all(bag.outcome is Outcome.PROVED for bag in found.bags)
    assert not found.failed
    assert nothing.bags == []
    assert "none of the bags" in nothing.trouble


def test_a_mirror_that_claims_what_it_has_not_fails_for_that_bag(
    published: Publisher, tmp_path: Path
) -> None:
    part = copied(published, tmp_path / "part")
    shutil.rmtree(part / "bags" / "audio-1")
    with served(part) as web:
        (found,) = drilled(published, Asked("part", web.url, None, BAGS))
    outcomes = {bag.bag: (bag.outcome, bag.verdict) for bag in found.bags}
    assert outcomes["audio-1"] == (Outcome.FAILED, Verdict.MISSING)
    assert outcomes["audio-2"] == (Outcome.PROVED, Verdict.RIGHT)
    assert found.failed
    assert found.restored is None


def test_other_bytes_fail_though_the_sizes_are_right(published: Publisher, tmp_path: Path) -> None:
    lying = copied(published, tmp_path / "lying")
    for file in (lying / "bags" / "audio-2").rglob("*"):
        if file.is_file():
            size = file.stat().st_size
            file.chmod(0o644)
            file.write_bytes(bytes(size))
    with served(lying) as web:
        (found,) = drilled(published, Asked("liar", web.url, None, BAGS))
    outcomes = {bag.bag: bag for bag in found.bags}
    assert outcomes["audio-2"].outcome is Outcome.FAILED
    assert outcomes["audio-2"].verdict is Verdict.WRONG
    assert "not those that were sealed" in outcomes["audio-2"].why
    assert outcomes["audio-1"].outcome is Outcome.PROVED


def test_sending_to_another_address_proves_nothing(published: Publisher) -> None:
    with served(published.public) as web:

        def redirect(request: http.server.BaseHTTPRequestHandler) -> None:
            request.send_response(302)
            request.send_header("Location", web.url + request.path)
            request.end_headers()

        with answering(redirect) as relay:
            (found,) = drilled(published, Asked("relay", relay, None, BAGS))
        assert web.bag_bytes == 0
    assert {bag.verdict for bag in found.bags} == {Verdict.ELSEWHERE}
    assert {bag.outcome for bag in found.bags} == {Outcome.FAILED}


def test_who_answers_right_and_late_is_named_and_proves_nothing(published: Publisher) -> None:
    with served(published.public, slow=0.1) as web:
        (found,) = drilled(published, Asked("slow", web.url, None, BAGS), terms=Terms("s", slow=0.01))
    assert {bag.verdict for bag in found.bags} == {Verdict.SLOW}
    assert {bag.outcome for bag in found.bags} == {Outcome.UNREACHABLE}
    assert found.failed
    assert found.restored is None


def test_an_answer_that_never_ends_is_given_up_and_others_are_asked(published: Publisher) -> None:
    ended = threading.Event()

    def begin(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(206)
        request.send_header("Content-Length", "1000000")
        request.end_headers()
        request.wfile.write(b"x")
        request.wfile.flush()
        ended.wait(20)

    with answering(begin) as endless, served(published.public) as web:
        stuck, fine = drilled(
            published, Asked("stuck", endless, None, BAGS), Asked("fine", web.url), terms=Terms("s", slow=1.0)
        )
        ended.set()
    assert {bag.verdict for bag in stuck.bags} == {Verdict.SLOW}
    assert stuck.failed
    assert "asked no more" in stuck.trouble
    assert fine.bags
    assert not fine.failed


def test_who_is_gone_is_named_and_learnt_nothing_of(published: Publisher) -> None:
    with served(published.public) as web:
        gone = web.url
    (found,) = drilled(published, Asked("gone", gone, None, BAGS))
    assert {bag.outcome for bag in found.bags} == {Outcome.UNREACHABLE}
    assert found.silent
    assert not found.failed


def test_errors_and_too_few_bytes_are_told_apart(published: Publisher) -> None:
    def short(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(206)
        request.send_header("Content-Length", "3")
        request.end_headers()
        request.wfile.write(b"abc")

    with answering(short) as url:
        (found,) = drilled(published, Asked("short", url, None, BAGS))
    assert {bag.verdict for bag in found.bags} == {Verdict.WRONG}
    with answering(lambda request: request.send_error(503)) as url:
        (found,) = drilled(published, Asked("busy", url, None, BAGS))
    assert {bag.outcome for bag in found.bags} == {Outcome.UNREACHABLE}
    with answering(lambda request: request.send_error(451)) as url:
        (found,) = drilled(published, Asked("barred", url, None, BAGS))
    assert {bag.verdict for bag in found.bags} == {Verdict.BARRED}
    assert not found.failed


def test_questions_are_drawn_by_the_seed_and_differ_between_mirrors(published: Publisher) -> None:
    with own_tree(str(published.public)) as own:
        entry = next(bag for bag in own.bags if bag.id == "audio-1")
        meta = own.torrent(entry)
        drawn = questions(entry.id, entry.audience, meta, 5, "seed", "one")
        assert drawn == questions(entry.id, entry.audience, meta, 5, "seed", "one")
        assert drawn != questions(entry.id, entry.audience, meta, 5, "seed", "two")
        every = questions(entry.id, entry.audience, meta, 10**6, "seed", "one")
    assert len(set(every)) == len(every) == sum(file.pieces for file in meta.files)
    assert sum(question.length for question in every) == meta.size
    for question in every:
        data = (published.public / question.shown).read_bytes()[question.start :][: question.length]
        assert piece_hash(data, question.piece_length, whole_file=question.whole_file) == question.expected
    assert sorted(draw(7, 9, "x")) == list(range(7))


def test_a_public_tree_is_believed_only_as_far_as_its_signatures_go(published: Publisher) -> None:
    with pytest.raises(VerificationError, match="fingerprint"), own_tree(str(published.public), "ab" * 32):
        pass
    edition = published.public / "targets"
    for file in edition.glob("*.edition.json"):
        file.write_bytes(file.read_bytes().replace(b"audio-1", b"audio-9"))
    with pytest.raises(VerificationError), own_tree(str(published.public)):
        pass


@pytest.fixture
def archive(published: Publisher, make_archive: MakeArchive) -> Archive:
    """That publisher with a ledger."""
    made = make_archive(folder=published.folder)
    return publishing(made, {bag.id: bag.bytes for bag in published.bags})


def tell(archive: Archive, publisher: Publisher, who: Somebody, bag: str, **about: str) -> None:
    """A mirror's report of one whole bag."""
    (entry,) = (entry for entry in publisher.bags if entry.id == bag)
    held = (ReportedBag(bag, entry.bytes, timestamp(ago(days=1)), whole=True),)
    said = Report(archive.settings.archive.id, who.id, 1, timestamp(ago(days=1)), held)
    with archive.writing("test"):
        take_report(archive, write_report(replace(said, **about), who.key), at=NOW)  # type: ignore[arg-type]


def test_what_a_drill_shows_becomes_proofs_events_and_copies(archive: Archive, published: Publisher) -> None:
    one = Somebody("one")
    settings = replace(archive.settings, health=HealthSettings(private_addresses=True))
    archive = replace(archive, settings=settings)
    with served(published.public) as web:
        tell(archive, published, one, "audio-1", web=web.url, name="One")
        with own_tree(str(archive.folder)) as opened:
            own = replace(opened, archive=archive)
            asked = mirrors_to_ask(own, [])
            assert [(mirror.mirror, mirror.name, mirror.claims) for mirror in asked] == [
                (one.id, "One", frozenset(["audio-1"]))
            ]
            named = mirrors_to_ask(own, [web.url + "/"])
            assert named == asked
            results = drill(asked, own.bags, own.torrent, TERMS)
    record_drill(archive, results, TERMS, at=NOW)
    with archive.ledger.connect() as ledger:
        (proof,) = proofs_of_bag(ledger, "audio-1")
        assert (proof.mirror, proof.outcome, proof.method) == (one.id, Outcome.PROVED, "web")
        assert proof.bytes > 0
        kept = ledger.execute(select(events).where(events.c.subject == f"mirror {one.id}")).one()
    assert kept.outcome == "success"
    assert kept.detail["drill"]["seed"] == TERMS.seed
    assert '"proven": 1' in (archive.public / "copies.json").read_text()


def test_what_was_learnt_waits_for_whoever_changes_the_archive(
    archive: Archive, published: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("phonotheque.mirrors.drills._AGAIN", 0.01)
    with served(published.public) as web:
        results = drilled(published, Asked("0b9cbd60-4f0e-4ab4-8f7f-1d6e7f1b2a3c", web.url, None, BAGS))
    said, waits = list[str](), threading.Event()

    def say(line: str) -> None:
        said.append(line)
        waits.set()

    with archive.writing("add"):
        recording = threading.Thread(
            target=record_drill, args=(archive, results, TERMS), kwargs={"at": NOW, "say": say}
        )
        recording.start()
        assert waits.wait(20)
        with archive.ledger.connect() as ledger:
            assert proofs_of_bag(ledger, "audio-1") == []
    recording.join()
    assert len(said) == 1
    assert "“phono add”" in said[0]
    with archive.ledger.connect() as ledger:
        assert len(proofs_of_bag(ledger, "audio-1")) == 1


def test_nobody_to_ask_is_said(archive: Archive) -> None:
    with own_tree(str(archive.folder)) as own, pytest.raises(NotFoundError, match="No mirror has told"):
        mirrors_to_ask(own, [])
