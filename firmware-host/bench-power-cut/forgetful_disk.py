"""A disk with a volatile cache, whose power can be cut: forgetful_disk.py IMAGE MOUNTPOINT

Mounts a FUSE file system on MOUNTPOINT that holds one file, `disk`, as large as IMAGE; a loop device on it is the disk. What is
written stays in memory until the disk is told to flush; only then it is in IMAGE. Needs root for the mount, and no libfuse.

A line on standard input cuts the power: "SEED HOW", within half a second, after one of the next writes, so that it often happens between a
write and its flush. From then on nothing is written any more. Of what was written since the last flush, HOW says what had come to the
disk by then: `none` of it, `all` of it, `first` (a part, in the order in which it was written) or `some`
(any blocks of it, as a cache writes them in an order of its own). The answer is a line "WRITTEN KEPT" with the numbers of blocks.
Blocks of 4 kB are never torn.
"""

import ctypes
import errno
import mmap
import os
import random
import select
import struct
import sys
import time

BLOCK = 4096
LARGEST_WRITE = 128 * 1024
MOST_WRITES_MORE = 12
CUT_WITHIN_S = 0.5

# Of linux/fuse.h.
LOOKUP, FORGET, GETATTR, OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT, DESTROY, BATCH_FORGET = (
    1, 2, 3, 14, 15, 16, 17, 18, 20, 25, 26, 38, 42)
BIG_WRITES, MAX_PAGES = 1 << 5, 1 << 22
DIRECT_IO = 1
ROOT, DISK = 1, 2
FOR_LONG = 1 << 30


class Disk:
    def __init__(self, image):
        with open(image, "r+b") as file:
            self.flushed = mmap.mmap(file.fileno(), 0)
        self.size = len(self.flushed)
        self.newest = {}   # of the blocks that were written since the last flush, by number
        self.written = []  # all of them in their order, as number and content
        self.is_off = False

    def read(self, offset, length):
        length = max(0, min(length, self.size - offset))
        content = bytearray(self.flushed[offset:offset + length])
        if self.newest:
            for number in range(offset // BLOCK, -(-(offset + length) // BLOCK)):
                if number in self.newest:
                    begin, end = max(offset, number * BLOCK), min(offset + length, (number + 1) * BLOCK)
                    content[begin - offset:end - offset] = self.newest[number][begin - number * BLOCK:end - number * BLOCK]
        return bytes(content)

    def write(self, offset, content):
        begin, end = offset // BLOCK * BLOCK, -(-(offset + len(content)) // BLOCK) * BLOCK
        if (begin, end) != (offset, offset + len(content)):
            content = self.read(begin, offset - begin) + content + self.read(offset + len(content), end - offset - len(content))
        for at in range(begin, end, BLOCK):
            block = content[at - begin:at - begin + BLOCK]
            self.newest[at // BLOCK] = block
            self.written.append((at // BLOCK, block))

    def flush(self):
        for number, block in self.newest.items():
            self.flushed[number * BLOCK:number * BLOCK + BLOCK] = block
        self.newest.clear()
        self.written.clear()

    def cut(self, seed, how):
        self.is_off = True
        chance = random.Random(seed)
        if how == "none":
            kept = []
        elif how == "all":
            kept = self.written
        elif how == "first":
            kept = self.written[:chance.randint(0, len(self.written))]
        else:
            share = chance.random()
            kept = [block for block in self.written if chance.random() < share]
        count = f"{len(self.written)} {len(kept)}"
        self.newest = dict(kept)
        self.flush()
        self.flushed.flush()
        return count


def mount(device, place):
    libc = ctypes.CDLL(None, use_errno=True)
    options = f"fd={device},rootmode=40000,user_id=0,group_id=0,max_read={LARGEST_WRITE}".encode()
    if libc.mount(b"forgetful", place.encode(), b"fuse", 0, options) != 0:
        raise OSError(ctypes.get_errno(), "FUSE can't be mounted", place)


def attributes(node, size):
    mode, links = (0o40755, 2) if node == ROOT else (0o100600, 1)
    return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, links, 0, 0, 0, BLOCK, 0)


def answer(disk, operation, node, body):
    """The answer's body, or the number of an error."""
    size = disk.size if node == DISK else 0
    if operation == INIT:
        major, minor, ahead, flags = struct.unpack_from("<4I", body)
        flags &= BIG_WRITES | MAX_PAGES
        pages = LARGEST_WRITE // BLOCK
        return struct.pack("<4I2H2I2H8I", 7, min(minor, 31), ahead, flags, 12, 9, LARGEST_WRITE, 1, pages, 0, *[0] * 8)
    if operation == LOOKUP:
        if node != ROOT or body.rstrip(b"\0") != b"disk":
            return errno.ENOENT
        return struct.pack("<4Q2I", DISK, 0, FOR_LONG, FOR_LONG, 0, 0) + attributes(DISK, disk.size)
    if operation == GETATTR:
        return struct.pack("<Q2I", FOR_LONG, 0, 0) + attributes(node, size)
    if operation == OPEN:
        return struct.pack("<Q2I", 0, DIRECT_IO, 0)
    if operation == READ:
        offset, length = struct.unpack_from("<QI", body, 8)
        return disk.read(offset, length)
    if operation == WRITE:
        if disk.is_off:
            return errno.EIO
        offset, length = struct.unpack_from("<QI", body, 8)
        disk.write(offset, body[40:40 + length])
        return struct.pack("<2I", length, 0)
    if operation == FSYNC:
        if disk.is_off:
            return errno.EIO
        disk.flush()
        return b""
    if operation in (RELEASE, FLUSH, DESTROY):
        return b""
    if operation == STATFS:
        return struct.pack("<5Q4I6I", 0, 0, 0, 0, 0, BLOCK, 255, BLOCK, 0, *[0] * 6)
    return errno.ENOSYS


def serve(disk, device):
    sources = [device, sys.stdin]
    order, writes_more, until = None, 0, None
    while True:
        left = None if order is None else max(0, until - time.monotonic())
        ready, _, _ = select.select(sources, [], [], left)
        if sys.stdin in ready:
            line = sys.stdin.readline()
            if line:
                order = line.split()
                writes_more, until = random.Random(line).randint(0, MOST_WRITES_MORE), time.monotonic() + CUT_WITHIN_S
            else:
                sources.remove(sys.stdin)
        if order is not None and (writes_more <= 0 or time.monotonic() >= until):
            print(disk.cut(*order), flush=True)
            order = None
        if device in ready:
            operation = serve_one(disk, device)
            if operation is None:
                return  # It was unmounted.
            writes_more -= operation == WRITE


def serve_one(disk, device):
    """Answers a request, and says what was asked for."""
    try:
        request = os.read(device, LARGEST_WRITE + 4096)
    except OSError as error:
        return FORGET if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT) else None
    _, operation, unique, node = struct.unpack_from("<2I2Q", request)
    if operation in (FORGET, BATCH_FORGET):
        return operation
    body = answer(disk, operation, node, request[40:])
    fault, body = (-body, b"") if isinstance(body, int) else (0, body)
    try:
        os.write(device, struct.pack("<IiQ", 16 + len(body), fault, unique) + body)
    except OSError as error:
        if error.errno != errno.ENOENT:  # Whoever asked was interrupted.
            raise
    return operation


if __name__ == "__main__":
    device = os.open("/dev/fuse", os.O_RDWR)
    mount(device, sys.argv[2])
    print("mounted", flush=True)
    serve(Disk(sys.argv[1]), device)
