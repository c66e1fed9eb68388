"""Compressed bodies for the tests: gzip, zstd (by the library that the daemon uses), and zstd frames made by
hand (RFC 8878), which say what no compressor would."""

from __future__ import annotations

import ctypes
import gzip
import struct

MAGIC = struct.pack("<I", 0xFD2FB528)


def gzipped(data: bytes, level: int = 6) -> bytes:
    return gzip.compress(data, level, mtime=0)


def zstd(data: bytes, level: int = 3) -> bytes:
    library = ctypes.CDLL("libzstd.so.1")
    library.ZSTD_compressBound.restype = library.ZSTD_compress.restype = ctypes.c_size_t
    size = library.ZSTD_compressBound(ctypes.c_size_t(len(data)))
    out = ctypes.create_string_buffer(size)
    written = library.ZSTD_compress(out, ctypes.c_size_t(size), data, ctypes.c_size_t(len(data)),
                                    ctypes.c_int(level))
    assert not library.ZSTD_isError(ctypes.c_size_t(written))
    return out.raw[:written]


def block(data: bytes, last: bool = False) -> bytes:
    """A raw block: the data as it is."""
    return struct.pack("<I", len(data) << 3 | last)[:3] + data


def repeat(byte: bytes, count: int, last: bool = False) -> bytes:
    """A block of four bytes that decodes to `count` times the byte, 128 KiB at most."""
    return struct.pack("<I", count << 3 | 1 << 1 | last)[:3] + byte


def frame(*blocks: bytes, window_log: int = 17) -> bytes:
    """A frame that does not say what it decodes to. The last block has to say that it is that."""
    return MAGIC + bytes([0, (window_log - 10) << 3]) + b"".join(blocks)


def sized_frame(size: int, *blocks: bytes, window_log: int = 17) -> bytes:
    """A frame that says that it decodes to `size` bytes."""
    return MAGIC + bytes([0xC0, (window_log - 10) << 3]) + struct.pack("<Q", size) + b"".join(blocks)


def zstd_in_pieces(data: bytes, size: int = 1000) -> bytes:
    """As a compressor writes that does not know how much will come."""
    pieces = [data[at:at + size] for at in range(0, len(data), size)] or [b""]
    return frame(*(block(piece, piece is pieces[-1]) for piece in pieces))


def zstd_bomb(size: int) -> bytes:
    step = 128 * 1024
    return frame(*(repeat(b"0", step) for _ in range(size // step)), block(b"", last=True))
