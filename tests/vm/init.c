// SPDX-License-Identifier: GPL-2.0
/*
 * The first process of a test machine: sets the machine up, runs one command, tells how it ended
 * and powers off.
 *
 * It talks to tests/vm/run through the kernel log, in lines that start with "slowclose-vm:". The
 * command's own output goes to a serial port of its own, so that no kernel message can fall into
 * it.
 */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#ifdef __aarch64__
#define OUTPUT_PORT "/dev/ttyAMA1"
#else
#define OUTPUT_PORT "/dev/ttyS1"
#endif
#define MODULE_LIST "/vm/modules.list"
#define NOFILE_MAX (1 << 20)

struct mount_point {
	const char *type;
	const char *path;
};

/* In this order: some of these directories exist only once an earlier line is mounted. */
static const struct mount_point mount_points[] = {
	{"devtmpfs", "/dev"},
	{"proc", "/proc"},
	{"sysfs", "/sys"},
	{"devpts", "/dev/pts"},
	{"tmpfs", "/dev/shm"},
	{"tmpfs", "/tmp"},
	{"tmpfs", "/run"},
	{"cgroup2", "/sys/fs/cgroup"},
	{"bpf", "/sys/fs/bpf"},
	{"tracefs", "/sys/kernel/tracing"},
	{"debugfs", "/sys/kernel/debug"},
};

/* One write to /dev/kmsg is one record: the kernel cannot break it up. */
__attribute__((format(printf, 1, 2))) static void say(const char *format, ...)
{
	char line[512];
	va_list args;
	int fd, len;

	len = snprintf(line, sizeof(line), "<2>slowclose-vm: ");
	va_start(args, format);
	len += vsnprintf(line + len, sizeof(line) - len - 1, format, args);
	va_end(args);
	if (len > (int)sizeof(line) - 2)
		len = sizeof(line) - 2;
	/* Without it the kernel holds the record back until the next one. */
	strcpy(line + len, "\n");

	fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, line, strlen(line)) < 0)
		fprintf(stderr, "%s", line);
	if (fd >= 0)
		close(fd);
}

_Noreturn static void power_off(void)
{
	sync();
	reboot(RB_POWER_OFF);
	/* A kernel that cannot power off would leave the machine to run into the time limit. */
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

/* For what must work before the command can be run. */
__attribute__((format(printf, 1, 2))) _Noreturn static void give_up(const char *format, ...)
{
	char reason[384];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	say("failed %s", reason);
	power_off();
}

static void mount_all(void)
{
	const struct mount_point *point;
	size_t i;

	for (i = 0; i < sizeof(mount_points) / sizeof(mount_points[0]); i++) {
		point = &mount_points[i];
		mkdir(point->path, 0755);
		if (mount(point->type, point->path, point->type, 0, NULL) && errno != EBUSY)
			give_up("mount %s on %s: %s", point->type, point->path, strerror(errno));
	}
	chmod("/tmp", 01777);
	chmod("/dev/shm", 01777);
}

static void write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		give_up("write %s to %s: %s", value, path, strerror(errno));
	close(fd);
}

/* The list names one file a line, each behind those it depends on. */
static void load_modules(void)
{
	char *path = NULL;
	size_t size = 0;
	ssize_t len;
	FILE *list;
	int fd;

	list = fopen(MODULE_LIST, "re");
	if (!list)
		give_up("open " MODULE_LIST ": %s", strerror(errno));

	while ((len = getline(&path, &size, list)) > 0) {
		if (path[len - 1] == '\n')
			path[len - 1] = '\0';
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) && errno != EEXIST))
			give_up("load module %s: %s", path, strerror(errno));
		close(fd);
	}
	free(path);
	fclose(list);
}

static void bring_up_loopback(void)
{
	struct ifreq request = {.ifr_name = "lo"};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request))
		give_up("read the flags of lo: %s", strerror(errno));
	request.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &request))
		give_up("bring lo up: %s", strerror(errno));
	close(fd);
}

static void raise_limits(void)
{
	struct rlimit nofile = {.rlim_cur = NOFILE_MAX, .rlim_max = NOFILE_MAX};
	char number[16];

	snprintf(number, sizeof(number), "%d", NOFILE_MAX);
	write_file("/proc/sys/fs/nr_open", number);
	write_file("/proc/sys/fs/file-max", number);
	if (setrlimit(RLIMIT_NOFILE, &nofile))
		give_up("raise RLIMIT_NOFILE: %s", strerror(errno));
}

/* Raw, or the terminal layer would put a carriage return before each newline. */
static int open_output(void)
{
	struct termios settings;
	int fd = open(OUTPUT_PORT, O_WRONLY | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 || tcgetattr(fd, &settings))
		give_up("open " OUTPUT_PORT ": %s", strerror(errno));
	cfmakeraw(&settings);
	cfsetspeed(&settings, B115200);
	settings.c_cflag |= CLOCAL;
	if (tcsetattr(fd, TCSANOW, &settings))
		give_up("set up " OUTPUT_PORT ": %s", strerror(errno));
	return fd;
}

_Noreturn static void exec_command(char **argv, int output)
{
	int input = open("/dev/null", O_RDONLY | O_CLOEXEC);

	setsid();
	if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0 ||
	    dup2(output, STDERR_FILENO) < 0) {
		say("cannot redirect the command: %s", strerror(errno));
		_exit(127);
	}
	execvp(argv[0], argv);
	say("cannot run %s: %s", argv[0], strerror(errno));
	_exit(127);
}

/* Returns the exit status as a shell would give it. Reaps whatever else ends in the meantime. */
static int wait_for(pid_t command)
{
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(-1, &status, 0);
		if (pid == command)
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		if (pid < 0 && errno != EINTR)
			give_up("wait for the command: %s", strerror(errno));
	}
}

static unsigned long read_taint(void)
{
	unsigned long taint = 0;
	FILE *file = fopen("/proc/sys/kernel/tainted", "re");

	if (!file || fscanf(file, "%lu", &taint) != 1)
		give_up("read /proc/sys/kernel/tainted: %s", strerror(errno));
	fclose(file);
	return taint;
}

/* The arguments are the command: the kernel passes on what follows "--" on its command line. */
int main(int argc, char **argv)
{
	int output, status;
	pid_t pid;

	setenv("PATH", "/bin:/sbin:/usr/bin:/usr/sbin", 1);
	setenv("HOME", "/root", 1);
	mount_all();
	if (argc < 2)
		give_up("run a command: none given");
	sethostname("vm", 2);
	raise_limits();
	load_modules();
	bring_up_loopback();
	output = open_output();

	say("start");
	pid = fork();
	if (pid < 0)
		give_up("fork: %s", strerror(errno));
	if (!pid)
		exec_command(argv + 1, output);
	status = wait_for(pid);
	tcdrain(output);
	say("end status=%d taint=%lu", status, read_taint());
	power_off();
}
