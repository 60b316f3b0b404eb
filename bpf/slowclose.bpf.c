// SPDX-License-Identifier: GPL-2.0
/* The hooks. Each only unpacks its arguments; what they mean is in conn.bpf.h. */
#include "kernel.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "conn.bpf.h"
#include "follow.bpf.h"
#include "scan.bpf.h"
#include "thread.bpf.h"
#include "walk.bpf.h"

char LICENSE[] SEC("license") = "GPL";

/*
 * A task that is preempted in a program keeps it from running for all others on that CPU: it goes
 * unseen what they do meanwhile, and a thousand threads can block any number of looks. So
 * preemption is off where the kernel can do that (since 6.10); what is left of the risk is the
 * moment before. In tracepoints it was off anyway before 7.0. User space sets both.
 */
extern void bpf_preempt_disable(void) __weak __ksym;
extern void bpf_preempt_enable(void) __weak __ksym;
const volatile bool disable_preemption;
const volatile bool disable_preemption_in_tracepoints;

#define WITHOUT_PREEMPTION_IF(wanted, statement)                                                   \
	do {                                                                                       \
		if (wanted)                                                                        \
			bpf_preempt_disable();                                                     \
		statement;                                                                         \
		if (wanted)                                                                        \
			bpf_preempt_enable();                                                      \
	} while (0)
#define WITHOUT_PREEMPTION(statement) WITHOUT_PREEMPTION_IF(disable_preemption, statement)
#define WITHOUT_PREEMPTION_IN_TRACEPOINT(statement)                                                \
	WITHOUT_PREEMPTION_IF(disable_preemption_in_tracepoints, statement)

/* Both backends. */

/*
 * One of the looks at a transition. The handlers may run again, but have nothing to do then, and to
 * find that out they look the connection up. So a look that came to its end leaves a mark on its
 * CPU for those that follow, and the last one removes it: left behind, it could pass for that of
 * the next connection at this address.
 */
static __always_inline void look(struct sock *sk, int old, int new, bool first, bool last)
{
	__u64 transition = (__u64)old << 32 | new;
	struct conn_cpu *cpu;

	if (!is_news(old, new) || (sk->sk_protocol != IPPROTO_TCP && !is_mptcp(sk)))
		return;
	cpu = this_cpu();
	if (!cpu)
		return;
	if (first || cpu->looked != (__u64)sk || cpu->looked_transition != transition) {
		cpu->looked = 0;
		WITHOUT_PREEMPTION_IN_TRACEPOINT(conn_transition(sk, old, new));
		cpu->looked_transition = transition;
	}
	cpu->looked = last ? 0 : (__u64)sk;
}

#define STATE_LOOK(name, first, last)                                                              \
	SEC("tp_btf/inet_sock_set_state")                                                          \
	int BPF_PROG(name, struct sock *sk, int old, int new)                                      \
	{                                                                                          \
		look(sk, old, new, first, last);                                                   \
		return 0;                                                                          \
	}

/* How many run: see load.c. They run in the order in which they are attached, which is this. */
STATE_LOOK(sc_state_1, true, false)
STATE_LOOK(sc_state_2, false, false)
STATE_LOOK(sc_state_3, false, false)
STATE_LOOK(sc_state_last, false, true)

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(sc_destroy, struct sock *sk)
{
	WITHOUT_PREEMPTION_IN_TRACEPOINT(conn_destroyed(sk));
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

/*
 * The socket behind a descriptor that the current task has just got, as a key only: it is not held.
 * Tables of descriptors never shrink, so there is such an entry.
 */
static __always_inline struct sock *sock_of_new_fd(long fd)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	struct file **files, *file = NULL;
	struct socket *socket;

	if (has_rdonly_cast) {
		files = FOLLOW(task, struct task_struct)->files->fdt->fd;
		socket = FOLLOW_AT(files + fd, struct file)->private_data;
		return FOLLOW(socket, struct socket)->sk;
	}
	files = BPF_CORE_READ(task, files, fdt, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), files + fd))
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return BPF_CORE_READ(socket, sk);
}

static __always_inline void accept_returned(long ret)
{
	struct sock *sk;

	if (ret < 0) {
		accept_failed(-ret);
		return;
	}
	sk = sock_of_new_fd(ret);
	if (sk) /* another thread can have closed it already, whose it was not */
		conn_accepted(sk);
}

SEC("tp/syscalls/sys_exit_accept")
int sc_exit_accept(struct trace_event_raw_sys_exit *ctx)
{
	WITHOUT_PREEMPTION_IN_TRACEPOINT(accept_returned(ctx->ret));
	return 0;
}

SEC("tp/syscalls/sys_exit_accept4")
int sc_exit_accept4(struct trace_event_raw_sys_exit *ctx)
{
	WITHOUT_PREEMPTION_IN_TRACEPOINT(accept_returned(ctx->ret));
	return 0;
}
