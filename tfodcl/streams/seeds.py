"""Random numbers from (seed, run, purpose), and the ranges of what a caller asks for."""

from tfodcl.errors import InputError

# Separates the random numbers of one purpose from those of another with the same seed.
CLASS_ORDER, SAMPLE_ORDER, EPISODE, BATCH_CLASSES, BATCH_SAMPLES, BATCH_ORDER = 0, 1, 2, 3, 4, 5
CODEC_SAMPLES = 8


def check_at_least(minimum: int, **values: int) -> None:
    for name, value in values.items():
        if value < minimum:
            raise InputError(f"{name} must be at least {minimum}. Received: {name}={value}.")
