// A board that is a program: serial line, flash and memory are the host's.

#include <getopt.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>

#include "base/arena.h"
#include "ports/chips.h"
#include "ports/host/describe.h"
#include "ports/host/fail.h"
#include "ports/host/flash_file.h"
#include "ports/host/line.h"
#include "ports/port.h"
#include "ports/simulated_flash.h"

namespace tfodcl {
namespace {

constexpr char kUsage[] =
    "usage: tfodcl_host [options]\n"
    "A board on standard input and output that speaks the protocol of micro/SPEC.md 7.\n"
    "  --tcp PORT          on 127.0.0.1:PORT instead; 0 takes a free one and says which\n"
    "  --flash FILE        keep the flash in this file (made when missing); default: in memory\n"
    "  --geometry CHIP     stm32h747 (default) or nrf52840\n"
    "  --package FILE      the package that the firmware carries\n"
    "  --arena BYTES       default: the chip's RAM\n"
    "  --describe PACKAGE  print what a package needs of the arena, as JSON, and end\n"
    "Example: tfodcl_host --tcp 5555 --flash board.bin --package model.tfodcl\n";

struct Options {
  int port = -1;
  const char* flash = "";
  const Chip* chip = &kStm32h747;
  Bytes package;
  size_t arena_bytes = 0;
  bool describes = false;
};

// The command line that REBOOT starts the program with again.
char** arguments;
char port_argument[16];

const Chip* FindChip(const char* name) {
  if (std::strcmp(name, kStm32h747.name) == 0) return &kStm32h747;
  if (std::strcmp(name, kNrf52840.name) == 0) return &kNrf52840;
  Fail("--geometry must be stm32h747 or nrf52840", name);
}

// A number of at most `most`.
size_t ParseNumber(const char* text, size_t most) {
  char* end;
  const unsigned long long value = std::strtoull(text, &end, 10);
  if (*text < '0' || *text > '9' || *end != '\0' || value > most) Fail("a number must be in its range", text);
  return value;
}

Options ParseOptions(int argc, char** argv) {
  static const option kOptions[] = {
      {"tcp", required_argument, nullptr, 't'},      {"flash", required_argument, nullptr, 'f'},
      {"geometry", required_argument, nullptr, 'g'}, {"package", required_argument, nullptr, 'p'},
      {"arena", required_argument, nullptr, 'a'},    {"describe", required_argument, nullptr, 'd'},
      {"help", no_argument, nullptr, 'h'},           {nullptr, 0, nullptr, 0},
  };
  Options options;
  for (int found; (found = getopt_long(argc, argv, "", kOptions, nullptr)) != -1;) {
    switch (found) {
      case 't':
        options.port = static_cast<int>(ParseNumber(optarg, 65'535));
        break;
      case 'f':
        options.flash = optarg;
        break;
      case 'g':
        options.chip = FindChip(optarg);
        break;
      case 'a':
        options.arena_bytes = ParseNumber(optarg, 1u << 30);
        break;
      case 'd':
        options.describes = true;
        [[fallthrough]];
      case 'p':
        options.package = MapFile(optarg);
        break;
      case 'h':
        std::printf("%s", kUsage);
        std::exit(0);
      default:
        std::exit(2);  // getopt_long has said why
    }
  }
  if (optind < argc) Fail("there must be no argument but options", argv[optind]);
  return options;
}

uint64_t Microseconds() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return uint64_t{1'000'000} * static_cast<uint64_t>(now.tv_sec) + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

uint32_t StackIsNotMeasured() { return 0; }

// Ends the connection, as a board on USB does.
void Reboot() {
  execv("/proc/self/exe", arguments);
  Fail("a program must be able to start itself again", std::strerror(errno));
}

SimulatedFlash OpenFlash(const Geometry& geometry, Span<uint8_t> memory) {
  SimulatedFlash flash(geometry, memory);
  if (flash.Open() != Status::kOk) Fail("the flash file must hold both regions", "a shorter one");
  return flash;
}

// `--tcp 0` becomes the port that was found, so that the host finds the board again after a REBOOT.
void KeepPort(int argc, char** argv, int port) {
  std::snprintf(port_argument, sizeof(port_argument), "--tcp=%d", port);
  static char* kept[64];
  if (argc > 62) Fail("there must be at most 61 options", argv[62]);
  std::memcpy(kept, argv, sizeof(char*) * static_cast<size_t>(argc));
  kept[argc] = port_argument;
  arguments = kept;
}

}  // namespace

const Device& InitializeBoard(int argc, char** argv) {
  const Options options = ParseOptions(argc, argv);
  if (options.describes) {
    Describe(options.package, *options.chip);
    std::exit(0);
  }
  arguments = argv;
  if (options.port >= 0) KeepPort(argc, argv, ListenOn(options.port));

  const size_t package_bytes = AlignUp(SimulatedFlash::RequiredBytes(options.chip->package), 4096);
  const size_t log_bytes = AlignUp(SimulatedFlash::RequiredBytes(options.chip->log), 4096);
  const Span<uint8_t> memory = MapFlashFile(options.flash, package_bytes + log_bytes);
  static SimulatedFlash package_flash = OpenFlash(options.chip->package, memory.subspan(0, package_bytes));
  static SimulatedFlash log_flash = OpenFlash(options.chip->log, memory.subspan(package_bytes, log_bytes));
  const size_t arena_bytes = options.arena_bytes == 0 ? options.chip->ram_bytes : options.arena_bytes;
  static Device device;
  device.board = "host";
  device.log_flash = &log_flash;
  device.package_flash = &package_flash;
  device.package_region = package_flash.contents();
  device.factory_package = options.package;
  device.arena = MapFlashFile("", arena_bytes);
  device.request_buffer = MapFlashFile("", options.chip->request_buffer_bytes);
  device.read = ReadLine;
  device.write = WriteLine;
  device.ticks = Microseconds;
  device.tick_unit = TickUnit::kMicroseconds;
  device.stack_used_bytes = StackIsNotMeasured;
  device.stack_bytes = 0;
  device.reboot = Reboot;
  return device;
}

}  // namespace tfodcl
