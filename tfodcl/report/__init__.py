"""results.json files -> one self-contained report.html: `python -m tfodcl.report DIR.. [--out FILE]`."""

from tfodcl.report.page import write_report
from tfodcl.report.results import load_results

__all__ = ["load_results", "write_report"]
