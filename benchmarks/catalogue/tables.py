"""Runs of several sizes side by side in Markdown: how figures grow, and what they come to at full size."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.catalogue.questions import KINDS
from benchmarks.catalogue.shape import FULL

Figures = Mapping[str, Any]
# Which recordings bear the code; or all that every source told of them, as ``phono show`` prints it.
_LOOK_UPS = {
    "warm": "its recordings, warm",
    "warm, shown": "all told of it, warm",
    "cold": "its recordings, cold",
    "cold, shown": "all told of it, cold",
}
_RECKONED_BY_ONE = (
    "What it comes to at 256 M is reckoned in proportion; how answers slow down, one size cannot tell."
)
_RECKONED_BY_TWO = (
    "What it comes to at 256 M is reckoned by the power of the size by which the last two runs differ; "
    "what became less is taken to stay."
)
_STAGES_BELOW = 0.01  # of the whole time: not worth a line


@dataclass(frozen=True, slots=True)
class Line:
    """One figure of every run. ``target`` is the most that is good at full size.

    ``grows``: what a single run is taken to grow by (1: as the tracks do, 0: not at all, None: nobody knows).
    ``reckoned``: whether several runs tell what more tracks come to; not of what a limit bounds.
    """

    what: str
    value: Callable[[Figures], float | None]
    show: Callable[[float], str]
    target: float | None = None
    grows: float | None = 1.0
    reckoned: bool = True


def read_results(path: Path) -> list[dict[str, Any]]:
    """Return one record for each size and seed; where steps were run again, their last figures."""
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        figures = json.loads(line)
        found.setdefault((figures["tracks"], figures["seed"]), {}).update(figures)
    return [found[key] for key in sorted(found)]


def print_tables(runs: Sequence[Figures]) -> None:
    """Print everything that was measured, smallest catalogue first."""
    runs = sorted(runs, key=lambda run: int(run["tracks"]))
    last = runs[-1]
    print(f"\n{last['machine']}; engine limited to {last['memory_limit']}.")
    if last["tracks"] < FULL:
        print(_RECKONED_BY_TWO if len(runs) > 1 else _RECKONED_BY_ONE)
    _print("Targets", _targets(), runs)
    _print("Making a snapshot: seconds by stage", _stages(runs, "snapshot", "wall", _number), runs)
    _print(
        "Making a snapshot: memory by stage, and what it adds to the disk",
        _stages(runs, "snapshot", "peak", _gigabytes),
        runs,
    )
    _print("Making the index: seconds by stage", _stages(runs, "index", "wall", _number), runs)
    _print("Bytes a track", _sizes(runs), runs)
    _print("Answers", _answers(), runs)
    _print("What was found", _contents(runs), runs)
    others = max((run[step]["others"] for run in runs for step in run if _has_cost(run[step])), default=0)
    print(f"Other programs used up to {others:.0%} of the processors meanwhile.", flush=True)


def _has_cost(figures: object) -> bool:
    return isinstance(figures, dict) and "others" in figures


def _targets() -> list[Line]:
    return [
        Line("resolving alone", _resolving, _duration, 30 * 60),
        Line("the whole snapshot, resolving included", _of("snapshot", "wall"), _duration, 30 * 60),
        Line("index", _of("index", "wall"), _duration, 60 * 60),
        Line("coverage", _of("coverage", "seconds"), _duration, 60),
        Line("memory, at most", _memory, _gigabytes, 8 * 10**9, reckoned=False),
        Line("bytes a track", lambda run: _bytes(run, None), _number, 200, grows=0),
        *(
            Line(f"ISRC, {what}, p95", _of("isrc", how, "p95"), _milliseconds, target, grows=None)
            for how, what in _LOOK_UPS.items()
            for target in (0.005 if how.startswith("warm") else 0.050,)
        ),
        Line("two words, p95", _of("search", "kinds", "two words", "p95"), _milliseconds, 0.150, grows=None),
    ]


def _stages(runs: Sequence[Figures], step: str, what: str, show: Callable[[float], str]) -> list[Line]:
    """Return a line for each stage that takes a hundredth of the time in some run, and for all."""
    names = {
        stage["stage"]: None
        for run in runs
        for stage in run.get(step, {}).get("stages", ())
        if stage["wall"] >= _STAGES_BELOW * run[step]["wall"]
    }

    def of(name: str) -> Callable[[Figures], float | None]:
        def value(run: Figures) -> float | None:
            taken = [s[what] for s in run.get(step, {}).get("stages", ()) if s["stage"] == name]
            return (max(taken) if what == "peak" else sum(taken)) if taken else None

        return value

    lines = [Line(name, of(name), show, reckoned=what != "peak") for name in names]
    whole = [Line("all", _of(step, "wall"), show), Line("all, CPU s", _of(step, "cpu"), show)]
    if what == "peak":
        whole = [Line("on the disk, at most", _of(step, "disk"), _gigabytes)]
    return [*lines, *whole] if names else []


def _sizes(runs: Sequence[Figures]) -> list[Line]:
    names = {
        name: None
        for run in runs
        for name, size in run.get("sizes", {}).items()
        if size >= run["tracks"] / 10
    }
    lines = [Line(name, lambda run, name=name: _bytes(run, name), _number, grows=0) for name in names]  # type: ignore[misc]
    return [*lines, Line("all", lambda run: _bytes(run, None), _number, 200, grows=0)] if lines else []


def _answers() -> list[Line]:
    def times(what: str, *path: str) -> list[Line]:
        return [Line(f"{what}, {p}", _of(*path, p), _milliseconds, grows=None) for p in ("p50", "p95")]

    lines = [line for how, what in _LOOK_UPS.items() for line in times(f"ISRC, {what}", "isrc", how)]
    lines += times("opening the catalogue, cold", "isrc", "opening")
    for kind in KINDS:
        lines += times(kind, "search", "kinds", kind)
        lines.append(
            Line(f"{kind}, with hits", _of("search", "kinds", kind, "answered"), _share, reckoned=False)
        )
    return lines


def _contents(runs: Sequence[Figures]) -> list[Line]:
    tables = {
        name: None for run in runs for name, rows in run.get("snapshot", {}).get("counts", {}).items() if rows
    }
    steps = {
        name: None
        for run in runs
        for name, merges in run.get("snapshot", {}).get("merged", {}).items()
        if merges
    }
    lines = [Line(name, _of("snapshot", "counts", name), _whole) for name in tables]
    return lines + [Line(f"merged by {name}", _of("snapshot", "merged", name), _whole) for name in steps]


def _print(title: str, lines: Sequence[Line], runs: Sequence[Figures]) -> None:
    lines = [line for line in lines if any(line.value(run) is not None for run in runs)]
    if not lines:
        return
    with_target, full = any(line.target for line in lines), runs[-1]["tracks"] >= FULL
    heads = [_tracks(run["tracks"]) for run in runs]
    if len(runs) > 1:
        heads.append(f"growth over ×{runs[-1]['tracks'] / runs[0]['tracks']:.0f}")
    if not full:
        heads.append("at 256 M, reckoned")
    heads += ["target", ""] if with_target else []
    print(f"\n### {title}\n\n| | {' | '.join(heads)} |\n|---|{'---:|' * len(heads)}")
    for line in lines:
        print(f"| {line.what} | {' | '.join(_cells(line, runs, full=full, with_target=with_target))} |")
    print()


def _cells(line: Line, runs: Sequence[Figures], *, full: bool, with_target: bool) -> list[str]:
    values = [line.value(run) for run in runs]
    cells = ["" if value is None else line.show(value) for value in values]
    known = [(run["tracks"], value) for run, value in zip(runs, values, strict=True) if value is not None]
    if len(runs) > 1:
        first, last = known[0][1], known[-1][1]
        cells.append(f"×{last / first:.2f}" if len(known) > 1 and first else "")
    reckoned = _at_full_size(known, line.grows) if line.reckoned else None
    if not full:
        cells.append("" if reckoned is None else line.show(reckoned))
    if with_target:
        judged = reckoned if line.reckoned else known[-1][1]
        cells += ["", ""] if line.target is None else [line.show(line.target), _verdict(judged, line.target)]
    return cells


def _verdict(value: float | None, target: float) -> str:
    if value is None:
        return ""
    return "met" if value <= target else "**missed**"


def _at_full_size(known: Sequence[tuple[int, float]], grows: float | None) -> float | None:
    """Return what a figure comes to at 256 million tracks if it grows on as between the last two runs.

    What became less is not taken to become still less. None where one run is all there is to go by.
    """
    tracks, value = known[-1]
    if len(known) > 1:
        fewer, before = known[-2]
        if before > 0 and value > 0 and tracks > fewer:
            grows = max(0.0, math.log(value / before) / math.log(tracks / fewer))
    if tracks >= FULL:
        return value
    if grows is None:
        return None
    factor: float = max(1.0, FULL / tracks) ** grows
    return value * factor


def _of(*path: str) -> Callable[[Figures], float | None]:
    def value(run: Figures) -> float | None:
        found: Any = run
        for name in path:
            if not isinstance(found, Mapping) or name not in found:
                return None
            found = found[name]
        return float(found)

    return value


def _resolving(run: Figures) -> float | None:
    """Return the seconds of the stages that cluster tracks into recordings."""
    stages = run.get("snapshot", {}).get("stages", ())
    return sum(stage["wall"] for stage in stages if stage["stage"].startswith("Resolving")) or None


def _memory(run: Figures) -> float | None:
    peaks = [run[step]["peak"] for step in ("snapshot", "index", "isrc", "search", "coverage") if step in run]
    return max(peaks, default=None)


def _bytes(run: Figures, name: str | None) -> float | None:
    sizes = run.get("sizes", {})
    if name is not None:
        return sizes[name] / run["tracks"] if name in sizes else None
    return sum(sizes.values()) / run["tracks"] if sizes else None


def _tracks(count: int) -> str:
    return f"{count / 1e6:g} M tracks"


def _number(value: float) -> str:
    return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def _whole(value: float) -> str:
    return f"{value:,.0f}"


def _duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:.2f} ms" if seconds < 0.0995 else f"{seconds * 1000:.0f} ms"


def _gigabytes(size: float) -> str:
    return f"{size / 1e9:.2f} GB"


def _share(value: float) -> str:
    return f"{min(value, 1):.0%}"
