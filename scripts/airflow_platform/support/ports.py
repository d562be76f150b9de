"""Free ports of this host, for programs that are started in the background."""

import socket
from contextlib import ExitStack


def free_ports(count: int) -> list[int]:
    """Return loopback ports that are free for both TCP and UDP."""
    with ExitStack() as stack:
        ports = []
        for _ in range(count):
            tcp = stack.enter_context(socket.socket())
            tcp.bind(("127.0.0.1", 0))
            udp = stack.enter_context(socket.socket(type=socket.SOCK_DGRAM))
            udp.bind(tcp.getsockname())
            ports.append(int(tcp.getsockname()[1]))
        return ports
