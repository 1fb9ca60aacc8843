"""Progress bars."""

import sys

from tqdm import tqdm


def progress(description: str, total: int, initial: int = 0, unit: str = "it") -> tqdm:
    """A bar with rate and ETA on a terminal; a line about every 15 s elsewhere (a log file).

    Args:
      description: what is done.
      total, initial: number of steps, and of those done before.
      unit: of the steps; "B" counts bytes and writes them as kB, MB.
    """
    on_terminal = sys.stderr.isatty()
    return tqdm(
        desc=description,
        total=total,
        initial=initial,
        unit=unit,
        unit_scale=unit == "B",
        dynamic_ncols=on_terminal,
        ascii=not on_terminal,
        mininterval=0.2 if on_terminal else 15,
        maxinterval=10 if on_terminal else 60,
    )
