"""Numbers as text for people: percentages, bytes, times, counts. Units stand after a no-break space."""

import math

SPACE = "\u00a0"
MINUS = "\u2212"
PREFIXES = ("", "k", "M", "G", "T", "P", "E", "Z", "Y")  # of 1000 to the power of their place
LEAST_RANGE = 0.01  # of an axis


def percent(share: float) -> str:
    """0.4412 -> "44.1 %"."""
    return f"{points(share)}{SPACE}%"


def points(share: float, decimals: int = 1) -> str:
    """Percentage points without a unit: 0.4412 -> "44.1", -0.02 -> a minus sign and "2.0"."""
    text = f"{abs(100 * share):.{decimals}f}"
    return text if share >= 0 or not float(text) else MINUS + text


def points_deviation(share: float, deviation: float, num_runs: int, decimals: int = 1) -> str:
    """ "44.1 ± 0.9"; without the deviation where a single run says nothing about it."""
    if num_runs < 2:
        return points(share, decimals)
    return f"{points(share, decimals)}{SPACE}±{SPACE}{points(deviation, decimals)}"


def percent_deviation(share: float, deviation: float, num_runs: int) -> str:
    """`points_deviation` with its unit: "44.1 ± 0.9 %"."""
    return f"{points_deviation(share, deviation, num_runs)}{SPACE}%"


def byte_size(num_bytes: float) -> str:
    """546 -> "546 B", 65536 -> "64 KiB", 3 * 2**20 -> "3.0 MiB"; three digits that count, at least."""
    if num_bytes < 1024:
        return f"{num_bytes:.0f}{SPACE}B"
    power = min(int(math.log2(num_bytes) // 10), 3)
    value = num_bytes / 1024**power
    if value >= 1023.5 and power < 3:
        power, value = power + 1, value / 1024
    digits = 0 if value >= 100 or value == int(value) else 1
    return f"{value:.{digits}f}{SPACE}{('B', 'KiB', 'MiB', 'GiB')[power]}"


def exact_bytes(num_bytes: float) -> str:
    """3074 -> "3,074 B": for sizes that people compare with a format."""
    return f"{num_bytes:,.0f}{SPACE}B"


def duration(seconds: float) -> str:
    """0.0042 -> "4.2 ms", 6.31 -> "6.3 s", 415 -> "6 min 55 s", 7100 -> "1 h 58 min"."""
    if 0 < seconds < 0.9995:
        return f"{1000 * seconds:.3g}{SPACE}ms"
    if seconds < 99.95:
        return f"{seconds:.1f}{SPACE}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 100:
        return f"{minutes}{SPACE}min{SPACE}{rest}{SPACE}s"
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours}{SPACE}h{SPACE}{minutes}{SPACE}min"


def count(number: float) -> str:
    """21400000 -> "21.4 M", 4096 -> "4,096"."""
    if number >= 1e6:
        return f"{number / 1e6:.3g}{SPACE}M" if number < 999.5e6 else f"{number / 1e9:.3g}{SPACE}G"
    return f"{number:,.0f}"


def operations(number: float) -> str:
    """7.5e15 -> "7.5 PFLOP"."""
    return _with_prefix(number, "FLOP")


def energy(joules: float) -> str:
    """1234 -> "1.23 kJ"."""
    return _with_prefix(joules, "J")


def ratio(factor: float) -> str:
    """30.1 -> "30", 5.63 -> "5.6"."""
    return f"{factor:,.0f}" if factor >= 9.95 else f"{factor:.1f}"


def nice_range(low: float, high: float, num_steps: int) -> tuple[float, float, float]:
    """(start, end, step) of an axis from below `low` to beyond `high`, steps as of `nice_ceiling`."""
    _, step = nice_ceiling(max(high - low, LEAST_RANGE), num_steps)
    start = step * math.floor(low / step + 1e-9)
    return start, max(step * math.ceil(high / step - 1e-9), start + step), step


def nice_ceiling(value: float, num_steps: int = 5) -> tuple[float, float]:
    """(end, step) of an axis from 0 beyond `value`: up to `num_steps` steps of 1, 2 or 5 times 10^k."""
    if value <= 0:
        return 1.0, 1.0
    raw = value / num_steps
    scale = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * scale for factor in (1, 2, 5, 10) if factor * scale >= raw * (1 - 1e-9))
    return step * math.ceil(value / step - 1e-9), step


def _with_prefix(number: float, unit: str) -> str:
    """Three digits that count."""
    power = 0
    while number >= 999.5 and power + 1 < len(PREFIXES):
        power, number = power + 1, number / 1000
    return f"{number:.3g}{SPACE}{PREFIXES[power]}{unit}"
