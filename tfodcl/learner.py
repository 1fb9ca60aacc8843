"""What a board does, on a workstation: the twin of micro/learner, with the same log (micro/SPEC.md 6)."""

from dataclasses import dataclass

import numpy as np

from tfodcl import container
from tfodcl.errors import InputError
from tfodcl.package import Package, to_bytes
from tfodcl.replay import items
from tfodcl.replay.fair_share import FairShare
from tfodcl.replay.items import Kind, PartHeader
from tfodcl.replay.log import Geometry, Item, Log
from tfodcl.replay.shuffle import shuffled
from tfodcl.stages.classifier import Encoder
from tfodcl.stages.linear import LinearHead


@dataclass
class KnownClass:
    """A class that the device knows.

    Attributes:
      name: 1..64 bytes of UTF-8.
      num_learnt: samples learnt since it is known.
      num_ended: of num_learnt, when `end_class` was last called.
    """

    name: str
    num_learnt: int = 0
    num_ended: int = 0


class Learner:
    """Learns class after class; its state is a function of its log.

    Args:
      package: what it is made of.
      encoder: of the package.
      geometry: of the flash that holds the log.
      flash: what an earlier learner, or a board, has left; None: never used.
      identity: of the log; None: that of the package as this version writes it.

    Attributes:
      classes: by label.
      head: its rows are those of `labels`, in that order, then that of the classes to come.
      flash: the bytes of the log.
    """

    def __init__(
        self,
        package: Package,
        encoder: Encoder,
        geometry: Geometry,
        flash: bytes | None = None,
        identity: int | None = None,
    ) -> None:
        self._package, self._encoder, self._codec = package, encoder, package.codec
        self._learning = package.learning
        self._identity = container.identity(to_bytes(package)) if identity is None else identity
        self._scale, self._zero_point = np.float32(package.latent_scale), package.latent_zero_point
        self._part_weights = items.part_weights(package.latent_dim, geometry)
        max_records = items.max_records(
            self._learning.replay_budget_bytes, self._learning.capacity, self._codec, geometry
        )
        size = geometry.erase_block_bytes * geometry.num_blocks
        self.flash = bytearray(b"\xff" * size if flash is None else flash)
        self._log = Log(self.flash, geometry, items.batch_bytes(self._codec.payload_bytes, geometry), self)
        self._clear(max_records)
        self._log.mount(self._identity)
        self._recover()

    def _clear(self, max_records: int) -> None:
        self.head = LinearHead(self._package.latent_dim, self._learning.capacity)
        self.labels: list[int] = []
        self.classes: dict[int, KnownClass] = {}
        self.memory = FairShare(max_records)
        self._places: dict[tuple, int] = {}  # addresses of the items that are needed
        self._name_ids: dict[int, int] = {}
        self._forget_ids: dict[int, int] = {}
        self._parts: dict[int, list[PartHeader]] = {}  # of checkpoints that are complete or being written
        self._checkpoint_id = 0
        self._forgotten_id = 0
        self._next_id = 1

    # What a host asks for.

    def add_class(self, name: str) -> int:
        """The label of the class, new or known. A new one takes the lowest free label."""
        encoded = _encoded(name)
        for label, known in self.classes.items():
            if known.name == name:
                return label
        label = next(label for label in range(len(self.labels) + 1) if label not in self.classes)
        if len(self.labels) == self.memory.max_records:
            raise InputError(f"the replay budget must hold a record of every class. Received: {len(self.labels)}.")
        if label == self._learning.capacity:
            raise InputError(f"the package's capacity must hold every class. Received: {label} classes before.")
        self._write_name(label, encoded)
        self.classes[label] = KnownClass(name)
        self._add_row(label)
        return label

    def learn_sample(self, label: int, x: np.ndarray) -> None:
        """An inner step on one sample, (h, w, c) uint8 or float32; a record is kept."""
        self._check(label)
        latents = self._encode(x[None])
        record_id = self._next_id
        content = items.HEADER.pack(record_id, label) + self._codec.encode(latents)[0].tobytes()
        address = self._log.append(Kind.RECORD, content)
        self._next_id += 1
        self._keep_record(record_id, label, address)
        self._step(latents, [label], self._learning.inner_lr)
        self.classes[label].num_learnt += 1

    def end_class(self, label: int) -> None:
        """Makes the records durable; the outer loop."""
        self._check(label)
        self._log.flush()
        self.classes[label].num_ended = self.classes[label].num_learnt
        self._outer_loop()

    def classify(self, x: np.ndarray) -> np.ndarray:
        """(n, h, w, c) uint8 or float32 -> (n,) int64 labels."""
        return self.classify_latents(self._encode(x))

    def classify_latents(self, latents: np.ndarray) -> np.ndarray:
        """(n, latent_dim) int8 -> (n,) int64 labels."""
        if not self.labels:
            raise InputError("a class must be learnt before anything is classified. Received: none.")
        logits = self.head.logits(self._dequantize(latents))
        order = np.argsort(self.labels)  # of equal logits that of the lowest label
        return np.array(self.labels)[order][logits[:, order].argmax(axis=1)]

    def rename(self, label: int, name: str) -> None:
        """Gives the class another name."""
        self._check(label)
        encoded = _encoded(name)
        for other, known in self.classes.items():
            if known.name == name and other != label:
                raise InputError(f"names of classes must differ. Received: {name!r}, the name of {other}.")
        if self.classes[label].name != name:
            self._write_name(label, encoded)
            self.classes[label].name = name

    def forget(self, label: int) -> None:
        """Erases the class, and every earlier state of it from the flash."""
        self._check(label)
        content = items.HEADER.pack(self._next_id, label)
        self._places["forget", self._next_id] = self._log.append(Kind.FORGET, content)
        self._log.flush()
        self._forget_ids[label] = self._next_id
        self._next_id += 1
        self._drop_class(label)
        self.head.remove_class(self.labels.index(label))
        self.labels.remove(label)
        self._finish_forget()

    def save(self) -> None:
        """Writes a checkpoint of the head."""
        checkpoint_id = self._next_id
        self._next_id += 1
        self._parts[checkpoint_id] = []
        for label in sorted(self.labels):
            known = self.classes[label]
            self._save_row(checkpoint_id, label, (known.num_learnt, known.num_ended))
        self._save_row(checkpoint_id, self._learning.capacity, (len(self.labels), 0))
        self._set_checkpoint(checkpoint_id)

    def reset(self) -> None:
        """Erases all that was learnt."""
        self._log.format(self._identity)
        self._clear(self.memory.max_records)

    def row(self, label: int) -> np.ndarray:
        """(latent_dim,) float32 of a class; of label `capacity`: the row of the classes to come."""
        return self.head.weights[self._row_index(label)]

    # Steps.

    def _check(self, label: int) -> None:
        if label not in self.classes:
            raise InputError(f"a class must be learnt before it is used. Received: label={label}.")

    def _row_index(self, label: int) -> int:
        return len(self.labels) if label == self._learning.capacity else self.labels.index(label)

    def _add_row(self, label: int) -> None:
        self.head.add_class()
        self.labels.append(label)

    def _encode(self, x: np.ndarray) -> np.ndarray:
        return self._encoder.encode_quantized(self._encoder.quantize(x))

    def _dequantize(self, latents: np.ndarray) -> np.ndarray:
        return (latents.astype(np.float32) - self._zero_point) * self._scale

    def _step(self, latents: np.ndarray, labels: list[int], rate: float) -> None:
        rows = np.array([self.labels.index(label) for label in labels])
        self.head.step(self._dequantize(latents), rows, rate)

    def _decoded(self, record_ids: list[int]) -> np.ndarray:
        """(n, latent_dim) int8."""
        size = self._codec.payload_bytes
        payloads = [self._log.read(self._places["record", i] + items.HEADER.size, size) for i in record_ids]
        return self._codec.decode(np.frombuffer(b"".join(payloads), np.uint8).reshape(-1, size))

    def _outer_loop(self) -> None:
        records, batch = self.memory.items(), self._learning.replay_batch
        for epoch in range(self._learning.replay_epochs):
            order = shuffled(len(records), self._next_id, epoch)
            for start in range(0, len(order), batch):
                chosen = [records[i] for i in order[start : start + batch]]
                latents = self._decoded([record_id for record_id, _ in chosen])
                self._step(latents, [label for _, label in chosen], self._learning.outer_lr)

    # Items.

    def _write_name(self, label: int, encoded: bytes) -> None:
        address = self._log.append(Kind.CLASS, items.HEADER.pack(self._next_id, label) + encoded)
        self._place_name(label, self._next_id, address)
        self._next_id += 1
        self._log.flush()

    def _place_name(self, label: int, name_id: int, address: int) -> None:
        self._places.pop(("class", self._name_ids.get(label, 0)), None)
        self._name_ids[label] = name_id
        self._places["class", name_id] = address

    def _keep_record(self, record_id: int, label: int, address: int) -> None:
        if record_id in self.memory:
            return
        self._places["record", record_id] = address
        dropped = self.memory.add(record_id, label)
        self._places.pop(("record", dropped), None)

    def _drop_class(self, label: int) -> None:
        """Everything of the label that is older than its forget."""
        for record_id in self.memory.remove_older(label, self._forget_ids[label]):
            del self._places["record", record_id]
        if self._name_ids.get(label, 0) < self._forget_ids[label]:
            self._places.pop(("class", self._name_ids.pop(label, 0)), None)
            self.classes.pop(label, None)

    def _save_row(self, checkpoint_id: int, label: int, counts: tuple[int, int]) -> None:
        row = self.row(label)
        for first in range(0, len(row), self._part_weights):
            header = PartHeader(checkpoint_id, self._checkpoint_id, label, first, *counts)
            weights = row[first : first + self._part_weights].astype("<f4").tobytes()
            address = self._log.append_now(Kind.CHECKPOINT, items.PART.pack(*header) + weights)
            self._parts[checkpoint_id].append(header)
            self._places["part", checkpoint_id, label, first] = address

    def _set_checkpoint(self, checkpoint_id: int) -> None:
        """The checkpoint is complete; parts of all others are not needed."""
        self._checkpoint_id = checkpoint_id
        self._parts = {checkpoint_id: self._parts[checkpoint_id]} if checkpoint_id else {}
        self._places = {
            key: address for key, address in self._places.items() if key[0] != "part" or key[1] == checkpoint_id
        }

    def _finish_forget(self) -> None:
        self.save()
        self._log.purge()
        self._log.append(Kind.FORGOTTEN, items.FORGOTTEN.pack(self._next_id))
        self._forgotten_id = self._next_id
        self._next_id += 1
        for key in [key for key in self._places if key[0] == "forget"]:
            del self._places[key]
        self._log.flush()

    # Recovery, and what the log asks.

    def _recover(self) -> None:
        for label in range(self._learning.capacity):
            if label not in self.classes:
                for record_id in self.memory.remove_older(label, self._next_id):
                    del self._places["record", record_id]
        self._load_checkpoint()
        self._learn_younger()
        if max(self._forget_ids.values(), default=0) > self._forgotten_id:
            self._finish_forget()

    def _load_checkpoint(self) -> None:
        capacity = self._learning.capacity
        parts_per_row = -(-self._package.latent_dim // self._part_weights)
        num_rows = {  # of each checkpoint whose row to come is there
            part.id: part.num_learnt + 1 for parts in self._parts.values() for part in parts if part.label == capacity
        }
        complete = [i for i, count in num_rows.items() if len(self._parts[i]) == count * parts_per_row]
        self._set_checkpoint(max(complete, default=0))
        if not self._checkpoint_id:
            return
        parts = self._parts[self._checkpoint_id]
        for label in sorted({part.label for part in parts}, key=lambda label: (label != capacity, label)):
            if label != capacity:
                if label not in self.classes or self._forget_ids.get(label, 0) > self._checkpoint_id:
                    continue
                self._add_row(label)
            for part in (part for part in parts if part.label == label):
                self._load_part(part)

    def _load_part(self, part: PartHeader) -> None:
        row = self.row(part.label)[part.first : part.first + self._part_weights]
        address = self._places["part", part.id, part.label, part.first] + items.PART.size
        row[:] = np.frombuffer(self._log.read(address, row.nbytes), "<f4")
        if part.label in self.classes:
            self.classes[part.label].num_learnt = part.num_learnt
            self.classes[part.label].num_ended = part.num_ended

    def _learn_younger(self) -> None:
        younger = [(i, label) for i, label in self.memory.items() if i > self._checkpoint_id]
        for record_id, label in younger:
            if label not in self.labels:
                self._add_row(label)
            self._step(self._decoded([record_id]), [label], self._learning.inner_lr)
            self.classes[label].num_learnt += 1
        for label in sorted(self.classes):
            if label not in self.labels:
                self._add_row(label)
            if younger:
                self.classes[label].num_ended = self.classes[label].num_learnt
        if younger:
            self._outer_loop()

    def on_item(self, item: Item) -> None:
        """While mounting: notes one item."""
        content = self._log.read(item.address, item.size_bytes)
        key = _key(item.kind, content)
        self._next_id = max(self._next_id, key[1] + 1)
        if item.kind == Kind.FORGOTTEN:
            self._forgotten_id = max(self._forgotten_id, key[1])
            for other in [other for other in self._places if other[0] == "forget" and other[1] < key[1]]:
                del self._places[other]
            return
        if item.kind == Kind.CHECKPOINT:
            if key not in self._places:
                self._places[key] = item.address
                self._parts.setdefault(key[1], []).append(PartHeader(*items.PART.unpack_from(content)))
            return
        item_id, label = items.HEADER.unpack_from(content)
        forget_id = self._forget_ids.get(label, 0)
        if item.kind == Kind.FORGET:
            if item_id > forget_id:
                self._places.pop(("forget", forget_id), None)
                self._forget_ids[label] = item_id
                if item_id > self._forgotten_id:
                    self._places[key] = item.address
                self._drop_class(label)
        elif item_id > forget_id and item.kind == Kind.RECORD:
            self._keep_record(item_id, label, item.address)
        elif item_id > forget_id and item_id > self._name_ids.get(label, 0):
            self._place_name(label, item_id, item.address)
            self.classes[label] = KnownClass(content[items.HEADER.size :].decode())

    def is_needed(self, item: Item) -> bool:
        """Whether what lies there is known, and not elsewhere."""
        if item.kind == Kind.FORGOTTEN:
            return False
        key = _key(item.kind, self._log.read(item.address, item.size_bytes))
        return self._places.get(key) == item.address

    def on_moved(self, item: Item, to: int) -> None:
        """Notes where it has been moved."""
        self._places[_key(item.kind, self._log.read(item.address, item.size_bytes))] = to


def _key(kind: int, content: bytes) -> tuple:
    """What is known of an item: its kind, its id, and of a part of a checkpoint, which."""
    if kind == Kind.CHECKPOINT:
        part = PartHeader(*items.PART.unpack_from(content))
        return "part", part.id, part.label, part.first
    return Kind(kind).name.lower(), int.from_bytes(content[:4], "little")


def _encoded(name: str) -> bytes:
    encoded = name.encode()
    if not 1 <= len(encoded) <= items.MAX_NAME_BYTES:
        raise InputError(f"a name must be 1 to {items.MAX_NAME_BYTES} bytes of UTF-8. Received: {name!r}.")
    return encoded
