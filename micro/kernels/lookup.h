// Operators on one value: LOGISTIC, and QUANTIZE from int8 to int8. Whatever they compute, there are 256 results.

#ifndef TFODCL_KERNELS_LOOKUP_H_
#define TFODCL_KERNELS_LOOKUP_H_

#include <cstdint>

namespace tfodcl {

// output[i] = table[input[i] + 128], for `size` values. `output` may be `input`.
void LookupS8(const int8_t* input, int32_t size, const int8_t* table, int8_t* output);

}  // namespace tfodcl

#endif  // TFODCL_KERNELS_LOOKUP_H_
