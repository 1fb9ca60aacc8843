"""What all commands share: whole numbers as options, the command as it was typed, one-line errors with exit code 2."""

import argparse
import shlex
import sys
from collections.abc import Callable
from typing import NoReturn

from tfodcl.errors import InputError


class Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors are one line."""

    def __init__(self, **options) -> None:
        super().__init__(formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(2, one_line(f"{self.prog}: error: {message}") + "\n")


def parse_count(option: str, text: str, least: int, most: int = 2**31 - 1) -> int:
    """A whole number in least..most, or InputError; the default is what every library takes as a seed."""
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        raise InputError(f"{option} must be a whole number in {least}..{most}. Received: {text}.")
    return value


def command_line(module: str) -> str:
    return shlex.join(["python", "-m", module, *sys.argv[1:]])


def run(main: Callable[[], None], name: str) -> NoReturn:
    """Ends the process with 0, or 2 and one line for an InputError, or 130 when interrupted."""
    try:
        main()
    except InputError as error:
        print(one_line(f"{name}: error: {error}"), file=sys.stderr)
        sys.exit(2)
    except ModuleNotFoundError as error:
        print(f"{name}: error: this needs the package {error.name}: pip install tfodcl[train]", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"{name}: interrupted; the same command resumes", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)


def one_line(message: str) -> str:
    """The message without the line ends that a received value may have brought in."""
    return " ".join(message.split())
