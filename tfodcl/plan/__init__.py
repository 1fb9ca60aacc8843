"""The plan of an encoder: what a board runs instead of interpreting the .tflite (micro/SPEC.md section 4)."""

from tfodcl.plan.build import Cost, Plan, build, make

__all__ = ["Cost", "Plan", "build", "make"]
