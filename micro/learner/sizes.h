// Sizes that follow from a package and a geometry (SPEC.md 6.1, 6.2, 6.3, 6.10).

#ifndef TFODCL_LEARNER_SIZES_H_
#define TFODCL_LEARNER_SIZES_H_

#include "codec/codec.h"
#include "package/package.h"
#include "store/flash.h"

namespace tfodcl {

// Of a record in the log.
uint32_t RecordItemBytes(const Codec& codec);

// Of items that the log gathers before it commits them.
uint32_t BatchBytes(const Codec& codec, const Geometry& geometry);

// Weights of 4 bytes in one part of a checkpoint of more than that.
uint32_t MostPartWeights(const Geometry& geometry);

// Weights of a row in one part of a checkpoint, but for its last part.
uint32_t PartWeights(uint32_t latent_dim, const Geometry& geometry);

// Records that the replay budget holds, at most 65,535.
uint32_t BudgetRecords(const Package& package, const Codec& codec);

// Records that the log holds beside all names and two checkpoints of `num_parts` parts, each of at most `part_bytes`
// with its header; 0 or less: none.
int64_t FittingRecords(const Package& package, const Codec& codec, const Geometry& geometry, uint64_t num_parts,
                       uint32_t part_bytes);

// Both, for checkpoints of a head's rows. kBudgetTooSmall, kLogFull: none.
Status MaxRecords(const Package& package, const Codec& codec, const Geometry& geometry, uint32_t* max_records);

}  // namespace tfodcl

#endif  // TFODCL_LEARNER_SIZES_H_
