"""What a board answers: the statuses of micro/base/status.h, and the errors that they become."""

import enum

from tfodcl.errors import InputError


class Status(enum.IntEnum):
    """micro/SPEC.md 7.4."""

    OK = 0
    INVALID_ARGUMENT = 1
    OUT_OF_RANGE = 2
    ARENA_TOO_SMALL = 3
    NOT_A_PACKAGE = 10
    UNSUPPORTED_VERSION = 11
    CORRUPT_PACKAGE = 12
    INVALID_PACKAGE = 13
    NO_PACKAGE = 14
    NO_PLAN = 15
    UNSUPPORTED_OPERATOR = 16
    UNSUPPORTED_NETWORK = 17
    FLASH_FAILURE = 20
    UNREADABLE = 21
    NOT_ERASED = 22
    LOG_FULL = 23
    FOREIGN_LOG = 24
    CORRUPT_LOG = 25
    CAPACITY_REACHED = 30
    UNKNOWN_CLASS = 31
    NO_CLASSES = 32
    NAME_TAKEN = 33
    INVALID_NAME = 34
    CORRUPT_RECORD = 35
    BUDGET_TOO_SMALL = 36
    BATCH_FULL = 37
    CORRUPT_FRAME = 40
    UNSUPPORTED_PROTOCOL = 41
    UNKNOWN_COMMAND = 42
    INVALID_LENGTH = 43
    OUT_OF_SEQUENCE = 44


def name_of(status: int) -> str:
    """For people. A number that this version does not know stays a number."""
    known = status in Status.__members__.values()
    return Status(status).name.lower().replace("_", " ") if known else f"status {status}"


class BoardError(InputError):
    """A board refused a command; nothing changed there.

    Attributes:
      status: why.
    """

    def __init__(self, command: str, status: int) -> None:
        self.status = status
        super().__init__(f"the board must be able to do {command}. Received: {name_of(status)}.")


class BoardRestarted(Exception):
    """The board knows no session: it was reset since the last command. What was not durable is lost there."""


class LineError(InputError):
    """No board answers."""
