"""What all commands share: one-line errors with exit code 2, and progress bars."""

import argparse
import sys
from collections.abc import Callable
from typing import NoReturn

from tqdm import tqdm

from tfodcl.errors import InputError


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line."""

    def __init__(self, **options) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


def run(main: Callable[[], None], name: str) -> NoReturn:
    """Ends the process with 0, or 2 and one line for an InputError, or 130 when interrupted."""
    try:
        main()
    except InputError as error:
        print(f"{name}: error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"{name}: interrupted; the same command resumes", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)


def progress(description: str, total: int, initial: int = 0) -> tqdm:
    """A bar with rate and ETA on a terminal; a line about every 15 s elsewhere (a log file)."""
    on_terminal = sys.stderr.isatty()
    return tqdm(
        desc=description,
        total=total,
        initial=initial,
        dynamic_ncols=on_terminal,
        ascii=not on_terminal,
        mininterval=0.2 if on_terminal else 15,
        maxinterval=10 if on_terminal else 60,
        leave=True,
    )
