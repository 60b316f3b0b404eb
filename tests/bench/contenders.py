# SPDX-License-Identifier: GPL-2.0
"""What is compared: each is started, looked at while a load runs, and stopped."""
import atexit
import json
import os
import signal
import subprocess
import time

TAIL_ALL = ("--all", "--json")

CLOCK_TICK = os.sysconf("SC_CLK_TCK")

CLOSE_WAIT_SCRIPT = """
tracepoint:sock:inet_sock_set_state /args->newstate == 8/ { @begin[args->skaddr] = nsecs; }
tracepoint:sock:inet_sock_set_state /args->oldstate == 8 && @begin[args->skaddr]/ {
    @close_wait = hist(nsecs - @begin[args->skaddr]); delete(@begin[args->skaddr]);
}
"""

# The system call returns a descriptor only; kretprobe:inet_csk_accept needs kprobes.
ACCEPT_WAIT_SCRIPT = """
tracepoint:sock:inet_sock_set_state /args->newstate == 1 && args->oldstate == 3/ {
    @begin[(uint64)args->skaddr] = nsecs;
}
tracepoint:syscalls:sys_exit_accept, tracepoint:syscalls:sys_exit_accept4 /args->ret >= 0/ {
    $task = (struct task_struct *)curtask;
    $file = *($task->files->fdt->fd + args->ret);
    $socket = (struct socket *)$file->private_data;
    $sk = (uint64)$socket->sk;
    if (@begin[$sk]) { @accept_wait = hist(nsecs - @begin[$sk]); delete(@begin[$sk]); }
}
tracepoint:sock:inet_sock_set_state /args->newstate == 7/ { delete(@begin[(uint64)args->skaddr]); }
"""


def bpftool(*arguments):
    return json.loads(subprocess.check_output(["bpftool", "-j", *arguments]))


def cpu_seconds(pid):
    """User and system time of a process and of the children that it has waited for."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / CLOCK_TICK


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as file:
        return [int(child) for child in file.read().split()]


def run_seconds(pid):
    """The same, in nanoseconds and not in ticks, without children."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e9


def held_ids(pid, kind):
    """The ids of BPF objects of that kind that a process has descriptors of."""
    ids = set()
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        try:
            with open(f"/proc/{pid}/fdinfo/{fd}") as file:
                ids.update(int(line.split()[1]) for line in file if line.startswith(f"{kind}_id:"))
        except FileNotFoundError:  # closed meanwhile
            pass
    return ids


def resident_bytes(pid, field="VmRSS"):
    with open(f"/proc/{pid}/status") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return None


def forget_most_resident(pid):
    """From now on resident_bytes(pid, "VmHWM") is the most since then."""
    with open(f"/proc/{pid}/clear_refs", "w") as file:
        file.write("5")


class Contender:
    """Commands that run together; the first is the one whose memory is looked at."""

    def __init__(self, name, *commands, ready=None, seconds=1.0, has_children=False):
        self.name = name
        self.commands = commands
        self.ready = ready  # what the first says on stderr when it is attached
        self.seconds = seconds  # else, how long that takes
        self.has_children = has_children
        self.processes = []

    def start(self, directory, slow=None):
        """slow: the close wait from which slowclosed calls a close slow."""
        self.output = os.path.join(directory, self.name)
        atexit.register(self.stop)  # after an error, too, nothing stays attached
        for i, command in enumerate(self.commands):
            command = self.with_threshold(command, slow) if not i else command
            output = open(f"{self.output}.{i}.out", "w") if i else subprocess.DEVNULL
            errors = open(f"{self.output}.{i}.err", "w+")
            self.processes.append(subprocess.Popen(command, stdout=output, stderr=errors))
            self.await_ready(self.processes[-1], f"{self.output}.{i}.err", i == 0)

    def with_threshold(self, command, slow):
        return command

    def await_ready(self, process, errors, first):
        deadline = time.time() + 20
        if not first or not self.ready:
            time.sleep(self.seconds)
        while first and self.ready and self.ready not in open(errors).read():
            if process.poll() is not None or time.time() > deadline:
                break
            time.sleep(0.02)
        if process.poll() is not None:
            raise RuntimeError(f"{self.name} did not start: {open(errors).read()[-300:]}")

    def stop(self):
        for process in reversed(self.processes):
            process.send_signal(signal.SIGINT)
        for process in reversed(self.processes):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []

    def own(self, kind):
        """What of the kernel's programs ("prog") or maps ("map") the processes hold."""
        held = set().union(*(held_ids(process.pid, kind) for process in self.processes))
        return [one for one in bpftool(kind, "show") if one["id"] in held] if held else []

    def bpf(self):
        """Run time in ns and runs of each program of this contender."""
        return {program["name"]: (program.get("run_time_ns", 0), program.get("run_cnt", 0))
                for program in self.own("prog")}

    def map_bytes(self):
        return sum(one.get("bytes_memlock", 0) for one in self.own("map"))

    def user_seconds(self):
        if not self.has_children:
            return sum(run_seconds(process.pid) for process in self.processes)
        return sum(cpu_seconds(pid) for process in self.processes
                   for pid in (process.pid, *children_of(process.pid)))

    def resident(self):
        return resident_bytes(self.processes[0].pid) if self.processes else 0

    def counts(self):
        """Ended connections seen, and of these lost; None: it cannot tell."""
        return None

    def is_scan(self, program):
        return False


class Slowclosed(Contender):
    """tail: the options of a slowclose tail beside it."""

    def __init__(self, name, build, socket, *options, tail=None):
        self.ask = [os.path.join(build, "slowclose")]
        self.at = ["--socket", socket]
        daemon = [os.path.join(build, "slowclosed"), "--backend=tracepoint", *self.at, *options]
        commands = [daemon]
        if tail is not None:
            commands.append([*self.ask, "tail", *tail, *self.at])
        super().__init__(name, *commands, ready="ready", seconds=0.3)

    def with_threshold(self, command, slow):
        return [*command, f"--close-wait={slow}"] if slow else command

    def answer(self, *arguments):
        return subprocess.check_output([*self.ask, *arguments, *self.at], text=True)

    def explain(self):
        """Its status is 1 where there are findings."""
        command = [*self.ask, "explain", "--json", *self.at]
        return json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=False).stdout)

    def status(self):
        return json.loads(self.answer("status", "--json"))

    def counts(self):
        status = self.status()
        return {
            "ended": status["records"] + status["folded"],
            "lost": sum(count or 0 for count in status["losses"].values()),
        }

    def is_scan(self, program):
        return not program.startswith(("sc_state", "sc_destroy", "sc_exit"))


def all_contenders(build, socket):
    def slowclosed(name, stream, **options):
        return Slowclosed(name, build, socket, f"--stream={stream}", **options)

    every_second = "while :; do ss -tnp; sleep 1; done"
    return [
        Contender("nothing"),
        Contender("floor", [os.path.join(build, "tests/bench/floor")], ready="ready"),
        slowclosed("slowclosed", "all"),
        slowclosed("slowclosed, slow only", "slow"),
        slowclosed("slowclosed, tail --all", "all", tail=TAIL_ALL),
        slowclosed("slowclosed, slow only, tail --all", "slow", tail=TAIL_ALL),
        Contender("tcplife", ["tcplife"], seconds=1.5),
        Contender("tcpstates", ["tcpstates"], seconds=1.5),
        Contender("bpftrace close wait", ["bpftrace", "-e", CLOSE_WAIT_SCRIPT], seconds=4),
        Contender("bpftrace accept wait", ["bpftrace", "-e", ACCEPT_WAIT_SCRIPT], seconds=4),
        Contender("ss -tnp", ["bash", "-c", every_second], seconds=0, has_children=True),
    ]
