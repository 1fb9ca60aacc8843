"""What is trained on the device, and the frozen encoder before it. NumPy and LiteRT only, but for keras.py."""
