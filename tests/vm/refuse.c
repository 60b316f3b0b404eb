// SPDX-License-Identifier: GPL-2.0
/*
 * Runs a command on a kernel that refuses iterators over the elements of a map: that is how a
 * micro-VM kernel 6.18 was found to be, where slowclosed walks its maps instead (docs/kernel.md).
 */
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "refuse.skel.h"

_Noreturn static void die(const char *what)
{
	fprintf(stderr, "refuse: %s: %s\n", what, strerror(errno));
	exit(125);
}

static __u32 element_iterator(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int id = btf ? btf__find_by_name_kind(btf, "bpf_iter_bpf_map_elem", BTF_KIND_FUNC) : -1;

	if (id < 0)
		die("cannot find the iterator in the kernel's types");
	btf__free(btf);
	return (__u32)id;
}

static void refuse(void)
{
	struct refuse_bpf *skel = refuse_bpf__open();

	if (!skel)
		die("cannot open the program");
	skel->rodata->element_iterator = element_iterator();
	if (refuse_bpf__load(skel))
		die("cannot load the program");
	if (refuse_bpf__attach(skel))
		die("cannot attach the program: is bpf among the kernel's security modules?");
	/* It stays when this program has gone. */
	if (bpf_link__pin(skel->links.refuse, "/sys/fs/bpf/refuse"))
		die("cannot keep the program");
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("usage: refuse COMMAND ARGS\n", stderr);
		return 125;
	}
	refuse();
	execv(argv[1], argv + 1);
	die(argv[1]);
}
