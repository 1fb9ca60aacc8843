"""A board at the other end of a serial line: frames, a line that survives being unplugged, and what a board can do."""
