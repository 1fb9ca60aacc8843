"""The accuracy matrix of a method as a heat map in SVG."""

from html import escape

from tfodcl.report.appearance import look
from tfodcl.report.quantities import percent

# Where text of either colour has about the same contrast to the cell, in light and in dark mode.
LIGHT_TEXT_ABOVE = 0.7
LEFT, TOP, SIZE = 26.0, 4.0, 138.0  # the cells' square, in CSS pixels


def heat_map(name: str, method: dict, highest: float) -> str:
    """Rows: evaluation points, downwards. Columns: groups of classes. Full colour stands for `highest`."""
    matrix, learnt = method["accuracy_matrix"], method["num_classes"]
    cell = SIZE / len(learnt)
    parts = []
    for i, row in enumerate(matrix):
        for j, accuracy in enumerate(row):
            if accuracy is not None:
                parts.append(_cell(i, j, accuracy, cell, highest, learnt))
    stride = max(1, -(-len(learnt) // 8))
    for i, num_classes in enumerate(learnt):
        if (len(learnt) - 1 - i) % stride == 0:
            middle = (i + 0.5) * cell
            parts.append(
                f'<text class="tick" x="{LEFT - 6:.1f}" y="{TOP + middle + 3.5:.1f}" text-anchor="end">'
                f"{num_classes}</text>"
                f'<text class="tick" x="{LEFT + middle:.1f}" y="{TOP + SIZE + 14:.1f}" text-anchor="middle">'
                f"{num_classes}</text>"
            )
    label = escape(f"Accuracy matrix of {look(name).label}")
    return (
        f'<svg class="small" viewBox="0 0 176 {TOP + SIZE + 18:.0f}" role="img" aria-label="{label}">'
        f"{''.join(parts)}</svg>"
    )


def _cell(i: int, j: int, accuracy: float, size: float, highest: float, learnt: list[int]) -> str:
    x, y = LEFT + j * size, TOP + i * size
    strength = min(1.0, accuracy / highest) if highest else 0.0
    first = learnt[j - 1] + 1 if j else 1
    title = f"after {learnt[i]} classes, classes {first} to {learnt[j]}: {percent(accuracy)}"
    parts = [
        f"<g><title>{title}</title>",
        f'<rect class="cell" x="{x:.1f}" y="{y:.1f}" width="{size - 1:.1f}" height="{size - 1:.1f}" '
        f'fill-opacity="{_opacity(strength)}"/>',
    ]
    if size >= 17:
        parts.append(
            f'<text class="{"on" if strength > LIGHT_TEXT_ABOVE else "off"}" x="{x + size / 2 - 0.5:.1f}" '
            f'y="{y + size / 2 + 2.8:.1f}" text-anchor="middle">{100 * accuracy:.0f}</text>'
        )
    return "".join(parts) + "</g>"


def _opacity(strength: float) -> str:
    return f"{0.06 + 0.94 * strength:.2f}"  # the weakest cell is still seen


def scale(highest: float) -> str:
    """The legend of all heat maps of a chapter."""
    steps = "".join(
        f'<rect class="cell" x="{12 * i}" y="1" width="12" height="12" fill-opacity="{_opacity(i / 7)}"/>'
        for i in range(8)
    )
    return (
        '<span class="scale">0 <svg viewBox="0 0 96 14" width="96" height="14" aria-hidden="true">'
        f"{steps}</svg> {percent(highest)}</span>"
    )
