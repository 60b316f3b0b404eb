# SPDX-License-Identifier: GPL-2.0
"""What slowclosed alone is asked to show: delay, no loss, scans, an incident, flat memory."""
import datetime
import json
import os
import statistics
import subprocess
import time

import loads
from contenders import TAIL_ALL, Slowclosed, forget_most_resident, resident_bytes, run_seconds

CHURN_SECONDS = 1800
STREAM_SECONDS = 60
STREAM_RATE = 25000  # connections a second: each has two ends
BURST = 30000
STUCK = 150000  # of 30 processes, each with a port
SCANNED = 100000


def seconds_of_day(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class Daemon:
    def __init__(self, build, socket, directory, log):
        self.build = build
        self.socket = socket
        self.directory = directory
        self.log = log
        self.load = loads.Load("one after another", build, "batches")
        self.slow_load = loads.Load("every close slow", build, "late-closes", "-c", "16")

    def started(self, *options, tail=None, slow=None):
        daemon = Slowclosed("slowclosed", self.build, self.socket, *options, tail=tail)
        daemon.start(self.directory, slow)
        return daemon

    def delay_of(self, load, slow=None):
        """ms from the end of a connection to its line of `slowclose tail` at 200 a second."""
        daemon = self.started(slow=slow)
        tail = subprocess.Popen([*daemon.ask, "tail", "--all", "--json", *daemon.at],
                                stdout=subprocess.PIPE)
        time.sleep(0.3)
        running = subprocess.Popen([load.program, *load.arguments, "-s", "10", "-r", "200"],
                                   stdout=subprocess.DEVNULL)
        delays = []
        while len(delays) < 2000:
            line = tail.stdout.readline()
            now = time.time()
            event = json.loads(line)
            if event["event"] == "closed" and (not slow or event["cause"]):
                delays.append((now - seconds_of_day(event["time"])) * 1000)
        tail.terminate()
        tail.wait()
        running.kill()
        running.wait()
        daemon.stop()
        return {"median_ms": statistics.median(delays),
                "p99_ms": statistics.quantiles(delays, n=100)[98], "max_ms": max(delays)}

    def first_event(self):
        """s from the start of slowclosed to its first line, with connections coming all the time."""
        running = subprocess.Popen([self.load.program, "batches", "-s", "6", "-r", "1000"],
                                   stdout=subprocess.DEVNULL)
        took = []
        for _ in range(5):
            begun = time.time()
            subprocess.check_call([os.path.join(self.build, "slowclosed"), "--tail", "--all",
                                   "--backend=tracepoint", "-n", "1"],
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            took.append(time.time() - begun)
        running.kill()
        running.wait()
        return statistics.median(took)

    def rest(self):
        """CPU of one core and memory with nothing to do."""
        daemon = self.started()
        time.sleep(2)
        pid = daemon.processes[0].pid
        used = run_seconds(pid)
        time.sleep(15)
        result = {"cpu": (run_seconds(pid) - used) / 15, "resident_bytes": daemon.resident(),
                  "map_bytes": daemon.map_bytes()}
        daemon.stop()
        return result

    def delay(self):
        result = {"fast": self.delay_of(self.load), "slow": self.delay_of(self.slow_load, "1ms"),
                  "first_event_s": self.first_event(), "rest": self.rest()}
        self.log("delay:", json.dumps(result))
        return result

    def stream_of(self, options):
        daemon = self.started(tail=options)
        before = daemon.counts()
        tail = daemon.processes[1].pid
        used = run_seconds(daemon.processes[0].pid), run_seconds(tail)
        made = self.load.run(STREAM_SECONDS, STREAM_RATE)
        time.sleep(2)
        after = daemon.counts()
        used = (run_seconds(daemon.processes[0].pid) - used[0], run_seconds(tail) - used[1])
        daemon.stop()
        return {"made": made, "ended": after["ended"] - before["ended"],
                "lost": after["lost"] - before["lost"], "lines": self.count_lines(daemon),
                "daemon_seconds": used[0], "tail_seconds": used[1]}

    def count_lines(self, daemon):
        """Of connections that have ended, of tail's output, which is removed."""
        output = f"{daemon.output}.1.out"
        with open(output) as file:
            if file.read(1) == "{":
                file.seek(0)
                events = (json.loads(line) for line in file)
                lines = len({event["id"] for event in events if event["event"] == "closed"})
            else:
                file.readline()  # the head
                lines = sum(" waiting " not in line for line in file)
        os.remove(output)
        return lines

    def stream(self):
        """tail --all of 50,000 events a second: what arrives of what ended."""
        result = {"json": self.stream_of(TAIL_ALL), "text": self.stream_of(["--all"])}
        self.log("stream:", json.dumps(result))
        return result

    def burst_of(self, options):
        daemon = self.started(tail=options)
        holder = loads.hold(self.load.program, "hold-close-wait", BURST)
        time.sleep(3)  # that they wait is told
        before = daemon.counts()
        holder.stdin.close()
        holder.wait()
        time.sleep(5)
        after = daemon.counts()
        daemon.stop()
        return {"waiting": BURST, "ended": after["ended"] - before["ended"],
                "lost": after["lost"] - before["lost"], "lines": self.count_lines(daemon)}

    def burst(self):
        """tail while processes end that have many connections in CLOSE_WAIT."""
        result = {"json": self.burst_of(["--json"]), "text": self.burst_of(["--wide"])}
        self.log("burst:", json.dumps(result))
        return result

    def incident(self, how, count):
        daemon = self.started()
        result = {"rest_resident_bytes": daemon.resident(), "rest_map_bytes": daemon.map_bytes()}
        pid = daemon.processes[0].pid
        forget_most_resident(pid)
        holder = loads.hold(self.load.program, how, count)
        time.sleep(20)
        used = run_seconds(pid)
        time.sleep(10)
        begun = time.time()
        listed = daemon.answer("list", "--json").count('"close-wait"')
        list_seconds = time.time() - begun
        begun = time.time()
        explained = daemon.explain()
        status = daemon.status()
        result.update(
            tracked=status["connections"]["tracked"], listed=listed, list_seconds=list_seconds,
            explain_seconds=time.time() - begun, explained=explained,
            last_look_ms=status["looks"]["last_ms"], losses=status["losses"],
            cpu=(run_seconds(pid) - used) / (time.time() - begun + 10 + list_seconds),
            resident_bytes=daemon.resident(), most_resident_bytes=resident_bytes(pid, "VmHWM"),
            map_bytes=daemon.map_bytes())
        holder.stdin.close()
        holder.wait()
        time.sleep(5)
        result["after_resident_bytes"] = resident_bytes(pid)
        daemon.stop()
        return result

    def scan(self):
        """Waiting ones are looked for among so many connections that are open and do not wait."""
        result = self.incident("hold-open", SCANNED // 2)  # both ends are tracked
        result.pop("explained")
        self.log("scan:", json.dumps(result))
        return result

    def stuck(self):
        result = self.incident("hold-close-wait", STUCK)
        services = result["explained"].pop("services")
        result["explained"]["findings"] = [
            finding["code"] for service in services for finding in service["findings"]]
        result["explained"]["connections"] = sum(
            service["in_close_wait"] for service in services)
        self.log("stuck:", json.dumps(result))
        return result

    def churn(self):
        """Memory while connections come and go as fast as they can, with a subscriber."""
        daemon = self.started(tail=TAIL_ALL)
        pid = daemon.processes[0].pid
        begun, samples = time.time(), []
        while time.time() - begun < CHURN_SECONDS:
            made = self.load.run(10)
            os.truncate(f"{daemon.output}.1.out", 0)
            counts = daemon.counts()
            samples.append({"seconds": time.time() - begun, "resident_bytes": resident_bytes(pid),
                            "map_bytes": daemon.map_bytes(), "made": made["connections"],
                            **counts})
            self.log("churn:", json.dumps(samples[-1]))
        daemon.stop()
        return samples
