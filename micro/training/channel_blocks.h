// Arrays (rows, channels) by blocks of channels, whose sums and factors live in registers while the rows go by.

#ifndef TFODCL_TRAINING_CHANNEL_BLOCKS_H_
#define TFODCL_TRAINING_CHANNEL_BLOCKS_H_

#include <cstddef>
#include <type_traits>

namespace tfodcl {

// Calls run(first channel, count) for the blocks of all channels: of kChannels each, then of one each. count is a
// std::integral_constant, so that loops over a block can be unrolled.
template <int kChannels, typename Run>
void ForChannelBlocks(size_t channels, const Run& run) {
  size_t channel = 0;
  for (; channel + kChannels <= channels; channel += kChannels) run(channel, std::integral_constant<int, kChannels>());
  for (; channel < channels; ++channel) run(channel, std::integral_constant<int, 1>());
}

}  // namespace tfodcl

#endif  // TFODCL_TRAINING_CHANNEL_BLOCKS_H_
