// What the server needs of a board. A port fills it in once (ports/port.h); everything in it outlives the server.

#ifndef TFODCL_SERIAL_DEVICE_H_
#define TFODCL_SERIAL_DEVICE_H_

#include "base/span.h"
#include "store/flash.h"

namespace tfodcl {

// Values of the serial protocol (SPEC.md 7.3.1).
enum class TickUnit : uint8_t { kMicroseconds = 1, kEmulatedInstructions = 2 };

struct Device {
  const char* board;  // ASCII, at most 64 bytes

  // Two regions of flash. Writing one leaves the other as it is.
  Flash* log_flash;
  Flash* package_flash;
  // The package region as it is mapped into memory, beginning at a multiple of 32: where its package is read in place.
  Bytes package_region;
  // A package that the firmware carries, at a multiple of 32; empty where it has none. It is used when the region has
  // none that is valid.
  Bytes factory_package;

  // For the learner, beginning at a multiple of kArenaAlignment.
  Span<uint8_t> arena;
  // Holds one encoded request: a little more than the largest payload. At least 64 bytes.
  Span<uint8_t> request_buffer;

  // Waits for bytes from the host; returns how many of `out` it filled, at least 1.
  size_t (*read)(Span<uint8_t> out);
  // Returns when the host's line has taken all of `bytes`.
  void (*write)(Bytes bytes);

  // Rises by one each unit, from any beginning, and never wraps while it is asked at least once a minute.
  uint64_t (*ticks)();
  TickUnit tick_unit;

  // The most bytes of stack that were in use, of `stack_bytes`; 0 where they are not measured.
  uint32_t (*stack_used_bytes)();
  uint32_t stack_bytes;

  // Starts the firmware anew, as a power cycle does. Does not return.
  void (*reboot)();
};

}  // namespace tfodcl

#endif  // TFODCL_SERIAL_DEVICE_H_
