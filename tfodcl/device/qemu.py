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
        QEMU, "-M", machine, "-kernel", str(firmware), "-display", "none", "-monitor", "none", "-icount", "shift=6",
        "-serial", f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on",
    ]  # fmt: skip
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
            assert process.stderr is not None
            message = process.stderr.read().decode(errors="replace")
            raise InputError(f"{QEMU} must run. Received: exit code {process.returncode}, {message}")
        yield f"socket://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
