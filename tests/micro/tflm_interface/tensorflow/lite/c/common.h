// Declarations of TensorFlow Lite Micro that the adapter uses, with its names and signatures: to compile against.

#ifndef TFLM_INTERFACE_C_COMMON_H_
#define TFLM_INTERFACE_C_COMMON_H_

#include <cstddef>
#include <cstdint>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
enum TfLiteType { kTfLiteNoType = 0, kTfLiteInt8 = 9 };

struct TfLiteIntArray {
  int size;
  int data[1];  // as many as `size`
};

struct TfLiteQuantizationParams {
  float scale;
  int32_t zero_point;
};

struct TfLiteTensor {
  TfLiteType type;
  TfLiteIntArray* dims;
  TfLiteQuantizationParams params;
  size_t bytes;
};

struct TFLMRegistration {};

#endif  // TFLM_INTERFACE_C_COMMON_H_
