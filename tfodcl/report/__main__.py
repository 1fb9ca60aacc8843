"""python -m tfodcl.report: merges the results.json of several runs into one page."""

from pathlib import Path

from tfodcl.command import Parser, run
from tfodcl.report import load_results, write_report

EXAMPLE = """\
example:
  python -m tfodcl.report runs/cifar100 runs/omniglot --out report.html

Results of one data set, preset and encoder are put together; others become chapters of their own.
"""


def main() -> None:
    parser = Parser(
        prog="tfodcl.report",
        description="Writes one self-contained HTML page about the results of one or several runs.",
        epilog=EXAMPLE,
    )
    parser.add_argument("directories", nargs="+", metavar="DIR", help="holds a results.json")
    parser.add_argument("--out", metavar="FILE", help="the page to write (default: report.html in the first DIR)")
    arguments = parser.parse_args()
    results = [load_results(Path(directory) / "results.json") for directory in arguments.directories]
    out = Path(arguments.out) if arguments.out is not None else Path(arguments.directories[0]) / "report.html"
    write_report(results, out)
    print(f"wrote {out}")


if __name__ == "__main__":
    run(main, "tfodcl.report")
