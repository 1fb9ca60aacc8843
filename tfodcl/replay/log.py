"""An append-only log of opaque items in a ring of erase blocks (micro/SPEC.md 5): the twin of micro/store.

Given the same operations, both write the same bytes. The flash is a bytearray here, so power is never lost; a log that
was torn on a board is read as the board reads it.
"""

import zlib
from dataclasses import dataclass, field, replace
from typing import Protocol

from tfodcl.errors import InputError
from tfodcl.replay.log_format import (
    COMMIT_HEADER,
    GREATEST_SEQUENCE,
    MOST_ITEMS,
    BlockHeader,
    ForeignLogError,
    Geometry,
    Item,
    commits,
    pack_block_header,
    pack_commit_header,
    read_block_header,
)

_ERASED = b"\xff"


class LogFullError(InputError):
    """What is needed leaves no room: nothing has changed."""


class Owner(Protocol):
    """Who knows what the items mean; see LogOwner in micro/store/log.h."""

    def on_item(self, item: Item) -> None:
        """While mounting: one committed item; of two with equal bytes the earlier one is to be kept."""

    def is_needed(self, item: Item) -> bool:
        """Whether the item at this address is needed any longer."""

    def on_moved(self, item: Item, to: int) -> None:
        """A needed item has been appended anew at address `to`."""


@dataclass
class _Pending:
    kind: int
    item_bytes: int
    contents: list[bytes] = field(default_factory=list)


class Log:
    """The log in `flash`, a bytearray of the geometry's size; not usable before `mount` or `format`.

    Args:
      flash: 0xFF where it is erased.
      batch_bytes: most bytes of items in a pending commit.
    """

    def __init__(self, flash: bytearray, geometry: Geometry, batch_bytes: int, owner: Owner) -> None:
        if len(flash) != geometry.erase_block_bytes * geometry.num_blocks:
            raise InputError(f"flash must have the size of {geometry}. Received: {len(flash)} bytes.")
        if batch_bytes < 1 or geometry.first + geometry.commit_bytes(batch_bytes) > geometry.limit:
            raise InputError(f"a block of {geometry} must hold a commit. Received: batch_bytes={batch_bytes}.")
        self.flash = flash
        self.geometry = geometry
        self.batch_bytes = batch_bytes
        self._owner = owner
        self._identity = 0
        self._tail = 0
        self._head = -1  # sequence number of the block that is written
        self._offset = 0
        self._pending: _Pending | None = None
        self._settled = False
        self._greatest_erase_count = 0

    def mount(self, identity: int) -> None:
        """Finds all committed items and hands them to the owner; formats a flash without a log.

        Raises:
          ForeignLogError: the log is of another identity, or of another geometry or version.
        """
        if not self._find_head():
            for block in range(self.geometry.num_blocks):
                read_block_header(self.flash, self.geometry, block)
            self.format(identity)
            return
        if self._identity != identity:
            raise ForeignLogError(f"the log must be of identity {identity:08x}. Received: {self._identity:08x}.")
        for sequence in range(self._tail, self._head + 1):
            for commit in commits(self.flash, self.geometry, sequence):
                for item in commit.items if commit.is_intact else []:
                    self._owner.on_item(item)

    def format(self, identity: int) -> None:
        """Begins an empty log and erases all else."""
        if not self._find_head() or self._head > GREATEST_SEQUENCE // 2:
            self._head, self._offset, self._tail = -1, self.geometry.erase_block_bytes, 0
            self._erase_free_blocks()
        else:
            self._settle()
        self._settled = True
        self._identity = identity
        self._tail = self._head + 1
        self._open_next_block()
        self._write_tail()
        self._erase_free_blocks()

    def append(self, kind: int, content: bytes) -> int:
        """Appends an item of 1..batch_bytes to the pending commit; its address. Raises LogFullError."""
        if not 1 <= len(content) <= self.batch_bytes:
            raise InputError(f"an item must have 1..{self.batch_bytes} bytes. Received: {len(content)}.")
        self._settle()
        self._make_room(kind, len(content))
        return self._extend(kind, content)

    def append_now(self, kind: int, content: bytes) -> int:
        """Appends and commits one item that may be larger than batch_bytes; its address. Raises LogFullError."""
        most_bytes = self.geometry.limit - self.geometry.first - COMMIT_HEADER.size
        if not 1 <= len(content) <= most_bytes:
            raise InputError(f"an item must have 1..{most_bytes} bytes. Received: {len(content)}.")
        self._settle()
        self.flush()
        self._make_room(kind, len(content))
        address = self._extend(kind, content)
        self.flush()
        return address

    def flush(self) -> None:
        """Makes all items appended so far durable."""
        if self._pending is None:
            return
        pending, self._pending = self._pending, None
        content = b"".join(pending.contents)
        header = (pending.kind, len(pending.contents), pending.item_bytes, zlib.crc32(content))
        self._program_commit(header, content)

    def purge(self) -> None:
        """Moves what is needed to new blocks and erases all others."""
        self._settle()
        self.flush()
        last = self._head
        self._open_next_block()
        while self._tail <= last:
            self._collect()
        self._erase_free_blocks()

    def read(self, address: int, size_bytes: int) -> bytes:
        """Of an item, pending or durable."""
        if self._pending is not None:
            start = address - self.geometry.address(self._head, self._offset) - COMMIT_HEADER.size
            content = b"".join(self._pending.contents)
            if 0 <= start < len(content):
                return content[start : start + size_bytes]
        return bytes(self.flash[address : address + size_bytes])

    def _find_head(self) -> bool:
        self._pending, self._settled = None, False
        found = []
        for block in range(self.geometry.num_blocks):
            try:
                header = read_block_header(self.flash, self.geometry, block)
            except ForeignLogError:
                continue
            if header is not None:
                found.append(header)
        self._greatest_erase_count = max([self._greatest_erase_count, *(header.erase_count for header in found)])
        return any(self._adopt(header) for header in sorted(found, key=lambda header: -header.sequence))

    def _adopt(self, header: BlockHeader) -> bool:
        """Takes a block as the head unless it has no commit, or no block is free besides it."""
        geometry = self.geometry
        end, has_commit, tail = geometry.first, False, header.tail
        for commit in commits(self.flash, geometry, header.sequence):
            end = max(end, commit.end)
            has_commit = has_commit or commit.is_intact
            if not commit.items and header.tail <= commit.tail <= header.sequence:
                tail = commit.tail
        if not has_commit or header.sequence + 1 - tail >= geometry.num_blocks:
            return False
        start = geometry.address(header.sequence, 0)
        written = self.flash[start : start + geometry.erase_block_bytes].rstrip(_ERASED)
        self._offset = max(end, geometry.aligned(len(written))) + geometry.empty_commit_bytes
        self._head, self._tail, self._identity = header.sequence, tail, header.identity
        return True

    def _settle(self) -> None:
        if self._settled:
            return
        for block in range(self.geometry.num_blocks):
            header = self._block_header(block)
            if header is not None and header.sequence > self._head:
                self._erase(block)
        if self._offset + self.geometry.empty_commit_bytes <= self.geometry.erase_block_bytes:
            self._write_tail()
        self._settled = True

    def _make_room(self, kind: int, num_bytes: int) -> None:
        plan = _Plan.of(self)
        for num_collected in range(self.geometry.num_blocks + 1):
            placement = plan.placement(kind, num_bytes, 1)
            if placement == "join":
                return
            self.flush()
            if placement == "here":
                return
            if self._num_free >= 2:
                self._open_next_block()
                return
            if num_collected == 0 and not self._collecting_makes_room(kind, num_bytes):
                break
            self._collect()
            plan = _Plan.of(self)
        raise LogFullError(f"what is kept must fit the log. Received: an item of {num_bytes} bytes.")

    def _collecting_makes_room(self, kind: int, num_bytes: int) -> bool:
        plan, num_free = _Plan.of(self), self._num_free
        for sequence in range(self._tail, self._head + 1):
            for commit in commits(self.flash, self.geometry, sequence):
                needed = [item for item in commit.items if self._owner.is_needed(item)]
                if needed:
                    num_free -= plan.add(needed[0].kind, needed[0].size_bytes, len(needed))
            plan.close()
            if plan.offset > self.geometry.limit:
                plan = replace(plan, offset=self.geometry.first)
                num_free -= 1
            plan.offset += self.geometry.empty_commit_bytes
            num_free += 1
            if num_free >= 2 or plan.placement(kind, num_bytes, 1) != "block":
                return True
        return False

    def _collect(self) -> None:
        """Moves what is needed of the oldest block to the head."""
        for commit in commits(self.flash, self.geometry, self._tail):
            needed = [item for item in commit.items if self._owner.is_needed(item)]
            if not needed:
                continue
            if not commit.is_intact:
                raise InputError(f"flash must be readable where it is read. Received: damage at {needed[0].address}.")
            placement = _Plan.of(self).placement(needed[0].kind, needed[0].size_bytes, len(needed))
            if placement != "join":
                self.flush()
            if placement == "block":
                self._open_next_block()
            for item in needed:
                content = bytes(self.flash[item.address : item.address + item.size_bytes])
                self._owner.on_moved(item, self._extend(item.kind, content))
            if len(needed) * needed[0].size_bytes > self.batch_bytes:
                self.flush()
        self.flush()
        self._tail += 1
        if self._offset > self.geometry.limit:
            self._open_next_block()
        self._write_tail()

    def _extend(self, kind: int, content: bytes) -> int:
        if self._pending is None:
            self._pending = _Pending(kind, len(content))
        start = COMMIT_HEADER.size + len(content) * len(self._pending.contents)
        self._pending.contents.append(content)
        return self.geometry.address(self._head, self._offset) + start

    @property
    def _num_free(self) -> int:
        return self.geometry.num_blocks - (self._head + 1 - self._tail)

    def _open_next_block(self) -> None:
        self._head += 1
        self._offset = self.geometry.first
        block = self._head % self.geometry.num_blocks
        header = BlockHeader(self._erase(block), self._head, self._identity, self._tail)
        self._program(0, pack_block_header(header, self.geometry))

    def _write_tail(self) -> None:
        self._program_commit((0, 0, self._tail, 0), b"")

    def _program_commit(self, fields: tuple[int, int, int, int], content: bytes) -> None:
        self._program(self._offset, pack_commit_header(fields, self._head, self._offset) + content)
        self._offset += self.geometry.commit_bytes(len(content))

    def _program(self, offset: int, content: bytes) -> None:
        """Zeros fill the last program unit."""
        address = self.geometry.address(self._head, offset)
        self.flash[address : address + self.geometry.aligned(len(content))] = content.ljust(
            self.geometry.aligned(len(content)), b"\0"
        )

    def _erase(self, block: int) -> int:
        """The block's erase count after it."""
        header = self._block_header(block)
        erase_count = max(1, self._greatest_erase_count)
        if header is not None and header.erase_count < 0xFFFFFFFF:
            erase_count = header.erase_count + 1
        self._greatest_erase_count = max(self._greatest_erase_count, erase_count)
        size = self.geometry.erase_block_bytes
        self.flash[block * size : (block + 1) * size] = _ERASED * size
        return erase_count

    def _block_header(self, block: int) -> BlockHeader | None:
        try:
            return read_block_header(self.flash, self.geometry, block)
        except ForeignLogError:
            return None

    def _erase_free_blocks(self) -> None:
        size = self.geometry.erase_block_bytes
        for i in range(self._num_free):
            block = (self._head + 1 + i) % self.geometry.num_blocks
            if self.flash[block * size : (block + 1) * size].strip(_ERASED):
                self._erase(block)


@dataclass
class _Plan:
    """Where commits go: the arithmetic that writing and planning ahead share (micro/store/cursor.h)."""

    geometry: Geometry
    batch_bytes: int
    offset: int
    kind: int
    item_bytes: int
    num_items: int  # of the pending commit; 0: none

    @classmethod
    def of(cls, log: Log) -> "_Plan":
        pending = log._pending or _Pending(0, 0)
        contents = len(pending.contents)
        return cls(log.geometry, log.batch_bytes, log._offset, pending.kind, pending.item_bytes, contents)

    def placement(self, kind: int, item_bytes: int, num_items: int) -> str:
        """ "join" the pending commit, a new one "here" in this block, or one in the next "block"."""
        end = self.offset
        if self.num_items:
            joined = self.num_items + num_items
            if (
                (kind, item_bytes) == (self.kind, self.item_bytes)
                and joined <= MOST_ITEMS
                and joined * item_bytes <= self.batch_bytes
                and self.offset + self.geometry.commit_bytes(joined * item_bytes) <= self.geometry.limit
            ):
                return "join"
            end += self.geometry.commit_bytes(self.num_items * self.item_bytes)
        fits = end + self.geometry.commit_bytes(num_items * item_bytes) <= self.geometry.limit
        return "here" if fits else "block"

    def add(self, kind: int, item_bytes: int, num_items: int) -> bool:
        """Whether that began a new block."""
        placement = self.placement(kind, item_bytes, num_items)
        if placement == "join":
            self.num_items += num_items
            return False
        self.close()
        if placement == "block":
            self.offset = self.geometry.first
        self.kind, self.item_bytes, self.num_items = kind, item_bytes, num_items
        return placement == "block"

    def close(self) -> None:
        """Ends the pending commit."""
        if self.num_items:
            self.offset += self.geometry.commit_bytes(self.num_items * self.item_bytes)
        self.num_items = 0
