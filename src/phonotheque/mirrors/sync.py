"""A mirror at work: follow → let go → choose → fetch → verify → hold → show, then serve and follow again.

What is fetched lies in ``vault/arriving`` until all of a bag is verified. Whatever stops a run (Ctrl-C, a
lost network, a full disk, a kill), the next one finds what is right on the disk and fetches only the rest.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence, Set
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime

from phonotheque.editions.edition import BagEntry, Edition, IndexEntry
from phonotheque.ledger.holdings import HeldFile, Holding, HoldingState, all_holdings, bytes_held
from phonotheque.mirrors.choose import Choice, Explained
from phonotheque.mirrors.choosing import better_known, choose_bags, places_in_wanted
from phonotheque.mirrors.destinations import bags_of
from phonotheque.mirrors.fetching import INTERRUPTED, Fetching, Outcome, Pace
from phonotheque.mirrors.holdings import parts_held
from phonotheque.mirrors.home import sweep, trust_dir
from phonotheque.mirrors.in_vain import forget_empty, note_searches
from phonotheque.mirrors.knowing import Knowing
from phonotheque.mirrors.leaving import Erasure, Leave, erase, going_bags, part, take_leave, waiting
from phonotheque.mirrors.looking import Looking
from phonotheque.mirrors.lowering import keep_lowering
from phonotheque.mirrors.messages import Report, SwarmSettings
from phonotheque.mirrors.only_one import only_one
from phonotheque.mirrors.origin import Origin
from phonotheque.mirrors.origins import has_near
from phonotheque.mirrors.parts import Parts, choose_parts, sort_bags, wanted_list, wanted_parts
from phonotheque.mirrors.public import fetch_target, publish_edition
from phonotheque.mirrors.rest import Rest
from phonotheque.mirrors.searchable import forget
from phonotheque.mirrors.signposting import keep_signpost
from phonotheque.mirrors.swarm import resolve_peers
from phonotheque.mirrors.tempo import Tempo
from phonotheque.model.errors import (
    BusyError,
    NetworkError,
    NotFoundError,
    PhonothequeError,
    UsageError,
    VerificationError,
)
from phonotheque.model.progress import QUIET, Progress
from phonotheque.vault.archive import Archive, now, timestamp

_BUSY = 60.0  # seconds until a mirror that somebody else is changing is looked at again


@dataclass(frozen=True, slots=True)
class SyncResult:
    """How a mirror stands after a round. Sizes in bytes; ``(what, why)`` for bags, or the index, not held."""

    edition: int
    complete: tuple[str, ...]  # held of this edition, every byte verified
    partial: tuple[str, ...]  # held in part, that part verified
    missing: tuple[tuple[str, str], ...]  # nobody delivered them, or there is no room for them
    no_room: tuple[str, ...]  # of these: the disk, not the budget, is too small for them
    refused: tuple[tuple[str, str], ...]  # what was delivered does not verify
    left_out: tuple[tuple[str, str], ...]  # not chosen, or not for here
    withdrawn: tuple[tuple[str, str | None], ...]  # bags that were held, and what replaces them
    erased_files: int  # in this round; their proof is in the ledger
    erased_bytes: int
    fetched: int
    reused: int  # found in other bags, by hash
    verified_already: int  # reused bytes among them
    fingerprint: str  # of the first root
    first_use: bool
    stale: tuple[str, ...]  # roles whose signatures have expired
    offline: bool
    seconds: float = 0.0  # how long the round took
    dropped: tuple[tuple[str, str], ...] = ()  # for a smaller budget, and why that may be
    explained: tuple[Explained, ...] = ()  # of every bag of the edition, why it is held, taken or not


@dataclass(frozen=True, slots=True)
class _Plan:
    """What one mirror was told to do."""

    mirror: Archive
    origin: Origin
    budget: int
    once: bool
    progress: Progress
    clock: Callable[[], datetime]
    looking: Looking

    def at(self) -> str:
        return timestamp(self.clock())


def sync(
    mirror: Archive,
    origin: Origin,
    *,
    budget: int,
    peers: Sequence[str] = (),
    also: Sequence[str] = (),
    once: bool = False,
    trust: str | None = None,
    swarm: SwarmSettings | None = None,
    pace: Pace | None = None,
    progress: Progress = QUIET,
    stop: threading.Event | None = None,
    clock: Callable[[], datetime] = now,
    tempo: Tempo | None = None,
    on_listening: Callable[[int, int], None] | None = None,
    on_report: Callable[[Report], None] | None = None,
    on_round: Callable[[SyncResult], None] | None = None,
) -> SyncResult:
    """Bring a mirror up to date within ``budget`` bytes; unless ``once``, serve it and follow on.

    ``peers`` are “HOST:PORT” to ask besides those that are found, ``also`` other mirrors' public trees on the
    web; ``trust`` demands the root's fingerprint. ``stop`` ends it in good order. ``tempo`` says how much may
    be transferred at what hour; without it the limits of ``swarm`` hold. ``on_listening`` is given port and
    process id of each swarm process, ``on_report`` what it says, ``on_round`` how the mirror stands after a
    look at the origin.

    With ``once``, raises NetworkError naming what nobody delivered, PhonothequeError naming what the disk has
    no room for. Always: BusyError when another process mirrors into the folder, VerificationError when the
    origin's metadata does not verify (without ``once``, what was accepted before is served on, and said),
    PhonothequeError when the disk becomes full. Bags that do not verify are ``refused`` in the result.
    """
    pace = pace or Pace()
    stop = stop or threading.Event()
    rest = Rest(pace.follow_every)
    looking = Looking(mirror, origin, trust, once, progress, clock, rest)
    plan = _Plan(mirror, origin, budget, once, progress, clock, looking)
    swarm = swarm or SwarmSettings()
    fetching = Fetching(
        mirror,
        origin,
        swarm=swarm,
        peers=resolve_peers(peers, by_number=swarm.proxy is not None),
        also=also,
        pace=pace,
        progress=progress,
        stop=stop,
        clock=clock,
        tempo=tempo,
        on_listening=on_listening,
        on_report=on_report,
    )
    knowing = Knowing(mirror, origin, progress.say, clock)
    with only_one(mirror.folder), closing(fetching):
        before, began = None, time.monotonic()
        result: SyncResult | None = None
        while True:
            try:
                result, superseded = _round(plan, fetching, knowing)
            except BusyError as error:  # a check or a repair; what is held is served on
                if once or result is None:
                    raise
                progress.say(f"{error.message} Looking again in a minute.")
                fetching.serve(min(_BUSY, pace.follow_every))
                if stop.is_set():
                    break
                continue
            result = replace(_added(before, result), seconds=time.monotonic() - began)
            before = result if superseded else None
            if superseded and not stop.is_set():
                continue
            if not once:
                fetching.offer()  # whoever hears of the round may call
            if on_round:
                on_round(result)
            if once or stop.is_set():
                break
            soon = max(60.0, pace.stall_timeout) if result.missing else pace.follow_every
            fetching.serve(rest.spread(min(pace.follow_every, soon)))
            began = time.monotonic()
            if stop.is_set():
                break
    assert result is not None
    if once and result.missing and not stop.is_set():
        raise _undelivered(result)
    return result


def _round(plan: _Plan, fetching: Fetching, knowing: Knowing) -> tuple[SyncResult, bool]:
    """Follow, obey, fetch, show; also tell whether another edition has come meanwhile, to be obeyed first."""
    with plan.mirror.writing("mirror"):
        sweep(plan.mirror)
        followed = plan.looking.follow()
        edition, outcome = followed.edition, Outcome()
        leave = take_leave(plan.mirror, followed, at=plan.at())
        _say_goodbye(plan, fetching, leave)
        # What was withdrawn goes at once, whatever else the origin has to say or does not answer.
        erasures = [_erase(plan, leave, lambda _bag, _file: True)]
        for table in edition.tables:
            _fetch_index(plan, table, outcome, fetching.slow)
        going = going_bags(plan.mirror, at=plan.at())
        where = _destinations(plan, edition.index, leave, going)
        leave = part(plan.mirror, leave.with_index(where), at=plan.at())
        _say_goodbye(plan, fetching, leave)
        if leave.newly:  # the index tells of bags of which no hash was known here
            going = going_bags(plan.mirror, at=plan.at())
            where = _destinations(plan, edition.index, leave, going)
        parts = _parts(plan, edition)
        otherwise: Callable[[], bool] = bool  # never, but for whole bags
        if parts is None:
            wishes = knowing.wishes(edition, ask=not followed.offline, offline=followed.offline)
            choice = choose_bags(plan.mirror, leave, going, plan.budget, wishes)
            forget_empty(plan.mirror, wishes.passed.keys() - set(choice.chosen))
            otherwise = better_known(plan.mirror, leave, going, plan.budget, knowing, choice, plan.clock)
        else:
            choice = choose_parts(plan.mirror, leave, parts, plan.budget)
        leave = part(plan.mirror, leave.with_dropped(choice.dropped), at=plan.at())
        keep_lowering(plan.mirror, choice.lowering)
        _say_goodbye(plan, fetching, leave)
        entries = {entry.id: entry for entry in edition.bags}
        bags = sort_bags(plan.mirror, choice, entries, parts, plan.progress.say)
        held, wanted = bags.held, bags.wanted
        erasures.append(_erase(plan, leave, _waiting(plan, leave, wanted, where)))
        if not plan.once:
            fetching.seed(held, bags.held_parts)
        plan.progress.start("Mirroring", total_bytes=bags.bytes_wanted(parts or {}))
        outcome = fetching.fetch(
            wanted,
            direct=has_near(plan.origin),
            forbidden=leave.stones.keys(),
            outcome=outcome,
            news=lambda: plan.looking.news(followed) or otherwise(),
            parts=bags.wanted_parts,
        )
        held += [entries[bag] for bag in outcome.complete]
        if outcome.superseded:
            return _result(plan, leave, choice, outcome, held, erasures), True
        if parts is None:
            _note_searches(plan, outcome, {entry.id for entry in wanted}, offline=followed.offline)
        wanted = [entry for entry in wanted if entry.id not in outcome.complete]
        erasures.append(_erase(plan, leave, _waiting(plan, leave, wanted, where)))
        publish_edition(plan.origin, plan.mirror.public, trust_dir(plan.mirror), followed, plan.progress)
        keep_signpost(plan.origin, plan.mirror.public, followed, plan.progress.say)
    parts_now = parts_held(plan.mirror)  # what is here of a part is offered while more of it is sought
    held += [entry for entry in wanted if entry.id in parts_now]
    if not plan.once:
        fetching.seed(held, parts_now)
    return _result(plan, leave, choice, outcome, held, erasures), False


def _note_searches(plan: _Plan, outcome: Outcome, wanted: Set[str], *, offline: bool) -> None:
    unknown = {bag for bag, why in outcome.missing.items() if why == INTERRUPTED} | set(outcome.no_room)
    sought = (wanted & outcome.missing.keys()) - unknown
    found = [*outcome.complete, *outcome.refused]
    note_searches(plan.mirror, found, sought, plan.clock(), offline=offline)


def _say_goodbye(plan: _Plan, fetching: Fetching, leave: Leave) -> None:
    """Stop serving what has to go before any of it is erased."""
    fetching.leave([*leave.withdrawals, *leave.barred, *leave.tainted, *leave.dropped])
    for bag in leave.newly:
        plan.progress.say(f"{bag} {leave.reason(bag)}: it is no longer served.")
    if why := forget(plan.mirror, leave.edition, plan.budget):
        plan.progress.say(why)


def _destinations(
    plan: _Plan, index: IndexEntry, leave: Leave, going: Mapping[str, Collection[HeldFile]]
) -> dict[str, set[str]] | None:
    """Return which bags hold what was withdrawn or has to go, by hash; None if the index cannot be had."""
    hashes = {file.sha256 for files in going.values() for file in files} | leave.stones.keys()
    path = plan.mirror.public / "targets" / index.path
    if not hashes or not path.exists():
        return None
    try:
        return bags_of(path, hashes)
    except VerificationError as error:
        plan.progress.say(error.message)
        return None


def _waiting(
    plan: _Plan, leave: Leave, wanted: Collection[BagEntry], where: Mapping[str, Set[str]] | None
) -> Callable[[str, HeldFile], bool]:
    # A bag that the edition lists with a withdrawn file may get a revision, made of the rest of it.
    pending = {entry.id for entry in wanted} | leave.tainted.keys()
    return waiting(leave, pending, where, places_in_wanted(plan.mirror, plan.origin, leave, wanted))


def _erase(plan: _Plan, leave: Leave, waited_for: Callable[[str, HeldFile], bool]) -> Erasure:
    going = going_bags(plan.mirror, at=plan.at())
    done = erase(plan.mirror, leave, going, waited_for, at=plan.at())
    if done.files:
        plan.progress.say(f"{done.files} files ({done.bytes} bytes) that are not to be held were erased.")
    return done


def _fetch_index(plan: _Plan, index: IndexEntry, outcome: Outcome, on_bytes: Callable[[int], None]) -> None:
    """Keep the edition's index, if there is room; that it cannot be had hinders nothing else."""
    free = shutil.disk_usage(plan.mirror.folder).free
    if index.size >= plan.budget:
        why = f"The budget of {plan.budget} bytes has no room: the index alone takes {index.size}."
        if plan.once:
            raise UsageError(why, "Give more room with --budget.")
        outcome.missing[index.path] = why
        plan.progress.say(why)  # what is held is served on
        return
    if index.size > free and not (plan.mirror.public / "targets" / index.path).exists():
        outcome.missing[index.path] = f"the disk has {free} bytes free; the index needs {index.size}"
        outcome.no_room.append(index.path)
        return
    try:
        public = plan.mirror.public
        fetch_target(plan.origin, public, index.path, index.size, index.sha256, on_bytes=on_bytes)
    except (NetworkError, NotFoundError) as error:
        outcome.missing[index.path] = error.message
    except VerificationError as error:
        outcome.refused[index.path] = error.message


def _parts(plan: _Plan, edition: Edition) -> Parts | None:
    """Return which files of which bags are wanted, None for whole bags."""
    try:
        wanted = wanted_list(plan.mirror)
        if wanted is None:
            return None
        parts = wanted_parts(plan.mirror, edition, wanted, plan.progress.say)
    except PhonothequeError as error:
        if plan.once:
            raise
        plan.progress.say(f"{error.message} What is held is served on.")
        return {}
    return {} if parts is None else parts  # the round says why there is no index


def _result(
    plan: _Plan,
    leave: Leave,
    choice: Choice,
    outcome: Outcome,
    held: Sequence[BagEntry],
    erasures: Sequence[Erasure],
) -> SyncResult:
    followed = leave.followed
    with plan.mirror.ledger.connect() as connection:
        known, sizes = all_holdings(connection), bytes_held(connection)
    return SyncResult(
        edition=followed.edition.number,
        complete=tuple(sorted(entry.id for entry in held if not _in_part(known, entry.id))),
        partial=tuple(sorted(entry.id for entry in held if _in_part(known, entry.id))),
        missing=tuple(outcome.missing.items()),
        no_room=tuple(outcome.no_room),
        refused=tuple(outcome.refused.items()),
        left_out=choice.left_out,
        withdrawn=tuple(
            (gone.bag, gone.replaced_by) for gone in leave.edition.withdrawals if gone.bag in known
        ),
        erased_files=sum(done.files for done in erasures),
        erased_bytes=sum(done.bytes for done in erasures),
        fetched=outcome.fetched,
        reused=outcome.reused,
        verified_already=outcome.verified_already
        + sum(sizes.get(e.id, 0) for e in held if e.id not in outcome.complete),
        fingerprint=followed.fingerprint,
        first_use=followed.first_use,
        stale=followed.stale,
        offline=followed.offline,
        dropped=tuple((bag, proof["why"]) for bag, proof in choice.dropped.items()),
        explained=choice.explained,
    )


def _in_part(known: Mapping[str, Holding], bag: str) -> bool:
    return bag in known and known[bag].state is HoldingState.PARTIAL


def _added(before: SyncResult | None, result: SyncResult) -> SyncResult:
    """Return how a mirror stands, with what was done in a round that was broken off."""
    if before is None:
        return result
    return replace(
        result,
        fetched=before.fetched + result.fetched,
        reused=before.reused + result.reused,
        erased_files=before.erased_files + result.erased_files,
        erased_bytes=before.erased_bytes + result.erased_bytes,
    )


def _undelivered(result: SyncResult) -> PhonothequeError:
    names = ", ".join(bag for bag, _ in result.missing)
    why = "; ".join(f"{bag}: {why}" for bag, why in result.missing[:3])
    if len(result.no_room) == len(result.missing):
        return PhonothequeError(
            f"The disk has no room for {names} ({why}).",
            "Make room or lower the budget, then run it again: what is verified is kept.",
        )
    return NetworkError(
        f"Not delivered: {names} ({why}).",
        "What was verified is kept. Run it again, perhaps with --peer HOST:PORT.",
    )
