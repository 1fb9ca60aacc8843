"""tfodcl: TensorFlow on-device continual learning."""

import os

# tensorflow-model-optimization works with Keras 2 only. This must be set before TensorFlow is
# imported anywhere, hence here; modules then `import tf_keras` explicitly.
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

__version__ = "0.1.0"
