"""What learning on a device costs: multiply-accumulates, instructions, and estimates of time and energy."""
