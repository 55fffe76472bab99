"""Ask for everything that OpenSubsonic's own description has, and compare every answer with it.

Arguments: the description (openapi.json), the address of a server, and as JSON a login, and parameters that
make sense, by call. Prints a line of JSON for each call. This runs in an environment of its own
(scripts/harvesters.sh).
"""

from __future__ import annotations

import json
import sys
from typing import Any

import schemathesis  # type: ignore[import-not-found]
from hypothesis import HealthCheck, Phase, given, settings

_EACH = 2  # times: with what makes sense, and with whatever comes


def main(description: str, url: str, login: dict[str, str], sensible: dict[str, dict[str, str]]) -> None:
    """Ask each call."""
    schema = schemathesis.openapi.from_path(description)
    schema.config.update(base_url=url)
    for found in schema.get_all_operations():
        operation = found.ok()
        told = {"call": f"{operation.method.upper()} {operation.path}", "compared": 0, "ok": 0, "wrong": []}
        _try(operation, told, login, sensible.get(operation.path.rsplit("/", 1)[1], {}))
        print(json.dumps(told), flush=True)


def _try(operation: Any, told: dict[str, Any], login: dict[str, str], sensible: dict[str, str]) -> None:
    empty: dict[str, str] = {}
    turns = iter([sensible, *[empty] * 10 * _EACH])

    @settings(
        max_examples=_EACH,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def ask(case: Any) -> None:
        case.query = {**(case.query or {}), **next(turns)}
        for name in ("apiKey", "u", "p", "t", "s"):
            case.query.pop(name, None)
        case.query.update({**login, "v": "1.16.1", "c": "specification", "f": "json"})
        response = case.call()
        told["ok"] += b'"status":"ok"' in response.content
        if response.status_code >= 500:
            told["wrong"].append(f"{response.status_code}: {case.query}")
        elif response.headers.get("content-type", [""])[0].startswith("application/json"):
            told["compared"] += 1
            try:
                case.operation.validate_response(response)
            except Exception as error:  # noqa: BLE001 — whatever it finds is told
                told["wrong"].append(f"{case.query}: {str(error)[:600]}")

    ask()


main(sys.argv[1], sys.argv[2], json.loads(sys.argv[3]), json.loads(sys.argv[4]))
