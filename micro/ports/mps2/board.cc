// The mps2 boards of QEMU: UART0, timer0 as a counter of instructions, and two regions of simulated flash in PSRAM.

#include "ports/mps2/board.h"

#include "base/bytes.h"
#include "ports/mps2/startup.h"
#include "ports/port.h"
#include "ports/simulated_flash.h"

extern "C" {
extern uint8_t arena_begin[], arena_end[], package_begin[], package_end[];
}

namespace tfodcl {
namespace {

// CMSDK UART, Arm DDI 0479.
struct Uart {
  volatile uint32_t data;
  volatile uint32_t state;  // 0: transmit buffer full, 1: receive buffer full
  volatile uint32_t control;
  volatile uint32_t interrupts;
  volatile uint32_t baud_divider;
};
constexpr uint32_t kTransmitFull = 1 << 0;
constexpr uint32_t kReceiveFull = 1 << 1;
constexpr uint32_t kTransmitEnable = 1 << 0;
constexpr uint32_t kReceiveEnable = 1 << 1;
constexpr uint32_t kReceiveInterruptEnable = 1 << 3;
constexpr uint32_t kReceiveInterrupt = 1 << 1;

// CMSDK timer, which counts down.
struct Timer {
  volatile uint32_t control;
  volatile uint32_t value;
  volatile uint32_t reload;
};

Uart& uart0 = *reinterpret_cast<Uart*>(0x40004000);
Timer& timer0 = *reinterpret_cast<Timer*>(0x40000000);

// NVIC: receive interrupt of UART0 is number 0. Interrupts are masked; a pending one ends a wait.
volatile uint32_t& interrupt_enable = *reinterpret_cast<volatile uint32_t*>(0xE000E100);
volatile uint32_t& interrupt_clear_pending = *reinterpret_cast<volatile uint32_t*>(0xE000E280);

size_t Read(Span<uint8_t> out) {
  for (;;) {
    uart0.interrupts = kReceiveInterrupt;
    interrupt_clear_pending = 1;
    if (uart0.state & kReceiveFull) break;
    asm volatile("wfi");
  }
  size_t size = 0;
  while (size < out.size() && (uart0.state & kReceiveFull)) out[size++] = static_cast<uint8_t>(uart0.data);
  return size;
}

void Write(Bytes bytes) {
  for (const uint8_t byte : bytes) {
    while (uart0.state & kTransmitFull) {
    }
    uart0.data = byte;
  }
}

// 25 MHz of emulated time, in which QEMU executes an instruction every 64 ns (-icount shift=6).
uint64_t Ticks() {
  static uint32_t last = 0;
  static uint64_t total = 0;
  const uint32_t now = ~timer0.value;
  total += now - last;
  last = now;
  return total * 40 / 64;
}

// The next flash in PSRAM; it finds there what an earlier run of the firmware left.
Span<uint8_t> TakePsram(size_t size_bytes) {
  static size_t used = 0;
  const Span<uint8_t> taken(reinterpret_cast<uint8_t*>(kEmulatedBoard.psram_address) + used, size_bytes);
  used += AlignUp(size_bytes, 32);
  return taken;
}

SimulatedFlash OpenFlash(const Geometry& geometry) {
  SimulatedFlash flash(geometry, TakePsram(SimulatedFlash::RequiredBytes(geometry)));
  static_cast<void>(flash.Open());  // fails only where memory is short
  return flash;
}

}  // namespace

const Device& InitializeBoard(int, char**) {
  uart0.baud_divider = 16;
  uart0.control = kTransmitEnable | kReceiveEnable | kReceiveInterruptEnable;
  interrupt_enable = 1;
  timer0.reload = timer0.value = 0xFFFFFFFF;
  timer0.control = 1;

  static SimulatedFlash package_flash = OpenFlash(kEmulatedBoard.chip.package);
  static SimulatedFlash log_flash = OpenFlash(kEmulatedBoard.chip.log);
  static Device device;
  device.board = kEmulatedBoard.name;
  device.log_flash = &log_flash;
  device.package_flash = &package_flash;
  device.package_region = package_flash.contents();
  device.factory_package = Bytes(package_begin, package_end - package_begin);
  device.arena = Span<uint8_t>(arena_begin, arena_end - arena_begin);
  device.request_buffer = kEmulatedBoard.request_buffer;
  device.read = Read;
  device.write = Write;
  device.ticks = Ticks;
  device.tick_unit = TickUnit::kEmulatedInstructions;
  device.stack_used_bytes = StackUsedBytes;
  device.stack_bytes = StackBytes();
  device.reboot = ResetBoard;
  return device;
}

}  // namespace tfodcl
