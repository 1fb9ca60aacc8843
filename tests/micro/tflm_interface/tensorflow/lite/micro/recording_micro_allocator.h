// Declarations of TensorFlow Lite Micro that the adapter uses, with its names and signatures: to compile against.

#ifndef TFLM_INTERFACE_MICRO_RECORDING_MICRO_ALLOCATOR_H_
#define TFLM_INTERFACE_MICRO_RECORDING_MICRO_ALLOCATOR_H_

#include <cstddef>
#include <cstdint>

namespace tflite {

enum class RecordedAllocationType {
  kTfLiteEvalTensorData,
  kPersistentTfLiteTensorData,
  kPersistentTfLiteTensorQuantizationData,
  kPersistentBufferData,
  kTfLiteTensorVariableBufferData,
  kNodeAndRegistrationArray,
  kOpData,
};

struct RecordedAllocation {
  size_t requested_bytes;
  size_t used_bytes;
  size_t count;
};

class MicroAllocator {};

class RecordingMicroAllocator : public MicroAllocator {
 public:
  static RecordingMicroAllocator* Create(uint8_t* tensor_arena, size_t arena_size);
  RecordedAllocation GetRecordedAllocation(RecordedAllocationType allocation_type) const;
};

}  // namespace tflite

#endif  // TFLM_INTERFACE_MICRO_RECORDING_MICRO_ALLOCATOR_H_
