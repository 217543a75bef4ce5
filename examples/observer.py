#!/usr/bin/env python3
"""Prints the newest records of a ring, as JSON, without orbit-node: an example for docs/guide/layout.md.

    python3 observer.py FLEET KIND [COUNT]

It only reads. Exit code 0: printed what there is, oldest first; 1: no such ring; 2: wrong arguments; 3: not a ring of
layout version 2.

x86-64 only: Python has no acquire loads, and that machine orders all loads by itself.
"""
import json
import mmap
import os
import platform
import sys

MAGIC = 0x314A4E544942524F
LAYOUT_VERSION = 2
RING = 2  # ObjectType
HEADER_BYTES = 448
CHUNK_HEADER_BYTES = 24
NODE_ENTRY_BYTES = 64
LAST_POSITION = 2**53 - 2


class BadObject(Exception):
    pass


def line(count):
    return (count + 63) // 64 * 64


def folder():
    return os.environ.get("ORBIT_DIRECTORY") or "/dev/shm"


class Ring:
    """One ring, mapped read-only. The geometry is copied and checked once; every other word may change at any time."""

    def __init__(self, fleet, kind):
        path = f"{folder()}/orbit-{fleet}-{kind}-{os.geteuid()}"
        with open(path, "rb") as file:
            self.bytes = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)
        if len(self.bytes) < HEADER_BYTES or len(self.bytes) % 8 != 0:
            raise BadObject("too short for a ring")
        self.words = memoryview(self.bytes).cast("Q")
        if self.word(0) != MAGIC:
            raise BadObject("not finished, or not an object of orbit-node")
        version_and_type = self.word(8)
        if version_and_type & 0xFFFFFFFF != LAYOUT_VERSION:
            raise BadObject(f"layout version {version_and_type & 0xFFFFFFFF}")
        if version_and_type >> 32 != RING or self.word(16) != len(self.bytes):
            raise BadObject("not a ring, or of another length")
        self.kind, self.capacity, self.payload_bytes, self.stride, self.fleet_size, spares = (
            self.word(64 + 8 * i) for i in range(6)
        )
        self.check_geometry(spares)
        self.slots = HEADER_BYTES + line((self.fleet_size + 63) // 64 * 8)
        entries = self.slots + line(self.capacity * 8)
        self.chunks = entries + self.fleet_size * NODE_ENTRY_BYTES + line(spares * 8)
        self.chunk_count = self.capacity + self.fleet_size + spares
        if self.chunks + self.chunk_count * self.stride > len(self.bytes):
            raise BadObject("its geometry does not fit its length")

    def check_geometry(self, spares):
        is_power = self.capacity > 0 and self.capacity & (self.capacity - 1) == 0
        fits = is_power and self.capacity <= 2**19 and self.payload_bytes <= 2**24 and 0 < self.fleet_size <= 2**16
        if not fits or self.stride != line(CHUNK_HEADER_BYTES + self.payload_bytes):
            raise BadObject("impossible geometry")
        if spares != max(4, self.fleet_size // 4):
            raise BadObject("impossible number of spare chunks")

    def word(self, offset):
        return self.words[offset // 8]

    def slot(self, position):
        """The lap and the chunk in the slot of a position. Laps count from 1; 0: the slot was never filled."""
        word = self.word(self.slots + position % self.capacity * 8)
        return word >> 20, word & 0xFFFFF

    def head(self):
        """One past the newest position. Slot 0 has the newest lap, and the slots of a lap are filled in order."""
        lap, _ = self.slot(0)
        if lap == 0:
            return 0
        filled, unfilled = 1, self.capacity
        while filled < unfilled:
            middle = (filled + unfilled) // 2
            if self.slot(middle)[0] >= lap:
                filled = middle + 1
            else:
                unfilled = middle
        return (lap - 1) * self.capacity + filled

    def oldest(self, head):
        return max(head - self.capacity, min(self.word(256), head), 0)

    def read(self, position):
        """The record at a position; None: it was overwritten or cleared, or is not there yet."""
        before = self.slot(position)
        lap, chunk = before
        if position > LAST_POSITION or lap != position // self.capacity + 1 or position < self.word(256):
            return None
        if chunk >= self.chunk_count:
            raise BadObject(f"position {position}: impossible chunk")
        at = self.chunks + chunk * self.stride
        id_, version, shape = self.word(at), self.word(at + 8), self.word(at + 16)
        length, frame_kind = shape & 0xFFFFFFFF, shape >> 32 & 0xFF
        start = at + CHUNK_HEADER_BYTES
        payload = self.bytes[start : start + min(length, self.payload_bytes)]
        # The chunk may have been given to a publisher during the copy. Then the slot has another word by now.
        if self.slot(position) != before:
            return None
        node = id_ >> 40 & 0xFFFF
        expected = self.kind << 56 | node << 40 | (position & (2**40 - 1))
        if length > self.payload_bytes or id_ != expected or node >= self.fleet_size:
            raise BadObject(f"position {position}: damaged record")
        return {"position": position, "node": node, "version": version, "frameKind": frame_kind, "hex": payload.hex()}


def main(arguments):
    if len(arguments) not in (2, 3) or not all(text.isdigit() for text in arguments[1:]):
        print(__doc__, file=sys.stderr)
        return 2
    if platform.machine() not in ("x86_64", "AMD64"):
        print("observer.py: needs x86-64, whose loads are in order", file=sys.stderr)
        return 2
    fleet, kind = arguments[:2]
    try:
        ring = Ring(fleet, kind)
        head = ring.head()
        count = int(arguments[2]) if len(arguments) == 3 else ring.capacity
        for position in range(max(ring.oldest(head), head - count), head):
            record = ring.read(position)
            if record is not None:
                print(json.dumps(record))
    except FileNotFoundError as error:
        print(f"observer.py: {error.filename}: no such ring", file=sys.stderr)
        return 1
    except BadObject as error:
        print(f"observer.py: {error}", file=sys.stderr)
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
