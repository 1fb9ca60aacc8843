// What the chips have, for the boards that stand in for them: only the host and emulated boards use this.

#ifndef TFODCL_PORTS_CHIPS_H_
#define TFODCL_PORTS_CHIPS_H_

#include "store/flash.h"

namespace tfodcl {

struct Chip {
  const char* name;
  // The regions behind the firmware's 128 KB, to the end of the flash.
  Geometry package;
  Geometry log;
  uint32_t ram_bytes;
  uint32_t request_buffer_bytes;
};

// 2 MB of flash in blocks of 128 KB, words of 32 bytes with ECC (RM0399). RAM: the AXI SRAM, which the Cortex-M7 and
// all DMA reach.
inline constexpr Chip kStm32h747 = {
    "stm32h747", {32, 131'072, 10, 10'000}, {32, 131'072, 5, 10'000}, 512 << 10, 16 << 10};

// 1 MB of flash in pages of 4 KB, of which a Nano 33 BLE's bootloader has the first 64 KB.
inline constexpr Chip kNrf52840 = {"nrf52840", {4, 4096, 112, 10'000}, {4, 4096, 96, 10'000}, 256 << 10, 4 << 10};

}  // namespace tfodcl

#endif  // TFODCL_PORTS_CHIPS_H_
