"""Boards: what they are, and of those that firmware is made for the memory, its division, and the emulator."""

from dataclasses import dataclass
from pathlib import Path

from tfodcl.errors import InputError
from tfodcl.package import Package
from tfodcl.replay.log_format import Geometry

KB = 1024


@dataclass(frozen=True, kw_only=True)
class Board:
    """What speaks the serial protocol.

    Attributes:
      name: what its INFO says.
      chip, core: what it is, or stands in for.
      machine: of QEMU; None for a real board.
      ticks_per_second: of its statistics. An emulated board counts instructions; one per cycle of the real chip's
        clock is assumed.
    """

    name: str
    chip: str
    core: str
    machine: str | None = None
    ticks_per_second: int = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Target(Board):
    """A board that firmware is made for, as micro/ports/ divides its memory. `name` is that of TFODCL_BOARD.

    Attributes:
      flash_bytes: of the chip, less what a bootloader has.
      firmware_bytes, package_bytes: regions of the flash.
      log_geometry: of the region of the log.
      ram_bytes: in one piece, for static data, stack and arena.
      stack_bytes: of ram_bytes.
      sample_bytes: most of one sample, the encoder's input: a request that carries it fits the board's buffer.
    """

    flash_bytes: int
    firmware_bytes: int
    package_bytes: int
    log_geometry: Geometry
    ram_bytes: int
    sample_bytes: int
    stack_bytes: int = 8192

    @property
    def emulator(self) -> str:
        """QEMU's machine. Raises InputError for a real board."""
        if self.machine is None:
            raise InputError(f"--qemu needs the firmware of an emulated board. Received: one for {self.name}.")
        return self.machine


BOARDS = {
    board.name: board
    for board in (
        Target(
            name="mps2-an500",
            chip="STM32H747",
            core="Cortex-M7",
            machine="mps2-an500",
            ticks_per_second=480_000_000,
            flash_bytes=2048 * KB,
            firmware_bytes=128 * KB,
            package_bytes=1280 * KB,
            log_geometry=Geometry(program_unit_bytes=32, erase_block_bytes=128 * KB, num_blocks=5),
            ram_bytes=512 * KB,
            sample_bytes=16_000,
        ),
        Target(
            name="mps2-an386",
            chip="nRF52840",
            core="Cortex-M4F",
            machine="mps2-an386",
            ticks_per_second=64_000_000,
            flash_bytes=(1024 - 64) * KB,
            firmware_bytes=128 * KB,
            package_bytes=448 * KB,
            log_geometry=Geometry(program_unit_bytes=4, erase_block_bytes=4 * KB, num_blocks=96),
            ram_bytes=256 * KB,
            sample_bytes=4_000,
        ),
    )
}


HOST = Board(name="host", chip="no chip", core="the computer's processor")


def find(name: str) -> Target:
    """Raises InputError where no firmware is made for such a board."""
    if name not in BOARDS:
        raise InputError(f"board must be one of {', '.join(BOARDS)}. Received: {name!r}.")
    return BOARDS[name]


def check_trains(package: Package) -> None:
    """Raises InputError for a package whose adaptive stage no board's runtime has: one of AIM."""
    if package.adaptive:
        raise InputError(
            "boards train a linear head, or a network of convolutions. "
            f"Received: a package with an adaptive stage of AIM, {', '.join(package.adaptive)}."
        )


def describe(name: str) -> Board:
    """The board whose INFO says `name`; of one that somebody else made a port for, nothing else is known."""
    return {**BOARDS, HOST.name: HOST}.get(name, Board(name=name, chip="a chip", core="a core of its own"))


def of_firmware(firmware: Path) -> Target:
    """The board that a firmware was built for: its name is among its texts. Raises InputError where there is none."""
    try:
        content = firmware.read_bytes()
    except OSError as error:
        raise InputError(f"{firmware} must be a firmware. Received: {error.strerror or error}.") from error
    for board in BOARDS.values():
        if board.name.encode() in content:
            return board
    raise InputError(f"{firmware} must be a firmware for one of {', '.join(BOARDS)}. Received: {len(content)} bytes.")
