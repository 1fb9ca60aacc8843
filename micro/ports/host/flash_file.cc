#include "ports/host/flash_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ports/host/fail.h"

namespace tfodcl {
namespace {

uint8_t* Map(size_t size_bytes, int flags, int file) {
  void* memory = mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, flags, file, 0);
  if (memory == MAP_FAILED) Fail("memory for flash must be there", std::strerror(errno));
  return static_cast<uint8_t*>(memory);
}

}  // namespace

Span<uint8_t> MapFlashFile(const char* path, size_t size_bytes) {
  if (*path == '\0') return Span<uint8_t>(Map(size_bytes, MAP_PRIVATE | MAP_ANONYMOUS, -1), size_bytes);
  const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file < 0) Fail("the flash file must be writable", std::strerror(errno));
  struct stat status;
  if (fstat(file, &status) != 0) Fail("the flash file must be readable", std::strerror(errno));
  if (static_cast<size_t>(status.st_size) < size_bytes && ftruncate(file, size_bytes) != 0) {
    Fail("the flash file must be extensible", std::strerror(errno));
  }
  uint8_t* const memory = Map(size_bytes, MAP_SHARED, file);
  close(file);
  return Span<uint8_t>(memory, size_bytes);
}

Bytes MapFile(const char* path) {
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  struct stat status;
  if (file < 0 || fstat(file, &status) != 0) Fail("the package must be readable", std::strerror(errno));
  if (status.st_size == 0) Fail("the package must not be empty", path);
  const size_t size = static_cast<size_t>(status.st_size);
  uint8_t* const memory = Map(size, MAP_PRIVATE, file);
  close(file);
  return Bytes(memory, size);
}

}  // namespace tfodcl
