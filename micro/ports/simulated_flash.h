// A flash memory in RAM that keeps the rules of NOR flash with ECC: a program unit is programmed once between erases.

#ifndef TFODCL_PORTS_SIMULATED_FLASH_H_
#define TFODCL_PORTS_SIMULATED_FLASH_H_

#include "store/flash.h"

namespace tfodcl {

// Its whole state lies in the memory that the caller gives, so it survives a reset that this memory survives. Layout:
// contents; one bit a program unit, set when it has been programmed since its block was erased; u32 erases of each
// block; the geometry, by which the state is known again.
class SimulatedFlash : public Flash {
 public:
  static size_t RequiredBytes(const Geometry& geometry);

  // `memory` must outlive the flash.
  SimulatedFlash(const Geometry& geometry, Span<uint8_t> memory) : geometry_(geometry), memory_(memory) {}

  // First of all: finds the state of an earlier flash of this geometry in the memory, else makes a flash that is erased
  // and was never used. kInvalidArgument where the memory is smaller than RequiredBytes.
  Status Open();

  const Geometry& geometry() const override { return geometry_; }
  Status Read(uint32_t address, Span<uint8_t> out) override;
  Status Program(uint32_t address, Bytes bytes) override;
  Status Erase(uint32_t block) override;

  // geometry().size_bytes() bytes.
  Bytes contents() const { return memory_.subspan(0, geometry_.size_bytes()); }
  uint32_t erase_count(uint32_t block) const;
  // Calls since this object was made that broke a rule of flash.h: all were refused.
  uint32_t num_violations() const { return num_violations_; }

 private:
  Status Refuse(Status status);
  bool IsWithin(uint32_t address, size_t size) const;
  uint8_t* programmed_bits() const { return memory_.data() + geometry_.size_bytes(); }
  uint8_t* erase_counts() const;
  uint8_t* trailer() const;

  Geometry geometry_;
  Span<uint8_t> memory_;
  uint32_t num_violations_ = 0;
};

}  // namespace tfodcl

#endif  // TFODCL_PORTS_SIMULATED_FLASH_H_
