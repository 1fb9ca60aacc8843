"""What keeps an emulator from starting is one line."""

import pytest

from tfodcl.device.qemu import emulate
from tfodcl.errors import InputError


def test_a_missing_emulator_is_named_with_its_package(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"qemu-system-arm must be installed \(Debian: .*\)\. Received: none\."):
        emulate("mps2-an386", tmp_path).__enter__()


def test_a_firmware_that_is_no_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=f"a firmware must be a file. Received: {tmp_path}"):
        emulate("mps2-an386", tmp_path).__enter__()


def test_why_the_emulator_ended_is_said(tmp_path):
    firmware = tmp_path / "firmware.elf"
    firmware.write_bytes(bytes(100))
    with pytest.raises(InputError, match="qemu-system-arm must run. Received: exit code 1, .*unsupported machine type"):
        emulate("no_such_machine", firmware).__enter__()


def test_an_emulator_that_ends_late_is_told_from_one_that_runs(monkeypatch, tmp_path):
    emulator = tmp_path / "qemu-system-arm"
    emulator.write_text("#!/bin/sh\n/bin/sleep 1\necho out of memory >&2\nexit 1\n")
    emulator.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="qemu-system-arm must run. Received: exit code 1, out of memory"):
        emulate("mps2-an386", emulator).__enter__()
