"""Imports tfodcl, which sets TensorFlow's environment, before any test module can import TensorFlow."""

import tfodcl  # noqa: F401
