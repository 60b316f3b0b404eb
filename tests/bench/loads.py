# SPDX-License-Identifier: GPL-2.0
"""The loads: each runs for some seconds, and tells what it made and what CPU time that took."""
import json
import os
import re
import subprocess

from contenders import run_seconds

NGINX_PORT = 18080
NGINX_CONF = """
worker_processes 1;
daemon off;
pid nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    keepalive_requests 1000000000;
    server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "ok"; }} }}
}}
"""


class Load:
    """Connections of tests/bench/load. ends: of each connection this many are on this machine."""

    ends = 2

    def __init__(self, name, build, *arguments, held=0, slow=None):
        self.name = name
        self.held = held  # connections that are open meanwhile
        self.slow = slow  # the close wait from which they are to be slow
        self.program = os.path.join(build, "tests/bench/load")
        self.arguments = arguments
        self.holder = None

    def prepare(self, directory):
        if self.held:
            self.holder = hold(self.program, "hold-open", self.held)

    def run(self, seconds, rate=None):
        command = [self.program, *self.arguments, "-s", str(seconds)]
        if rate:
            command += ["-r", str(rate)]
        return json.loads(subprocess.check_output(command))

    def finish(self):
        if self.holder:
            self.holder.stdin.close()
            self.holder.wait()
            self.holder = None


def hold(program, how, connections):
    """Many processes, since each may only have so many descriptors. They go when stdin closes."""
    processes = max(1, connections // 5000)
    holder = subprocess.Popen(
        [program, how, "-p", str(processes), "-c", str(connections // processes)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for _ in range(processes):
        if holder.stdout.readline() != "held\n":
            raise RuntimeError("cannot hold so many connections")
    return holder


class Nginx(Load):
    def __init__(self, name, close):
        super().__init__(name, "")
        self.close = close

    def prepare(self, directory):
        with open(os.path.join(directory, "nginx.conf"), "w") as file:
            file.write(NGINX_CONF.format(port=NGINX_PORT))
        self.nginx = subprocess.Popen(
            ["nginx", "-p", directory, "-c", os.path.join(directory, "nginx.conf")],
            stderr=subprocess.DEVNULL)
        subprocess.check_call(
            ["curl", "-sf", "-o", "/dev/null", "--retry", "20", "--retry-connrefused",
             "--retry-delay", "1", f"http://127.0.0.1:{NGINX_PORT}/"])
        self.worker = int(subprocess.check_output(["pgrep", "-P", str(self.nginx.pid)]))

    def run(self, seconds, rate=None):
        command = ["wrk", "-t1", "-c64", f"-d{seconds}s", f"http://127.0.0.1:{NGINX_PORT}/"]
        if self.close:
            command += ["-H", "Connection: close"]
        before = run_seconds(self.worker)
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        output = process.stdout.read()
        usage = os.wait4(process.pid, 0)[2]
        process.returncode = 0
        requests, took = re.search(r"(\d+) requests in ([\d.]+)s", output).groups()
        return {
            "connections": int(requests),
            "seconds": float(took),
            "cpu_seconds": run_seconds(self.worker) - before + usage.ru_utime + usage.ru_stime,
        }

    def finish(self):
        self.nginx.terminate()
        self.nginx.wait()


def all_loads(build):
    return [
        Load("one after another", build, "batches"),
        Load("64 at once, two processes", build, "batches", "-c", "32", "-p", "2"),
        Nginx("nginx, Connection: close", close=True),
        Nginx("nginx, keep-alive", close=False),
        Load("every close slow", build, "late-closes", "-c", "1024", slow="1ms"),
        Load("never accepted", build, "unaccepted"),
        Load("100 open", build, "batches", held=100),
        Load("10,000 open", build, "batches", held=10000),
        Load("100,000 open", build, "batches", held=100000),
    ]
