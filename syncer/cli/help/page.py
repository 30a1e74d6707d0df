"""`python -m syncer.cli.help.page [FILE]`: writes docs/commands.md, and the first page of help as it is kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from syncer.cli.help.catalog import SECTIONS
from syncer.cli.help.usage import EXITS, USAGE

#: the widths for which the first page of help is kept
WIDTHS = (80, 100)
_HEAD = """# Commands

For whoever types them, or scripts against them. `syncer --help` lists every command by what one wants to do; `--help`
behind a command shows its options, examples and exit codes. This page is made from the same words (`make schemas`).

## What all have in common

- **JSON**: every command that reads, and those that show a plan, have `--json`; [schemas](schemas) says what stands
  in it. Where there are other formats too, `--json` is short for `--format json`. JSON goes to standard output,
  remarks go to standard error.
- **People's addresses** come from standard input or a file, never from the command line: others could see them there.
- **A request** is named by its case number (`4711`), or by the first characters of its id.
- **A terminal** gets lines of at most 100 columns, in colour (`NO_COLOR` is respected). A pipe or a file gets every
  line whole, without colours, so that `grep` sees it.
- **Days and times**: `YYYY-MM-DD` is midnight in the controller's time zone, or write ISO 8601. `--since` counts
  itself, `--until` does not.
- **Nothing happens by surprise**: `resync`, `replay`, `key rotate` and `check --try` show their plan first; `--yes`
  carries it out.
- **`check`** says `ok`, `warn` or `FAIL` (`level` in its JSON: ok, warn, fail). A `warn` works and wants a look; it
  changes no exit code. At a destination it stops at the first failure, which would fail what comes behind it too.
- **Older spellings** of options go on working; `--help` shows one for each.

## How a delivery is closed

An event is `fulfilled` once nothing of it is open at any destination. How surely, its deliveries say; wherever such an
event is shown, they are counted apart (`2 read back, 1 passed on`).

- `confirmed`: carried out, or found to hold nobody, and **read back**. This alone is called confirmed or done.
- `accepted`: passed on, and nobody can read back what becomes of it. `settles_on` is the day by which the destination
  says to be through, where it does.
- `attested`: settled by a person. `code` is what the destination answered: `done`, `no_data` or `refused`.
- `not_applicable`: it could not be asked. `code` is `no_identifier` where nothing is known by which it could find the
  person, and `right_not_offered` where the right has no meaning there; by `lapses_on` its data ends by itself.
- `exempt`: a person decided that it is not told, or not asked any further. `code` is the ground.

`ending` in the JSON of `events` and `show` says it of the event: `everywhere` where all of them are confirmed,
`answered` where some were not read back, `with_exception`, `withdrawn`, and `nobody` where no destination was
configured.

## Completion

Commands, options, destinations of the settings, case numbers (the newest fifty) and, once a zero is typed, ids. It
reads the settings and, without changing it, the database; where that fails it offers nothing and says nothing.

| shell | where | line |
| --- | --- | --- |
| bash 4.4 or newer | `~/.bashrc` | `eval "$(syncer completion bash)"` |
| zsh | `~/.zshrc`, behind `compinit` | `eval "$(syncer completion zsh)"` |
| fish | `~/.config/fish/config.fish` | `syncer completion fish \\| source` |

## Exit codes
"""


def page() -> str:
    """Return the page, as Markdown."""
    return _HEAD + "\n".join(["", *_common(), *_commands()]) + "\n"


def _common() -> Iterator[str]:
    yield "| code | meaning |"
    yield "| --- | --- |"
    yield from (f"| {code} | {meaning} |" for code, meaning in EXITS.items())
    yield "| 130 | interrupted at the keyboard (Ctrl-C) |"


def _commands() -> Iterator[str]:
    for title, entries in SECTIONS.items():
        yield from ("", f"## {title}")
        for name, entry in entries.items():
            yield from ("", f"`{name}`: {entry.line}")
            yield from _usage([words for words in USAGE if words.split()[0] == name])


def _usage(commands: list[str]) -> Iterator[str]:
    yield from ("", "```")
    yield from (example for words in commands for example in USAGE[words].examples)
    yield "```"
    rows = [
        f"| {f'`{words}` ' if len(commands) > 1 else ''}{code} | {meaning} |"
        for words in commands
        for code, meaning in USAGE[words].exits.items()
        if meaning not in (*EXITS.values(), "done")
    ]
    if rows:
        yield from ("", "| exit | means |", "| --- | --- |", *rows)


def first_page(width: int) -> str:
    """Return what `syncer --help` prints on a terminal of this width."""
    from syncer.cli.main import cli

    context = cli.make_context("syncer", [], resilient_parsing=True, terminal_width=min(width, 100) - 2)
    return cli.get_help(context) + "\n"


def main(file: Path, folder: Path) -> None:
    """Write the page, and into the folder the first page for each width that terminals mostly have."""
    file.write_text(page(), encoding="utf-8")
    for width in WIDTHS:
        (folder / f"first_page_{width}.txt").write_text(first_page(width), encoding="ascii")


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/commands.md"), Path(__file__).parent)
