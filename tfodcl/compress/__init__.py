"""Codecs: int8 latents to the bytes of a replay record and back. Every byte is in micro/SPEC.md section 3."""
