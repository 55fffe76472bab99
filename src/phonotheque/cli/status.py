"""phono status: what the archive holds, and what waits for somebody."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

import click
from sqlalchemy import Connection

from phonotheque.cli.common import (
    archive_argument,
    counted,
    human_size,
    human_time,
    json_option,
    output,
    safe,
    show,
)
from phonotheque.cli.rights_decide import say_standing, standing
from phonotheque.cli.scrubbing import print_standing
from phonotheque.editions.inbox import waiting as in_inbox
from phonotheque.ledger.bags import bag_totals, latest_edition, place_totals
from phonotheque.ledger.copy_counts import totals
from phonotheque.ledger.decisions import decision_counts
from phonotheque.ledger.files import held_totals, outcomes
from phonotheque.ledger.holdings import (
    GOING,
    HELD,
    HoldingState,
    all_holdings,
    bags_with_files,
    bytes_held,
    erased_totals,
)
from phonotheque.ledger.requests import count_unfiled as count_requests
from phonotheque.ledger.sidecars import sidecar_totals
from phonotheque.ledger.statements import open_questions
from phonotheque.ledger.withdrawals import State, waiting
from phonotheque.mirrors.follow import accepted
from phonotheque.mirrors.home import trust_dir
from phonotheque.mirrors.scrubbing import units_of
from phonotheque.model.audio import RefusalKind
from phonotheque.model.durations import parse_duration
from phonotheque.vault.archive import Archive, now
from phonotheque.vault.scrub_standing import Standing
from phonotheque.vault.scrub_standing import standing as scrub_standing

_SHOWN = 10
_MOST_COUNTED = 10_000
_NOT_REFUSED = ("held", "known", RefusalKind.EVIDENCE)


@click.command("status")
@archive_argument
@json_option
def status_command(archive: Archive, as_json: bool) -> None:
    """Show what ARCHIVE holds and what waits for you."""
    data = _mirror(archive) if archive.is_mirror else _status(archive)
    stands = _scrubbed(archive)

    def text() -> None:
        _print(archive, data)
        if stands.all.bytes:
            print_standing(stands)

    show({**data, "scrub": asdict(stands)}, as_json, text)


def _scrubbed(archive: Archive) -> Standing:
    """Return how much of what is held was read within the period, and what is overdue."""
    at = now()
    period = parse_duration(archive.settings.check.within)
    return scrub_standing(archive, units_of(archive, at), period, at)


def _status(archive: Archive) -> dict[str, Any]:
    with archive.ledger.connect() as ledger:
        masters, size, seconds = held_totals(ledger)
        edition = latest_edition(ledger)
        decided = decision_counts(ledger)
        return {
            "name": archive.settings.archive.name,
            "masters": masters,
            "bytes": size,
            "seconds": seconds,
            "sidecars": sidecar_totals(ledger),
            "outcomes": outcomes(ledger),
            "decisions": {
                act: decided.get((act, "yes"), 0) for act in ("preserve", "stream", "distribute", "mine")
            },
            "decided": standing(archive, ledger),
            "questions": sum(1 for _ in open_questions(ledger)),
            "withdrawals_waiting": _waiting(ledger),
            "requests_waiting": {
                "in_inbox": len(in_inbox(archive)),
                "to_be_looked_up": count_requests(ledger, _MOST_COUNTED),
            },
            "bags": dict(bag_totals(ledger)),
            "places": place_totals(ledger),
            "copies": totals(ledger, archive.settings.health.copies),
            "edition": None if edition is None else {"number": edition.number, "date": edition.date},
        }


def _waiting(ledger: Connection) -> dict[str, Any]:
    """Return how many requests to take something back wait for a decision, and since when."""
    asked = waiting(ledger)
    states = Counter(one.state for one in asked)
    oldest = asked[0].requested_at if asked else None
    return {"requested": states[State.REQUESTED], "on_hold": states[State.HELD], "oldest": oldest}


def _print(archive: Archive, data: dict[str, Any]) -> None:
    if archive.is_mirror:
        _print_mirror(archive, data)
        return
    output.print(f"{data['name']}  ({archive.folder})", style="bold")
    sound = f"{human_size(data['bytes'])}, {human_time(data['seconds'])}"
    output.print(f"Held       {counted(data['masters'], 'master')}, {sound}")
    outcome = data["outcomes"]
    refused = sum(count for kind, count in outcome.items() if kind not in _NOT_REFUSED)
    beside = data["sidecars"]
    if beside["held"]:
        kinds = (("pictures", "picture", None), ("lyrics", "text of lyrics", "texts of lyrics"))
        parts = [counted(beside[kind], one, many) for kind, one, many in kinds]
        parts.append(counted(beside["documents"], "document"))
        output.print(f"With it    {', '.join(parts)}; {human_size(beside['bytes'])}")
    output.print(f"Not kept   {outcome.get('known', 0):,} for want of a basis; {refused:,} refused")
    decisions = data["decisions"]
    output.print(
        f"May be     preserved {decisions['preserve']:,}, streamed {decisions['stream']:,}, "
        f"distributed {decisions['distribute']:,}, mined {decisions['mine']:,}"
    )
    say_standing(archive, data["decided"])
    edition = data["edition"]
    bags = data["bags"]
    output.print(
        f"Published  edition {edition['number']} of {edition['date']}: "
        f"{counted(bags['bags'], 'bag')}, {counted(bags['files'], 'file')}, {human_size(bags['bytes'])}"
        if edition
        else "Published  nothing yet"
    )
    if edition:
        few, copies = archive.settings.health.copies, data["copies"]
        safe_bags = f"{copies['safe']:,} of {counted(copies['bags'], 'bag')} with {few} or more proven copies"
        claims = f"{copies['enough_claimed']:,} with as many as mirrors claim"
        output.print(f"At mirrors {safe_bags}, {copies['none_proven']:,} with none; {claims}")
    for place in data["places"]:
        here = (
            "not here" if place["moved"] == place["bags"] else f"{place['bags'] - place['moved']:,} also here"
        )
        size = human_size(place["bytes"])
        output.print(f"Bags in    {place['place']}: {counted(place['bags'], 'bag')}, {size}; {here}")
    if data["questions"]:
        output.print(
            f"{counted(data['questions'], 'question')} about rights wait for you: "
            f"phono rights {archive.folder}",
            style="yellow",
        )
    asked = data["withdrawals_waiting"]
    if number := asked["requested"] + asked["on_hold"]:
        requests = counted(number, "request")
        held = f", {asked['on_hold']:,} on hold" if asked["on_hold"] else ""
        output.print(
            f"{requests} to take something back wait{'s' * (number == 1)} for your decision{held}, "
            f"the oldest since {asked['oldest'][:10]}: phono withdraw list {archive.folder}",
            style="yellow",
        )
    asked = data["requests_waiting"]
    if number := asked["in_inbox"] + asked["to_be_looked_up"]:
        more = " or more" if asked["to_be_looked_up"] == _MOST_COUNTED else ""
        requests = counted(number, f"request{more} of visitors", f"requests{more} of visitors")
        output.print(
            f"{requests} to correct something, or not taken in or looked up yet: "
            f"phono serve {archive.folder} --staff",
            style="yellow",
        )


def _mirror(archive: Archive) -> dict[str, Any]:
    with archive.ledger.connect() as ledger:
        holdings = all_holdings(ledger).values()
        files, size = erased_totals(ledger)
        held = bytes_held(ledger)
        leaving = bags_with_files(ledger, GOING)
    complete = [holding for holding in holdings if holding.state is HoldingState.COMPLETE]
    followed = accepted(trust_dir(archive), now=now())
    edition = followed.edition if followed else None
    known = {holding.bag_id for holding in holdings}
    return {
        "origin": archive.settings.mirror.origin,
        "budget": archive.settings.mirror.budget,
        "only": archive.settings.mirror.only or None,
        "complete": len(complete),
        "partial": sum(holding.state is HoldingState.PARTIAL for holding in holdings),
        "bytes": sum(held.values()),
        "wanted": sum(holding.state is HoldingState.WANTED for holding in holdings),
        "verified_at": max((one.verified_at or "" for one in holdings if one.state in HELD), default=None),
        "country": archive.settings.mirror.country or None,
        "edition": edition.number if edition else None,
        "withdrawals": [asdict(w) for w in edition.withdrawals if w.bag in known] if edition else [],
        "tombstones": len([stone for stone in edition.tombstones if not stone.reinstated]) if edition else 0,
        "leaving": leaving,
        "erased": {"files": files, "bytes": size},
    }


def _print_mirror(archive: Archive, data: dict[str, Any]) -> None:
    output.print(f"Mirror of {data['origin']}  ({archive.folder})", style="bold")
    parts = f" and parts of {data['partial']:,}" if data["partial"] else ""
    output.print(
        f"Holds      {counted(data['complete'], 'bag')}{parts}, {human_size(data['bytes'])}, last verified "
        f"{data['verified_at'] or 'never'}"
    )
    if data["wanted"]:
        output.print(f"Incomplete {counted(data['wanted'], 'bag')}: run phono mirror again")
    if data["only"]:
        output.print(safe(f"Wants      {data['only']}"))
    if data["country"]:
        output.print(f"Is in      {data['country']}")
    if data["withdrawals"] or data["tombstones"]:
        bags = counted(len(data["withdrawals"]), "bag that was held", "bags that were held")
        stones = counted(data["tombstones"], "recording")
        output.print(f"Withdrawn  {bags}; edition {data['edition']} names {stones} as taken back")
    for gone in data["withdrawals"][-_SHOWN:]:
        instead = f"; what remains is {gone['replaced_by']}" if gone["replaced_by"] else ""
        output.print(safe(f"           {gone['bag']}, {gone['date'][:10]}: {gone['reason']}{instead}"))
    if data["leaving"]:
        bags = counted(len(data["leaving"]), "bag")
        output.print(f"Leaving    {bags}: not served; what may stay of them waits for its new place")
    if data["erased"]["files"]:
        gone = data["erased"]
        output.print(f"Erased     {counted(gone['files'], 'file')}, {human_size(gone['bytes'])}, with proof")
