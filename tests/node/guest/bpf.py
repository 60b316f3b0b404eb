# SPDX-License-Identifier: GPL-2.0
"""Prints how many BPF programs, maps and links the kernel has."""
import ctypes
import struct

SYS_BPF = 321
GET_NEXT_ID = {"programs": 11, "maps": 12, "links": 31}

libc = ctypes.CDLL(None)
for what, command in GET_NEXT_ID.items():
    last, count = 0, 0
    while True:
        attributes = ctypes.create_string_buffer(struct.pack("III", last, 0, 0))
        if libc.syscall(SYS_BPF, command, attributes, 12) != 0:
            break
        last = struct.unpack_from("III", attributes)[1]
        count += 1
    print(what, count)
