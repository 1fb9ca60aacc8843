"""python -m tfodcl.backbones: a table of the encoders' parameters, multiply-accumulates and latents."""

from tfodcl.backbones import FAMILIES, build, count_macs
from tfodcl.command import Parser, run
from tfodcl.errors import InputError


def main() -> None:
    parser = Parser(
        prog="tfodcl.backbones",
        description="List the encoders that take inputs of a shape, with their sizes.",
        epilog="example: python -m tfodcl.backbones 32x32x3",
    )
    parser.add_argument("shape", metavar="HEIGHTxWIDTHxCHANNELS", help="of the input, such as 28x28x1 or 49x10x1")
    shape = parse_shape(parser.parse_args().shape)
    print(f"{'encoder':<17} {'form':<10} {'parameters':>12} {'MACs':>14} {'latent':>8}")
    for name in FAMILIES:
        for modulated in (True, False):
            try:
                model = build(name, shape, modulated)
            except InputError:
                continue  # too small for this one, or no such form
            form = "modulated" if modulated else "plain"
            print(
                f"{name:<17} {form:<10} {model.count_params():>12,} {count_macs(model):>14,} "
                f"{model.output_shape[1]:>8,}"
            )


def parse_shape(text: str) -> tuple[int, int, int]:
    sizes = text.split("x")
    if len(sizes) != 3 or not all(size.isdigit() and int(size) > 0 for size in sizes):
        raise InputError(f"the shape must be three positive numbers joined by x, such as 28x28x1. Received: {text}.")
    height, width, channels = (int(size) for size in sizes)
    return height, width, channels


if __name__ == "__main__":
    run(main, "tfodcl.backbones")
