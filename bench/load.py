"""Load and clients: wrk for throughput, plain sockets where single answers are timed."""

import re
import selectors
import socket
import statistics
import subprocess
import time

SCRIPT = """
local requests, at = {}, 0
function init()
  math.randomseed(SEED)
  for path in io.lines("PATHS") do requests[#requests + 1] = wrk.format("GET", path) end
  at = math.random(#requests)
end
function request() at = at % #requests + 1; return requests[at] end
"""


def wrk(server, paths, connections, seconds, work):
    """Runs wrk over the paths in turn: requests/s, bytes/s and the server's CPU seconds a request and a GB."""
    (work / "paths").write_text("".join(f"{path}\n" for path in paths))
    (work / "paths.lua").write_text(SCRIPT.replace("PATHS", str(work / "paths")).replace("SEED", str(connections)))
    threads = str(min(2, connections))
    command = ["wrk", "-t", threads, "-c", str(connections), "-d", f"{seconds}s", "--timeout", "60s",
               "-s", str(work / "paths.lua"), server.url()]
    before = server.cpu_s()
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    cpu = server.cpu_s() - before
    if "Non-2xx" in text or "Socket errors" in text:
        raise RuntimeError(f"{server.name}: {text}")
    requests, size, unit = re.search(r"(\d+) requests in [\d.]+\w+, ([\d.]+)(\w+) read", text).groups()
    gigabytes = float(size) * {"KB": 2**10, "MB": 2**20, "GB": 2**30, "TB": 2**40}[unit] / 1e9
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    return {"rps": rate, "cpu_ms": 1000 * cpu / int(requests), "cpu_gb": cpu / gigabytes}


class Client:
    """One kept connection."""

    def __init__(self, server):
        self.stream = socket.create_connection(("127.0.0.1", server.port))
        self.stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, path):
        self.stream.sendall(f"GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n".encode())

    def get(self, path):
        """Seconds to the first byte of the body and to its last, and its length."""
        began, data, first = time.perf_counter(), b"", None
        self.ask(path)
        while b"\r\n\r\n" not in data:
            data += self._read()
        head, body = data.split(b"\r\n\r\n", 1)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{path}: {head[:200]}")
        length = re.search(rb"(?i)content-length: (\d+)", head)
        left = int(length.group(1)) - len(body) if length else 0
        first = time.perf_counter() - began if body else None
        while left > 0:
            left -= len(self._read())
            first = first or time.perf_counter() - began
        return first, time.perf_counter() - began, int(length.group(1)) if length else 0

    def _read(self):
        data = self.stream.recv(1 << 18)
        if not data:
            raise RuntimeError("the connection was cut")
        return data


def latencies(server, paths, count):
    """Sorted seconds of `count` requests one after the other on one connection."""
    client = Client(server)
    for path in paths:
        client.get(path)
    return sorted(client.get(paths[index % len(paths)])[1] for index in range(count))


def median(values):
    return statistics.median(values)


def crowd(server, paths, clients, seconds=120):
    """Asks with `clients` connections at once, the paths in turn: seconds to the last byte of all, and errors.

    The bodies are dropped by the kernel (MSG_TRUNC), so that the load takes next to nothing of the machine."""
    poll, left = selectors.DefaultSelector(), {}
    for index in range(clients):
        stream = socket.create_connection(("127.0.0.1", server.port))
        left[stream] = [f"GET {paths[index % len(paths)]} HTTP/1.1\r\nHost: bench\r\n\r\n".encode(), None]
        poll.register(stream, selectors.EVENT_READ)
    began = last = time.perf_counter()
    for stream, (request, _) in left.items():
        stream.sendall(request)
        stream.setblocking(False)
    errors = 0
    while left and time.perf_counter() - began < seconds:
        for key, _ in poll.select(1):
            stream = key.fileobj
            done = _drain(stream, left[stream])
            if done is not None:
                errors += not done
                last = time.perf_counter()
                poll.unregister(stream)
                stream.close()
                del left[stream]
    for stream in left:
        stream.close()
    return last - began, errors + len(left)


def _drain(stream, state):
    """Reads what is there. True: whole. False: failed. None: more is to come."""
    try:
        if state[1] is None:
            head, _, body = stream.recv(4096).partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                return False
            state[1] = int(re.search(rb"(?i)content-length: (\d+)", head).group(1)) - len(body)
        else:
            # With MSG_TRUNC the count may be larger than the buffer, which stays untouched.
            count = stream.recv_into(_sink, len(_sink), socket.MSG_TRUNC)
            if count == 0:
                return False
            state[1] -= count
    except BlockingIOError:
        return None
    except OSError:
        return False
    return True if state[1] <= 0 else None


_sink = bytearray(1 << 20)
