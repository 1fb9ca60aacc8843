// The operators of a plan: how each entry is checked once, and run.

#ifndef TFODCL_ENCODER_BUILTIN_OPERATORS_H_
#define TFODCL_ENCODER_BUILTIN_OPERATORS_H_

#include "encoder/builtin/graph.h"
#include "kernels/fixed_point.h"
#include "kernels/window.h"

namespace tfodcl {

// SPEC.md 4.3.
enum class OperatorKind : uint8_t {
  kConv = 1,
  kDepthwiseConv = 2,
  kFullyConnected = 3,
  kMaxPool = 4,
  kAveragePool = 5,
  kMean = 6,
  kAdd = 7,
  kMul = 8,
  kLookup = 9,
  kSoftmax = 10,
  kPad = 11,
  kConcatenation = 12,
};

// What an entry refers to: every operator has a first input and an output.
struct OperatorCall {
  const Graph& graph;
  PlanOperator fields;
  PlanTensor input;
  PlanTensor output;
};

struct Operator {
  OperatorKind kind;
  uint8_t num_bytes;  // of an entry; kConcatenation: the fewest
  bool has_activation;
  // Whether Run stays within the tensors, the arena and both sections.
  bool (*check)(const OperatorCall& call);
  void (*run)(const OperatorCall& call);
};

// All operators' entries, in order. kUnsupportedOperator: a kind without a kernel. kInvalidPackage.
Status CheckOperators(const Graph& graph);

// Input to output, in an arena and with a plan that CheckOperators has seen.
void RunOperators(const Graph& graph);

// By kind of weights: convolutions and fully connected; none.
extern const Operator kWeightedOperators[3];
extern const Operator kUnweightedOperators[9];

// Fields of all operators with a window, and with a fused activation.
Window WindowOf(PlanOperator fields);
OutputRange RangeOf(const OperatorCall& call);

// Whether `window` can slide over the input to give the output: no window lies wholly outside.
bool IsWindowValid(const Window& window, const ImageShape& input, const ImageShape& output);

}  // namespace tfodcl

#endif  // TFODCL_ENCODER_BUILTIN_OPERATORS_H_
