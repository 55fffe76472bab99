"""The command line, run in this process."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from phonotheque.cli.main import main


@dataclass(frozen=True)
class Ran:
    """What a command printed and with which code it ended."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Phono = Callable[..., Ran]


@pytest.fixture
def phono(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Phono:
    """Run a command. What is printed for people holds nothing that would command their terminal."""

    def run(*words: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["phono", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        assert "--json" in words or not {"\x1b", "\u202e"} & set(printed.out + printed.err)
        return Ran(ended.value.code, printed.out, printed.err)

    return run
