// SPDX-License-Identifier: GPL-2.0
/* Attaches the programs of a BPF object, says "ready", and stays until a signal. */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void die(const char *what, int error)
{
	fprintf(stderr, "floor: %s: %s\n", what, strerror(-error));
	exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	struct bpf_program *program;
	struct bpf_object *object;
	int r;

	if (argc != 2) {
		fputs("usage: floor OBJECT\n", stderr);
		return EXIT_FAILURE;
	}
	object = bpf_object__open_file(argv[1], NULL);
	if (!object)
		die("cannot open the object", -1);
	r = bpf_object__load(object);
	if (r < 0)
		die("cannot load the programs", r);
	bpf_object__for_each_program(program, object)
	{
		if (!bpf_program__attach(program))
			die(bpf_program__name(program), -1);
	}
	fputs("floor: ready\n", stderr);
	pause();
	return EXIT_SUCCESS;
}
