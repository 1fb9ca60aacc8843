// From reset to main: vector table, FPU, stack paint, data, bss, constructors.

#include "ports/mps2/startup.h"

#include <cstdint>

int main(int argc, char** argv);

extern "C" {
extern uint32_t stack_begin[], stack_end[];
extern uint32_t data_begin[], data_end[], data_load_begin[];
extern uint32_t bss_begin[], bss_end[];
extern void (*init_array_begin[])();
extern void (*init_array_end[])();

[[noreturn]] void ResetHandler();
}

namespace tfodcl {
namespace {

constexpr uint32_t kStackPaint = 0x5AC4B17E;

volatile uint32_t& Register(uint32_t address) { return *reinterpret_cast<volatile uint32_t*>(address); }

// An unexpected exception: what is not durable is lost, and the host notices that its session is.
[[noreturn]] void FaultHandler() { ResetBoard(); }

// Where the core finds its first stack pointer and its handlers.
struct VectorTable {
  uint32_t* stack_end;
  void (*reset)();
  void (*exceptions[14])();
};

[[gnu::section(".vectors"), gnu::used]] const VectorTable kVectors = {
    stack_end,
    ResetHandler,
    {FaultHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler,
     FaultHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler, FaultHandler},
};

// Not inlined, so that the FPU is on before its registers may be touched.
[[noreturn, gnu::noinline]] void RunProgram() {
  const uint32_t* from = data_load_begin;
  for (uint32_t* to = data_begin; to != data_end;) *to++ = *from++;
  for (uint32_t* to = bss_begin; to != bss_end;) *to++ = 0;
  for (auto* constructor = init_array_begin; constructor != init_array_end; ++constructor) (*constructor)();
  main(0, nullptr);
  ResetBoard();
}

}  // namespace

void ResetBoard() {
  asm volatile("dsb" ::: "memory");
  Register(0xE000ED0C) = 0x05FA0004;  // AIRCR: SYSRESETREQ
  for (;;) asm volatile("dsb");
}

uint32_t StackBytes() { return static_cast<uint32_t>(stack_end - stack_begin) * sizeof(uint32_t); }

uint32_t StackUsedBytes() {
  const uint32_t* lowest = stack_begin;
  while (lowest != stack_end && *lowest == kStackPaint) ++lowest;
  return static_cast<uint32_t>(stack_end - lowest) * sizeof(uint32_t);
}

}  // namespace tfodcl

void ResetHandler() {
  asm volatile("cpsid i");                     // interrupts only end a wait
  tfodcl::Register(0xE000ED88) |= 0xFu << 20;  // CPACR: full access to the FPU
  asm volatile("dsb\n isb" ::: "memory");
  uint32_t* stack_pointer;
  asm volatile("mov %0, sp" : "=r"(stack_pointer));
  for (uint32_t* word = stack_begin; word != stack_pointer; ++word) *word = tfodcl::kStackPaint;
  tfodcl::RunProgram();
}
