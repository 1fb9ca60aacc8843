"""Which samples are kept for replay."""
