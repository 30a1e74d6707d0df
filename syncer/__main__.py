"""`syncer` and `python -m syncer`: the first page of help from a file, for nobody waits for that; all else by click."""

import os
import sys

#: where the page lies as it looks in lines of so many characters; help goes to no more than 100
PAGES = os.path.join(os.path.dirname(__file__), "cli", "help", "first_page_{width}.txt")
#: what asks for it
ASKED: tuple[list[str], ...] = ([], ["-h"], ["--help"])


def main() -> None:
    """Run the command line; exit as `syncer.cli.main` does."""
    if sys.argv[1:] in ASKED and "_SYNCER_COMPLETE" not in os.environ and _told():
        sys.exit(0)
    from syncer.cli.main import main as run

    run()


def _told() -> bool:
    """Print the page; say whether that was done. Where it is not there or not written, click does it and says why."""
    try:
        with open(PAGES.format(width=min(_width(), 100)), encoding="ascii") as page:
            text = page.read()
        sys.stdout.write(text)
        sys.stdout.flush()
    except (AttributeError, OSError, ValueError):  # the first for a closed stdout
        return False
    return True


def _width() -> int:
    """Return how wide the terminal is, as shutil does, which is slow to load."""
    try:
        width = int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        width = 0
    if width > 0:
        return width
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or 80
    except (AttributeError, OSError, ValueError):
        return 80


if __name__ == "__main__":
    main()
