// The order in which an epoch replays the records (SPEC.md 6.5).

#ifndef TFODCL_LEARNER_SHUFFLE_H_
#define TFODCL_LEARNER_SHUFFLE_H_

#include "base/span.h"

namespace tfodcl {

// Fills `order`, of at most 65,536 elements, with a permutation of 0 .. size - 1 that depends on its size, `seed` and
// `epoch` only.
void Shuffle(uint32_t seed, uint32_t epoch, Span<uint16_t> order);

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_SHUFFLE_H_
