"""The boards that firmware is made for: their memory, how it is divided, and what they are emulated by."""

from dataclasses import dataclass
from pathlib import Path

from tfodcl.errors import InputError
from tfodcl.replay.log_format import Geometry

KB = 1024


@dataclass(frozen=True)
class Board:
    """One board, as micro/ports/ divides its memory.

    Attributes:
      name: of the CMake option TFODCL_BOARD, and what the board's INFO says.
      chip, core: what it is, or stands in for.
      machine: of QEMU; None for a real board.
      ticks_per_second: of the board's statistics. An emulated board counts instructions; one per cycle of the real
        chip's clock is assumed.
      flash_bytes: of the chip, less what a bootloader has.
      firmware_bytes, package_bytes: regions of the flash.
      log_geometry: of the region of the log.
      ram_bytes: in one piece, for static data, stack and arena.
      stack_bytes: of ram_bytes.
    """

    name: str
    chip: str
    core: str
    machine: str | None
    ticks_per_second: int
    flash_bytes: int
    firmware_bytes: int
    package_bytes: int
    log_geometry: Geometry
    ram_bytes: int
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
        Board(
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
        ),
        Board(
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
        ),
    )
}


def find(name: str) -> Board:
    """Raises InputError where there is no such board."""
    if name not in BOARDS:
        raise InputError(f"board must be one of {', '.join(BOARDS)}. Received: {name!r}.")
    return BOARDS[name]


def of_firmware(firmware: Path) -> Board:
    """The board that a firmware was built for: its name is among its texts. Raises InputError where there is none."""
    try:
        content = firmware.read_bytes()
    except OSError as error:
        raise InputError(f"{firmware} must be a firmware. Received: {error.strerror or error}.") from error
    for board in BOARDS.values():
        if board.name.encode() in content:
            return board
    raise InputError(f"{firmware} must be a firmware for one of {', '.join(BOARDS)}. Received: {len(content)} bytes.")
