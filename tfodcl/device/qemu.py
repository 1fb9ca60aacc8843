"""Emulated boards: QEMU with a serial line on a socket.

Time is counted in instructions (-icount shift=6: one every 64 ns of emulated time), so figures repeat exactly. They
are instructions, not cycles of a real board.
"""

import contextlib
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tfodcl.errors import InputError

QEMU = "qemu-system-arm"


@contextlib.contextmanager
def emulate(machine: str, firmware: Path) -> Iterator[str]:
    """Runs a firmware (ELF) on a QEMU machine, such as mps2-an500, and gives the URL of its serial line.

    Raises InputError where QEMU is not installed or does not start.
    """
    if shutil.which(QEMU) is None:
        raise InputError(f"{QEMU} must be installed (Debian: apt-get install qemu-system-arm). Received: none.")
    if not firmware.is_file():
        raise InputError(f"a firmware must be a file. Received: {firmware}.")
    port = _free_port()
    command = [
        QEMU, "-M", machine, "-kernel", str(firmware), "-display", "none", "-qmp", "stdio", "-icount", "shift=6",
        "-serial", f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on",
    ]  # fmt: skip
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0) as process:
        try:
            if not _runs(process):
                assert process.stderr is not None
                message = process.stderr.read().decode(errors="replace")
                raise InputError(f"{QEMU} must run. Received: exit code {process.wait()}, {message}")
            yield f"socket://127.0.0.1:{port}"
        finally:
            process.terminate()


def _runs(process: subprocess.Popen[bytes]) -> bool:
    """Waits for QEMU's control protocol (QMP) to answer, which it does once the machine runs and its serial line is
    open. False if QEMU ended instead."""
    assert process.stdin is not None and process.stdout is not None
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(b'{"execute": "qmp_capabilities"}\n')
    greeting, answer = process.stdout.readline(), process.stdout.readline()
    return bool(greeting and answer)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
