"""The command line: the group, and the one place where an error becomes a line and an exit code."""

from __future__ import annotations

import gc
import sys
from pathlib import Path
from typing import NoReturn

import click

from syncer import __version__
from syncer.cli.common import SETTINGS, STARTED_AFTER, Context
from syncer.cli.help.shape import Sections
from syncer.cli.output import stdout
from syncer.errors import UserError

NO_ADDRESS_HERE = "an address does not belong on the command line (it stands in the process list); use stdin or --file"


@click.group(cls=Sections, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="syncer", help="Show the version and end.")
@click.option("--settings", type=click.Path(path_type=Path), help=SETTINGS)
@click.option("--debug", is_flag=True, help="Log everything to stderr.")
@click.pass_context
def cli(context: click.Context, settings: Path | None, debug: bool) -> None:
    """Carry erasures and objections to mailing-list providers, and keep the proof."""
    context.obj = Context()
    context.obj.path, context.obj.debug = settings, debug


def main(argv: list[str] | None = None) -> NoReturn:
    """Run a command and exit as designed: 0 fine, 1 something needs attention, 2 called or configured wrongly."""
    if argv is None:  # a process of its own, not a call from another program
        gc.set_threshold(STARTED_AFTER)
    try:
        stdout.prepare()
        _refuse_addresses(sys.argv[1:] if argv is None else argv)
        code = _run(argv)
    except click.Abort:
        code = 130
    except click.ClickException as error:
        stdout.remark(f"syncer: {_usage(error)}")
        code = 2
    except UserError as error:
        for line in str(error).split("\n"):  # mistakes in the settings are told one a line
            stdout.remark(line)
        code = error.exit_code
    except BrokenPipeError:
        stdout.given_up()
        code = 0
    except Exception as error:  # noqa: BLE001 — the last line of defence: one line, no traceback, no data
        stdout.remark(stdout.internal(error))
        code = 2
    sys.exit(code)


def _run(argv: list[str] | None) -> int:
    """Return the exit code of a command that came to its end."""
    written = sys.stdout
    try:
        code = cli.main(args=argv, prog_name="syncer", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    except SystemExit:
        if sys.stdout is written:
            raise
        return 0  # click's own way to end, with another stdout, when the reader of a pipe has gone
    return code if isinstance(code, int) else 0


def _refuse_addresses(words: list[str]) -> None:
    # whatever it was meant for: it stands in the process list and the shell's history already
    if any("@" in word and "/" not in word for word in words):
        raise UserError(NO_ADDRESS_HERE)


def _usage(error: click.ClickException) -> str:
    """Return a mistake of the caller in one line that names the help of the very command."""
    text = error.format_message()
    if isinstance(error, click.MissingParameter) and error.param and isinstance(error.param.type, click.Choice):
        # click puts each choice on a line of its own
        name = error.param.opts[0] if error.param.param_type_name == "option" else error.param.human_readable_name
        *others, last = error.param.type.choices
        text = f"Missing {error.param.param_type_name} {name}: {', '.join(others)} or {last}."
    if "@" in text:  # click repeats what was typed, and somebody may have typed an address
        return NO_ADDRESS_HERE
    path = error.ctx.command_path if isinstance(error, click.UsageError) and error.ctx else "syncer"
    return f"{' '.join(text.split())} See `{path} --help`."
