"""Which records a device keeps (micro/SPEC.md 6.2): the twin of micro/learner/replay_memory.h."""

from collections import Counter


class FairShare:
    """At most `max_records` records, shared evenly by the classes.

    While there are more, the class with the most records, among equals that with the highest label, loses its oldest.
    No randomness: what is kept is a function of the set of all records ever added.
    """

    def __init__(self, max_records: int) -> None:
        self.max_records = max_records
        self._label_of: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._label_of)

    def __contains__(self, record_id: int) -> bool:
        return record_id in self._label_of

    def items(self) -> list[tuple[int, int]]:
        """(id, label) of each record, in the order of their ids."""
        return sorted(self._label_of.items())

    def counts(self) -> Counter[int]:
        """Records by label."""
        return Counter(self._label_of.values())

    def add(self, record_id: int, label: int) -> int | None:
        """Adds a record; the id of the one that is dropped for it, which may be itself."""
        self._label_of[record_id] = label
        if len(self) <= self.max_records:
            return None
        largest = max(self.counts().items(), key=lambda entry: (entry[1], entry[0]))[0]
        oldest = min(other for other, its_label in self._label_of.items() if its_label == largest)
        del self._label_of[oldest]
        return oldest

    def remove_older(self, label: int, record_id: int) -> list[int]:
        """Drops the records of a label with lower ids; theirs."""
        dropped = [other for other, its_label in self._label_of.items() if its_label == label and other < record_id]
        for other in dropped:
            del self._label_of[other]
        return dropped
