"""A long cable for kernels without netem: ``python -m tests.network.relay PORT BRIDGE MILLISECONDS LOSS``.

Runs in the switch's namespace, between a host's cable (PORT) and a port of its own on the BRIDGE. Every
frame is handed on so much later, each way; a share of them (LOSS, 0 to 1) is not.
"""

from __future__ import annotations

import fcntl
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time
from collections import deque

_TUNSETIFF = 0x400454CA  # linux/if_tun.h
_TAP, _NO_INFO, _HEADER = 0x0002, 0x1000, 0x4000
_PACKET, _PACKET_HEADER = 263, 15  # SOL_PACKET, PACKET_VNET_HDR (packet(7))
_ALL = 0x0003  # ETH_P_ALL
_OUTGOING = 4  # PACKET_OUTGOING: what we sent ourselves
_LARGEST = 66_000  # the kernel joins segments, and says how to part them in a header before each


def main() -> None:
    """Hand frames on until killed."""
    port, bridge, delay, loss = sys.argv[1], sys.argv[2], int(sys.argv[3]) / 1000, float(sys.argv[4])
    far = f"{port}x"
    tap = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(tap, _TUNSETIFF, struct.pack("16sH22x", far.encode(), _TAP | _NO_INFO | _HEADER))
    cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ALL))
    cable.setsockopt(_PACKET, _PACKET_HEADER, 1)
    cable.bind((port, 0))
    subprocess.run(["ip", "link", "set", far, "master", bridge, "up"], check=True)
    print("ready", flush=True)
    waiting: deque[tuple[float, int, bytes]] = deque()
    chance = random.Random(port)
    while True:
        patience = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for source in select.select([tap, cable.fileno()], [], [], patience)[0]:
            if source == cable.fileno():
                frame, where = cable.recvfrom(_LARGEST)
                if where[2] == _OUTGOING:
                    continue
                target = tap
            else:
                frame, target = os.read(tap, _LARGEST), cable.fileno()
            if chance.random() >= loss:
                waiting.append((time.monotonic() + delay, target, frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, target, frame = waiting.popleft()
            try:
                os.write(target, frame)
            except OSError:  # the cable is out, or its queue is full: frames get lost
                continue


if __name__ == "__main__":
    main()
