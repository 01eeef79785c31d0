"""Servers under test: started, watched through /proc, and stopped."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import sums

TICKS = os.sysconf("SC_CLK_TCK")

NGINX = """
daemon off; worker_processes auto; pid {work}/nginx-{port}.pid; error_log {work}/nginx.error;
events {{ worker_connections 4096; }}
http {{
  log_format brief "$time_iso8601 $request $status $body_bytes_sent $request_time";
  access_log {log}; sendfile on; tcp_nopush on; keepalive_requests 1000000000; default_type text/plain;
  open_file_cache max=100000 inactive=1h; open_file_cache_valid 1h;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {root}; }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A running server. `command` and `env` may use {port}. One that speaks no HTTP is ready when it accepts connections."""

    def __init__(self, name, command, work, env=None, port=None, speaks_http=True):
        self.name, self.port, self.speaks_http = name, port or free_port(), speaks_http
        words = [word.format(port=self.port) for word in command]
        surroundings = {key: value.format(port=self.port) for key, value in (env or {}).items()}
        self.output = open(Path(work) / f"{name.replace(', ', '-')}.log", "ab")
        began = time.perf_counter()
        # By way of a shell, as an init script would.
        self.process = subprocess.Popen(
            ["sh", "-c", 'exec "$@"', "sh", *words],
            env={**os.environ, **surroundings}, stdout=self.output, stderr=self.output, start_new_session=True,
        )
        self._until_ready()
        self.ready_ms = (time.perf_counter() - began) * 1000

    def _until_ready(self):
        """Ready is when a request is answered, whatever with."""
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", self.port)) as stream:
                    if not self.speaks_http:
                        return
                    stream.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
                    if stream.recv(64):
                        return
            except OSError:
                pass
            if self.process.poll() is not None:
                raise RuntimeError(f"{self.name} ended at once; see {self.output.name}")
            time.sleep(0.0003)
        raise RuntimeError(f"{self.name} does not answer")

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}{path}"

    def _pids(self):
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [str(pid), *children]

    def cpu_s(self):
        """CPU seconds of the server and its workers."""
        total = 0
        for pid in self._pids():
            fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def memory_mb(self, field="VmRSS"):
        """Resident memory now, or at its highest (VmHWM), of all processes together."""
        total = 0
        for pid in self._pids():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(field):
                    total += int(line.split()[1])
        return total / 1024

    def stop(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.output.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Bench:
    """Where the binaries are, and how each server is started."""

    def __init__(self, target, work):
        self.work = Path(work)
        self.larder_bin = Path(target) / "release/larder"
        self.upstream_bin, self.githost_bin = (Path(target) / "release/examples" / name for name in ("upstream", "githost"))
        self.goproxy_bin, self.athens_bin = os.environ.get("GOPROXY_BIN"), os.environ.get("ATHENS_BIN")
        self.sumdb_bin = None

    def upstream(self, root, latency_ms=50, rate=10_000_000):
        command = [str(self.upstream_bin), str(root), "127.0.0.1:{port}", str(latency_ms), str(rate)]
        server = Server("upstream", command, self.work)
        server.requests = Path(server.output.name)
        server.output.truncate(0)
        return server

    def larder(self, data, upstream="off", sumdb="off", name="Larder"):
        return Server(name, [
            str(self.larder_bin), "serve", "--listen", "127.0.0.1:{port}", "--data", str(data),
            "--upstream", upstream, "--sumdb", sumdb,
        ], self.work)

    def database(self, tree, latency_ms=50, others=200_000):
        """A checksum database of what is in the tree, whose records lie among many others."""
        self.sumdb_bin = self.sumdb_bin or sums.build(self.work)
        folder = self.work / "sumdb.records"
        folder.mkdir(exist_ok=True)
        (folder / "records").write_text(sums.records(tree))
        server = Server("database", [
            str(self.sumdb_bin), "-listen", "127.0.0.1:{port}", "-latency", f"{latency_ms}ms", "-filler", str(others),
            sums.SIGNER, str(folder),
        ], self.work)
        server.requests = folder / "asked"
        server.requests.write_text("")
        server.spec = f"{sums.KEY} {server.url()}"
        return server

    def nginx(self, root, log=False):
        port = free_port()
        config = self.work / f"nginx-{port}.conf"
        # nginx's own buffering of its log, so that it writes as rarely as it can.
        access = f"{self.work}/nginx.access brief buffer=64k flush=1s" if log else "off"
        config.write_text(NGINX.format(work=self.work, port=port, root=root, log=access))
        command = ["nginx", "-c", str(config), "-e", str(self.work / "nginx.error")]
        return Server("nginx, logging" if log else "nginx", command, self.work, port=port)

    def goproxy(self, data, upstream):
        env = {"GOPROXY": upstream, "GOSUMDB": "off", "GOMODCACHE": f"{data}/mod"}
        command = [self.goproxy_bin, "server", "--address", "127.0.0.1:{port}", "--cacher-dir", str(data)]
        return Server("goproxy", command, self.work, env)

    def athens(self, data, upstream):
        return Server("Athens", [self.athens_bin], self.work, {
            "ATHENS_PORT": "127.0.0.1:{port}", "ATHENS_STORAGE_TYPE": "disk", "ATHENS_DISK_STORAGE_ROOT": str(data),
            "ATHENS_GO_BINARY_ENV_VARS": f"GOPROXY={upstream};GOSUMDB=off", "ATHENS_GONOSUM_PATTERNS": "*",
            "ATHENS_LOG_LEVEL": "info",
        })

    def others(self, folder, upstream):
        """The other proxies that there are binaries of, each with an empty directory below `folder`."""
        for name, binary in (("goproxy", self.goproxy_bin), ("athens", self.athens_bin)):
            if binary:
                data = self.work / folder / name
                data.mkdir(parents=True, exist_ok=True)
                yield lambda name=name, data=data: getattr(self, name)(data, upstream)

