"""Commands with another one below them: ``phono mirror ORIGIN FOLDER``, and ``phono mirror list ORIGIN``."""

from __future__ import annotations

from typing import Any

import click


class WithOthers(click.Command):
    """A command that gives way to another one if the first word is its name. ``./list`` is a folder."""

    others: dict[str, click.Command]

    def __init__(self, *args: Any, others: dict[str, click.Command], **more: Any) -> None:
        super().__init__(*args, **more)
        self.others = others

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Read the words for the command that they are for."""
        if args and args[0] in self.others:
            return self.others[args[0]].make_context(f"{info_name} {args[0]}", args[1:], parent, **extra)
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that the words were for."""
        return super().invoke(ctx) if ctx.command is self else ctx.command.invoke(ctx)
