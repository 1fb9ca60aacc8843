"""Progress bars."""

import sys

from tqdm import tqdm


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
    )
