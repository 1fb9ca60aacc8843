"""How an encoder is trained on the workstation, before it is frozen."""
