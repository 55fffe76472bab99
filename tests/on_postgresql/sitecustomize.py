"""Python reads this at its start in the processes that tests start: their ledgers are on PostgreSQL, too.

Only there is this folder on the path (tests/conftest.py). It waits for the one module that opens ledgers, so
that programs without a ledger start as quickly as ever.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

_OPENS = "phonotheque.vault.archive"


class _Instead(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != _OPENS:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(fullname)
        assert spec is not None
        assert spec.loader is not None
        run = spec.loader.exec_module

        def run_and_replace(module: ModuleType) -> None:
            from tests.postgresql import connect_instead

            run(module)
            module.connect_file = connect_instead  # type: ignore[attr-defined]

        spec.loader.exec_module = run_and_replace  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _Instead())
