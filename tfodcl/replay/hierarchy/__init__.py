"""Records in RAM over storage that keeps all of them: Miro's hierarchical memory (arXiv 2308.06053)."""

from tfodcl.replay.hierarchy.budget import Budget, CgroupBudget, FileBudget, fixed, parse_budget, parse_bytes
from tfodcl.replay.hierarchy.congestion import CongestionDetector, SwapSchedule
from tfodcl.replay.hierarchy.memory import Batch, Hierarchy, Sizes
from tfodcl.replay.hierarchy.plan import MemoryPlan
from tfodcl.replay.hierarchy.records import RawRecords, Records
from tfodcl.replay.hierarchy.sizing import Candidate, affordable, choose, ram_bytes, usual_grid
from tfodcl.replay.hierarchy.storage import DamagedRecordError, SampleStorage, StorageError
from tfodcl.replay.hierarchy.swapper import SwapCounts, Swapper
from tfodcl.replay.hierarchy.tier import Tier, slot_bytes

__all__ = [
    "Batch",
    "Budget",
    "Candidate",
    "CgroupBudget",
    "CongestionDetector",
    "DamagedRecordError",
    "FileBudget",
    "Hierarchy",
    "MemoryPlan",
    "RawRecords",
    "Records",
    "SampleStorage",
    "Sizes",
    "StorageError",
    "SwapCounts",
    "SwapSchedule",
    "Swapper",
    "Tier",
    "affordable",
    "choose",
    "fixed",
    "parse_budget",
    "parse_bytes",
    "ram_bytes",
    "slot_bytes",
    "usual_grid",
]
