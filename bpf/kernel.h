/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel types that are read, and only the fields that are read. CO-RE finds each field in the
 * running kernel by its name, so order and size do not matter here. What differs between kernels
 * is here and nowhere else, each with the version it came with.
 */
#ifndef SLOWCLOSE_KERNEL_H
#define SLOWCLOSE_KERNEL_H

typedef signed char __s8;
typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum; /* bpf_helper_defs.h names it */
typedef _Bool bool;

#define true 1
#define false 0
#define NULL ((void *)0)

/* include/uapi/linux/bpf.h */
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
};
enum {
	BPF_F_NO_PREALLOC = 1U << 0,
	BPF_F_MMAPABLE = 1U << 10,
};
enum {
	BPF_RB_NO_WAKEUP = 1U << 0,
	BPF_RB_FORCE_WAKEUP = 1U << 1,
};
enum {
	BPF_RB_AVAIL_DATA = 0,
};
/* Those that not every kernel has. */
enum bpf_func_id {
	BPF_FUNC_task_pt_regs = 175, /* since 5.15 */
};
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
};

/* include/net/tcp_states.h */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_CLOSE,
	TCP_CLOSE_WAIT,
	TCP_LAST_ACK,
	TCP_LISTEN,
	TCP_CLOSING,
};

#define AF_INET6 10
#define IPPROTO_TCP 6
#define IPPROTO_MPTCP 262

/* include/uapi/asm-generic/errno*.h; no architecture with BPF differs. */
#define E2BIG 7
#define EEXIST 17
#define EPIPE 32
#define ECONNABORTED 103
#define ECONNRESET 104

#define EINTR 4
#define EAGAIN 11
#define ERESTARTSYS 512 /* and the three after it: the system call is restarted */
#define S_IFMT 00170000
#define S_IFSOCK 0140000

#define PF_EXITING 0x00000004 /* include/linux/sched.h */
#define PF_KTHREAD 0x00200000
#define SHUTDOWN_MASK 3 /* include/net/sock.h: both directions, as close() sets it first */
#define TFO_SERVER_ENABLE 2 /* bit of the sysctl tcp_fastopen, include/net/tcp.h */
#define SOCK_DONE 1 /* bit of sk_flags, include/net/sock.h: the peer's FIN has arrived */

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	long counter;
} atomic_long_t;

/* Since 6.13 struct file counts its references in f_ref, before in f_count. */
typedef struct {
	atomic_long_t refcnt;
} file_ref_t;

struct inode {
	unsigned short i_mode;
};

struct file {
	atomic_long_t f_count;
	struct inode *f_inode;
	void *private_data;
};

struct file___since_6_13 {
	file_ref_t f_ref;
};

struct hlist_head {
	void *first;
};

struct fdtable {
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct sched_entity {
	__u64 sum_exec_runtime;
};

struct sched_info {
	unsigned long long run_delay;
};

struct task_struct {
	void *stack;
	unsigned int flags;
	unsigned int __state;
	int exit_state;
	int pid;
	int tgid;
	char comm[16];
	struct task_struct *group_leader;
	struct files_struct *files;
	struct sched_entity se;
	struct sched_info sched_info; /* CONFIG_SCHED_INFO, which taskstats and schedstats need */
	unsigned long nvcsw;
	unsigned long nivcsw;
};

/* Before 5.14. */
struct task_struct___pre_5_14 {
	volatile long state;
};

#define THREAD_SIZE 16384 /* of x86-64, and of arm64 with pages of 4 or 16 KiB */

/* include/uapi/linux/futex.h */
#define FUTEX_WAIT 0
#define FUTEX_PRIVATE_FLAG 128

/* A thread's registers in user space, from which system calls take their arguments. */
struct pt_regs {
};

struct pt_regs___x86 {
	unsigned long r10;
	unsigned long dx;
	unsigned long si;
};

struct pt_regs___arm64 {
	__u64 regs[31];
};

struct socket {
	struct file *file;
	struct sock *sk;
};

struct ns_common {
	unsigned int inum;
};

struct netns_core {
	int sysctl_somaxconn;
};

/* Of another width before 5.14: read with BPF_CORE_READ_BITFIELD(). */
struct netns_ipv4 {
	__u8 sysctl_tcp_fastopen;
};

struct net {
	struct ns_common ns;
	struct netns_core core;
	struct netns_ipv4 ipv4;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	unsigned long skc_flags;
};

typedef struct {
	int owned;
} socket_lock_t;

typedef struct {
	int counter;
} atomic_t;

struct sock {
	struct sock_common __sk_common;
	int sk_err;
	struct socket *sk_socket;
	socket_lock_t sk_lock;
	__u16 sk_protocol;
	__u8 sk_shutdown;
	atomic_t sk_drops;
	__u32 sk_ack_backlog; /* children in the accept queue, */
	__u32 sk_max_ack_backlog; /* and how many may be there but for one */
};

struct tcp_sock {
	__u32 copied_seq;
	__u32 rcv_nxt;
	__u32 snd_nxt;
	__u32 write_seq;
	__u64 bytes_received;
	__u64 bytes_sent;
	__u64 bytes_retrans;
	__u64 bytes_acked;
	__u32 snd_una; /* the first byte that the peer has not acknowledged */
	void *fastopen_rsk; /* of a child that is queued in SYN_RECV */
	__u64 tcp_clock_cache; /* CLOCK_MONOTONIC in ns: when the last segment came or went */
};

/* Since 5.6, where the kernel is built with MPTCP (Debian's 5.10 is not). */
struct tcp_sock___mptcp {
	bool is_mptcp;
};

struct mptcp_sock {
	struct sock *first; /* first subflow */
};

struct inet_connection_sock {
	void *icsk_ulp_data; /* of a subflow the following */
};

struct mptcp_subflow_context {
	struct sock *conn; /* the MPTCP socket */
};

/* Since 6.10 inet_csk_accept() takes the listener and this, before four arguments. */
struct proto_accept_arg;

struct trace_event_raw_sys_exit {
	long ret;
};

/* What an iterator's program is given; the pointers are NULL at the end. */
struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	void *key;
	void *value;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

#pragma clang attribute pop

#endif
