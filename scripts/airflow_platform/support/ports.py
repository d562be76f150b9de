"""Free ports of this host, for programs that are started in the background."""

import random
import socket
from contextlib import ExitStack

# Below the ports that Linux gives to connections (net.ipv4.ip_local_port_range, from 32768 on). It
# could give one of those away between this search and the start of the program.
_PORTS = range(10_000, 32_768)


def free_ports(count: int) -> list[int]:
    """Return loopback ports that are free for both TCP and UDP."""
    chance = random.SystemRandom()  # processes that search at the same time find different ports
    with ExitStack() as stack:
        ports: list[int] = []
        while len(ports) < count:
            address = ("127.0.0.1", chance.choice(_PORTS))
            try:
                for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                    stack.enter_context(socket.socket(type=kind)).bind(address)
            except OSError:
                continue
            ports.append(address[1])
        return ports
