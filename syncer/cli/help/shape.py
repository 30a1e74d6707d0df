"""How help looks: commands in sections, examples and exit codes at the end; a group called alone shows its own."""

from __future__ import annotations

from importlib import import_module

import click

from syncer.cli.help.catalog import SECTIONS, CatalogEntry


class Command(click.Command):
    """A command whose help ends with examples and exit codes."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write both, as `usage` has them for this command."""
        from syncer.cli.help.usage import usage_of

        told = usage_of(ctx.command_path.partition(" ")[2])
        with formatter.section("Examples"):
            for example in told.examples:
                formatter.write(f"{'':>{formatter.current_indent}}{example}\n")
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in told.exits.items()])


class Group(click.Group):
    """A group that shows its help, and ends well, when it is called alone."""

    command_class = Command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does, which takes such a call for a mistake."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), color=ctx.color)
            ctx.exit()
        return super().parse_args(ctx, args)


class ActingGroup(Group):
    """A group that does something itself when it is called alone."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as click does."""
        return click.Group.parse_args(self, ctx, args)

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples and exit codes, as for a command."""
        Command.format_epilog(self, ctx, formatter)  # type: ignore[arg-type]


class Sections(Group):
    """The commands of `SECTIONS`: each is loaded when it is called, and listed without."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every name, in the order of the sections."""
        return [name for entries in SECTIONS.values() for name in entries]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command; None for an unknown name."""
        for entries in SECTIONS.values():
            if cmd_name in entries:
                return _loaded(entries[cmd_name])
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands under what one wants to do."""
        longest = max(len(name) for entries in SECTIONS.values() for name in entries)
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(longest), entry.line) for name, entry in entries.items()])

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what the exit codes of all commands have in common."""
        from syncer.cli.help.usage import EXITS

        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), meaning) for code, meaning in EXITS.items()])
        formatter.write("\nEach command's --help has examples, and what its exit codes mean.\n")


def _loaded(entry: CatalogEntry) -> click.Command:
    module, _, attribute = entry.place.partition(":")
    command: click.Command = getattr(import_module(f"syncer.cli.{module}"), attribute)
    return command
