"""How a trained float encoder becomes a full-int8 .tflite."""
