// Reads a package, model.tfodcl, in place (SPEC.md 2).

#ifndef TFODCL_PACKAGE_PACKAGE_H_
#define TFODCL_PACKAGE_PACKAGE_H_

#include "base/span.h"
#include "base/status.h"

namespace tfodcl {

// What a program can train: a head alone, or the layers before it too (section *network*).
enum class Trains { kHead, kNetwork };

// Views into the bytes that ReadPackage was given, and the fields of the small sections.
struct Package {
  uint32_t identity;     // the CRC-32 of its header: differs where any section differs
  uint32_t total_bytes;  // of the package
  Bytes encoder;         // the .tflite
  Bytes plan;            // empty where there is none
  Bytes network;         // the adaptive stage, unread; empty where the head is all that is trained
  Bytes codec;           // SPEC.md 3.2, codebook included
  // Section latent, SPEC.md 2.3.
  uint32_t latent_dim;
  float latent_scale;
  int8_t latent_zero_point;
  // Section learning, SPEC.md 2.4.
  uint32_t capacity;
  float inner_lr;
  float outer_lr;
  uint32_t replay_batch;
  uint32_t replay_epochs;
  uint32_t replay_budget_bytes;
};

// Checks every byte of the sections above but plan and network, whose users check them, and the CRC-32 of all others,
// and gives views into them. `bytes` begins at a
// multiple of 32 and may be longer than the package (a region of flash). In case of an error `package` is undefined:
// kInvalidArgument: `bytes` begins elsewhere. kNotAPackage, kUnsupportedVersion.
// kCorruptPackage: cut short, a wrong CRC-32, padding that is not zero.
// kInvalidPackage: a section that is missing, there twice, required but unknown, or against its definition or another.
// kUnsupportedNetwork: a network in a package that is right, for a program that trains a head alone.
Status ReadPackage(Bytes bytes, Package* package, Trains trains = Trains::kHead);

}  // namespace tfodcl

#endif  // TFODCL_PACKAGE_PACKAGE_H_
