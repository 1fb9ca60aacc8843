"""How a method, codec or layer looks everywhere in the report: order, name, colour, dash, marker.

Colours are told apart in normal vision and with red or green blindness; where two come close (purple and
cyan, red and olive), dash or marker differ too, and every line carries its name. Related methods share a
colour: the ones with attentive independent mechanisms are the dashed twins of OML and ANML; LightCL and what is
made of a part of it are purple.
"""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass

# Name: (on light, on dark). Each has a contrast of at least 3 to its background (WCAG 2.1, 1.4.11).
COLOURS = {
    "grey": ("#6b7280", "#98a1ae"),
    "purple": ("#b565cc", "#d9a6ee"),
    "blue": ("#0f56a5", "#4d97ea"),
    "ink": ("#111827", "#f3f4f6"),
    "green": ("#00805a", "#2fc48f"),
    "cyan": ("#1c98ba", "#7fdcef"),
    "olive": ("#a58c12", "#e2cf5a"),
    "red": ("#c93a06", "#ff7448"),
    "pink": ("#c2407f", "#f28ab8"),
    "brown": ("#7c5236", "#b98a6c"),
}

# Marker outlines within 4 units of the origin.
CIRCLE = "M-3.5,0a3.5,3.5 0 1,0 7,0a3.5,3.5 0 1,0 -7,0Z"
SQUARE = "M-3.2,-3.2H3.2V3.2H-3.2Z"
UP = "M0,-4L4,3.2H-4Z"
DOWN = "M0,4L4,-3.2H-4Z"
DIAMOND = "M0,-5L5,0L0,5L-5,0Z"  # the paper's points, hollow; no method's


@dataclass(frozen=True)
class Look:
    """A method's, codec's or layer's name for people, its place in COLOURS, and what it does in a few words."""

    label: str
    colour: str
    marker: str
    note: str = ""
    dash: str = ""
    emphasis: bool = False


LOOKS = {
    "pretrained": Look("Pretrained", "grey", CIRCLE, "supervised encoder, no replay", "1.5 3"),
    "oml": Look("OML", "purple", UP, "meta-trained, no replay"),
    "anml": Look("ANML", "blue", SQUARE, "meta-trained with a mask, no replay"),
    "oml_aim": Look("OML+AIM", "purple", DOWN, "OML with attentive mechanisms", "6 3"),
    "anml_aim": Look("ANML+AIM", "blue", DOWN, "ANML with attentive mechanisms", "6 3"),
    "oracle": Look("Oracle", "ink", CIRCLE, "all classes at once, 10 epochs", "7 3 1.5 3"),
    "raw_replay": Look("Raw replay", "green", SQUARE, "replays the inputs"),
    "latent_replay": Look("Latent replay", "cyan", UP, "replays int8 latents"),
    "pq_replay": Look("PQ replay", "olive", DOWN, "replays quantized latents"),
    "lifelearner": Look("LifeLearner", "red", CIRCLE, "replays compressed latents", emphasis=True),
    "naive": Look("Naive", "grey", SQUARE, "new data only", "4 2"),
    "joint": Look("Joint", "ink", SQUARE, "all tasks at once", "4 2"),
    "ewc": Look("EWC", "brown", CIRCLE, "holds the weights that mattered"),
    "pnn": Look("PNN", "brown", SQUARE, "a new column for each task, the old ones frozen", "4 2"),
    "fdr": Look("FDR", "pink", CIRCLE, "replays inputs, holds their old outputs"),
    "er": Look("ER", "green", UP, "replays inputs", "4 2"),
    "derpp": Look("DER++", "cyan", SQUARE, "replays inputs, labels and old logits", "4 2"),
    "sparcl": Look("SparCL", "olive", CIRCLE, "ER with sparse weights and gradients", "4 2"),
    "sparcl_derpp": Look("SparCL, DER++", "olive", DOWN, "DER++ with sparse weights and gradients", "1.5 3"),
    "qlr": Look("QLR-CL", "pink", SQUARE, dash="4 2"),
    "lightcl_freezing": Look("Freezing only", "purple", DOWN, "layers that generalise are frozen", "1.5 3"),
    "lightcl": Look("LightCL", "purple", CIRCLE, "freezes layers, holds feature maps of the others", emphasis=True),
    "lightcl_sparse": Look("LightCL, sparse", "purple", SQUARE, "LightCL with a part of the channels", "6 3"),
    "miro": Look("Miro", "brown", UP, "replays inputs from tiers over storage", "1.5 3"),
    "miro_latent": Look("Miro, latents", "brown", DOWN, "replays compressed latents from tiers over storage", "6 3"),
}

CODEC_LOOKS = {  # those that methods use look like these methods
    "raw": Look("raw", "green", SQUARE),
    "uniform": Look("uniform", "cyan", UP),
    "pq": Look("pq", "olive", DOWN),
    "bitmap_pq": Look("bitmap_pq", "red", CIRCLE),
    "elias_fano_pq": Look("elias_fano_pq", "blue", SQUARE),
}

_LAYER_COLOURS = ("red", "blue", "green", "purple", "brown", "cyan", "pink", "olive", "ink")
LAYER_LOOKS = {  # latent-replay layers: nine neighbours differ in colour
    f"layer {number}": Look(f"layer {number}", colour, (CIRCLE, SQUARE, UP, DOWN)[number % 4])
    for number, colour in zip(range(36), _LAYER_COLOURS * 4, strict=True)
}

MEASURE_LOOKS = {  # of layers
    "memory_stability": Look("memory stability", "blue", CIRCLE),
    "learning_plasticity": Look("learning plasticity", "red", UP),
}


def look(name: str) -> Look:
    """The look of a method, codec, layer or measure; what has none is labelled with its name, and coloured by it."""
    for looks in (LOOKS, CODEC_LOOKS, LAYER_LOOKS, MEASURE_LOOKS):
        if name in looks:
            return looks[name]
    digest = zlib.crc32(name.encode())
    colour = ("pink", "brown", "green", "purple")[digest % 4]
    return Look(name, colour, (CIRCLE, SQUARE, UP, DOWN)[digest // 4 % 4], dash="3 2")


def display_order(methods: Iterable[str]) -> list[str]:
    """The methods in the order of LOOKS, others after them by name."""
    known = list(LOOKS)
    return sorted(methods, key=lambda name: (known.index(name) if name in LOOKS else len(known), name))
