"""What a scrub did and how it stands, for people: after a run, and in phono status."""

from __future__ import annotations

from phonotheque.cli.common import counted, human_size, human_time, messages, output, safe
from phonotheque.vault.scrub import End, Run
from phonotheque.vault.scrub_standing import Standing

_NAMED = 5
_ENDED = {
    End.DONE: "Nothing more is due.",
    End.TIME: "Its time is up; the next run goes on there.",
    End.BYTES: "That was its budget; the next run goes on there.",
    End.STOPPED: "It was stopped; the next run goes on there.",
}


def print_run(run: Run) -> None:
    """Print what a run read, and what it found."""
    rate = f", {human_size(run.bytes / run.seconds)}/s" if run.seconds > 0.1 else ""
    verdict = f"{counted(len(run.wrong), 'thing')} wrong" if run.wrong else "all of that as it should be"
    output.print(
        f"Read {counted(run.files, 'file')}, {human_size(run.bytes)} in {human_time(run.seconds)}{rate}: "
        f"{verdict}. {_ENDED[run.ended]}"
    )
    for place, why in run.unreachable.items():
        messages.print(safe(f"Not read: {place or 'the folder'}: {why}"), style="yellow")


def print_standing(stands: Standing) -> None:
    """Print how much was verified within the period, and what is overdue."""
    days, whole = f"{stands.period_days:g} days", human_size(stands.all.bytes)
    if stands.verified.bytes == stands.all.bytes:
        output.print(f"Scrubbed   all of {whole} within {days}")
    else:
        share = f" ({stands.verified.bytes / stands.all.bytes:.0%})"
        oldest = f"; the oldest was read, or came, on {stands.oldest[:10]}" if stands.oldest else ""
        size = human_size(stands.verified.bytes)
        output.print(f"Scrubbed   {size} of {whole}{share} within {days}{oldest}")
    if stands.overdue.units:
        late = f"{human_size(stands.overdue.bytes)} in {counted(stands.overdue.units, 'unit')}"
        pace = f"at {human_size(stands.a_day)} a day they are read by {stands.overdue_until}"
        until = f"; {pace}" if stands.overdue_until else ""
        output.print(f"Overdue    {late}, not read for more than {days}{until}", style="yellow")
    if stands.wrong:
        named = ", ".join("/".join(filter(None, one)) for one in stands.wrong[:_NAMED])
        more = f" and {len(stands.wrong) - _NAMED} more" if len(stands.wrong) > _NAMED else ""
        output.print(safe(f"Wrong      when it was read last: {named}{more}"), style="red")


def warn_of_pace(run: Run, stands: Standing) -> None:
    """Say so if runs like this one, one a day, do not read everything within the period."""
    if stands.covers is not False:
        return
    nights = stands.all.bytes / run.bytes if run.bytes else float("inf")
    time = ""
    if run.seconds and run.bytes:
        time = f", which takes about {human_time(stands.needed_a_day / run.bytes * run.seconds)}"
    takes = f"takes {nights:,.0f} days" if run.bytes else "never ends"
    messages.print(
        f"With this budget once a day, reading everything {takes}, not {stands.period_days:g}. It needs "
        f"{human_size(stands.needed_a_day)} a day{time}.",
        style="yellow",
    )
