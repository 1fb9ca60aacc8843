"""The statuses of Python are those of the C++ header, by name and value."""

import re
from pathlib import Path

from tfodcl.device.status import BoardError, Status

HEADER = Path(__file__).parents[3] / "micro" / "base" / "status.h"


def test_names_and_values_are_those_of_the_header():
    found = re.findall(r"^ +k(\w+) = (\d+),", HEADER.read_text(), re.MULTILINE)
    in_header = {name.lower(): int(value) for name, value in found}
    assert len(in_header) > 20
    assert in_header == {status.name.lower().replace("_", ""): int(status) for status in Status}


def test_a_status_of_a_later_firmware_is_shown_as_a_number():
    assert "Received: status 200." in str(BoardError("command 0x20", 200))
