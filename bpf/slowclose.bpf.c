// SPDX-License-Identifier: GPL-2.0
/* The hooks. Each only unpacks its arguments; what they mean is in conn.bpf.h. */
#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "conn.bpf.h"
#include "scan.bpf.h"
#include "thread.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * A task that is preempted in a program keeps it from running for all others on that CPU: it goes
 * unseen what they do meanwhile, and a thousand threads can block any number of looks. So
 * preemption is off where the kernel can do that (since 6.10); what is left of the risk is the
 * moment before.
 */
extern void bpf_preempt_disable(void) __weak __ksym;
extern void bpf_preempt_enable(void) __weak __ksym;
const volatile bool can_disable_preemption;

#define WITHOUT_PREEMPTION(statement)                                                              \
	do {                                                                                       \
		if (can_disable_preemption)                                                        \
			bpf_preempt_disable();                                                     \
		statement;                                                                         \
		if (can_disable_preemption)                                                        \
			bpf_preempt_enable();                                                      \
	} while (0)

/* Both backends. */

/* The looks at each transition. How many run: see hooks.c. */
#define STATE_LOOK(name)                                                                           \
	SEC("tp_btf/inet_sock_set_state")                                                          \
	int BPF_PROG(name, struct sock *sk, int old, int new)                                      \
	{                                                                                          \
		WITHOUT_PREEMPTION(conn_transition(sk, old, new));                                 \
		return 0;                                                                          \
	}

STATE_LOOK(sc_state_1)
STATE_LOOK(sc_state_2)
STATE_LOOK(sc_state_3)
STATE_LOOK(sc_state_4)

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(sc_destroy, struct sock *sk)
{
	WITHOUT_PREEMPTION(conn_destroyed(sk));
	return 0;
}

/* Backend fentry. */

/* Sees every accept(): threads that blocked before this was attached, io_uring, MPTCP. */
SEC("fentry/security_sock_graft")
int BPF_PROG(sc_graft, struct sock *sk)
{
	WITHOUT_PREEMPTION(conn_accepted(sk));
	return 0;
}

SEC("fexit/inet_csk_accept")
int BPF_PROG(sc_accept, struct sock *listener, struct proto_accept_arg *arg, struct sock *child)
{
	if (child)
		WITHOUT_PREEMPTION(conn_accepted(child));
	return 0;
}

SEC("fexit/inet_csk_accept")
int BPF_PROG(sc_accept_before_6_10, struct sock *listener, int flags, int *error, bool kern,
	     struct sock *child)
{
	if (child)
		WITHOUT_PREEMPTION(conn_accepted(child));
	return 0;
}

/* inet_csk_accept() is not reached without a descriptor. io_uring comes another way. */
SEC("fexit/__sys_accept4")
int BPF_PROG(sc_accept_failed, int fd, void *addr, void *addrlen, int flags, int ret)
{
	if (ret < 0)
		WITHOUT_PREEMPTION(accept_failed(-ret));
	return 0;
}

SEC("fentry/tcp_close")
int BPF_PROG(sc_close, struct sock *sk)
{
	WITHOUT_PREEMPTION(conn_closing(sk));
	return 0;
}

/* Backend tracepoint. */

/* The socket behind a descriptor of the current task, as a key only: it is not held. */
static __always_inline struct sock *sock_of_fd(long fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file = NULL;
	struct socket *socket;

	if (fd < 0 || fd >= BPF_CORE_READ(table, max_fds))
		return NULL;
	if (bpf_probe_read_kernel(&file, sizeof(file), files + fd))
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

static __always_inline void accept_returned(long ret)
{
	if (ret >= 0)
		conn_accepted(sock_of_fd(ret));
	else
		accept_failed(-ret);
}

SEC("tp/syscalls/sys_exit_accept")
int sc_exit_accept(struct trace_event_raw_sys_exit *ctx)
{
	WITHOUT_PREEMPTION(accept_returned(ctx->ret));
	return 0;
}

SEC("tp/syscalls/sys_exit_accept4")
int sc_exit_accept4(struct trace_event_raw_sys_exit *ctx)
{
	WITHOUT_PREEMPTION(accept_returned(ctx->ret));
	return 0;
}
