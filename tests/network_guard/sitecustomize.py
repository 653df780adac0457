"""Python imports this at its start when its folder is on PYTHONPATH: no socket leaves the machine then.

Each attempt is written to the file that NETWORK_LOG names, and fails. Python's own audit events tell of it,
so that neither a name imported beforehand nor a caught exception hides one. Sockets of the file system, which
processes of one machine talk over, pass. What native code does by itself is not seen here but by the kernel's
counters, see watched.py.
"""

import os
import sys
import traceback

WATCHED = {
    "socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname",
    "socket.gethostbyaddr", "socket.getnameinfo",
}  # fmt: skip


class NetworkUsedError(OSError):
    """Something tried to reach the network."""


def _is_path(values):
    """Whether the address among the arguments of an event is that of a socket in the file system."""
    return any(isinstance(value, (str, bytes)) for value in values)


def _watch(event, arguments):
    if event not in WATCHED:
        return
    of_socket = event in ("socket.connect", "socket.sendto", "socket.sendmsg")
    # A message over a connected socket names no address; that it was connected has been told.
    if of_socket and (_is_path(arguments[1:]) or arguments[-1] is None):
        return
    log = os.environ["NETWORK_LOG"]
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    told = f"{event}{arguments[of_socket:]!r}\n{''.join(traceback.format_stack()[-12:-1])}\n"
    os.write(descriptor, told.encode())
    os.close(descriptor)
    raise NetworkUsedError(f"{event}{arguments[of_socket:]!r}")


if "NETWORK_LOG" in os.environ:
    sys.addaudithook(_watch)
