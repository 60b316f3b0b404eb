// SPDX-License-Identifier: GPL-2.0
#include "told.h"

#include <stddef.h>

/* After so long, one reading without a finding is enough. */
#define ABSENT_MAX_NS (5 * NSEC_PER_SEC)

/*
 * What comes again so soon, of a service of which something waits all the time, had only become
 * little for a moment: a queue that a quota empties and fills again.
 */
#define RETURNS_NS (10 * NSEC_PER_SEC)

static bool is(const struct diagnosis *diagnosis, enum finding_code code, enum verdict verdict)
{
	return diagnosis && diagnosis->findings[code].verdict == verdict;
}

static void miss(struct told *told, bool explained, int64_t now_ns)
{
	told->proven = 0;
	told->absent++;
	if (explained || told->absent >= TOLD_ABSENT_MAX ||
	    now_ns - told->proven_ns >= ABSENT_MAX_NS)
		told->shown = false;
}

/*
 * That nothing explains what waits can be because it has ended while it was read: it has to be so
 * twice.
 */
static void show(struct told *told, const struct finding *finding, int64_t read_ns, int64_t now_ns)
{
	told->absent = 0;
	if (++told->proven < 2 && finding->code == FINDING_UNDETERMINED)
		return;
	if (!told->shown && (!told->proven_ns || now_ns - told->proven_ns >= RETURNS_NS))
		told->since_ns = read_ns - finding->oldest_ns;
	told->shown = true;
	told->proven_ns = now_ns;
	told->finding = *finding;
}

/* What one brings about that this reading has missed is not news meanwhile. */
static void explain(const struct told told[FINDINGS], struct diagnosis *diagnosis)
{
	for (int code = 0; code < FINDINGS; code++) {
		if (!told[code].shown || is(diagnosis, code, VERDICT_PROVEN))
			continue;
		diagnosis->findings[code].reason[0] = '\0';
		diagnosis_explain(diagnosis, code, told[code].finding.confidence);
	}
}

/*
 * One says the opposite of the other: what this reading proves ends what an earlier one did. That
 * nothing proves why is the opposite of all.
 */
static void contradict(struct told told[FINDINGS], const struct diagnosis *diagnosis)
{
	static const enum finding_code opposites[][2] = {
		{FINDING_ACCEPT_STALLED, FINDING_ACCEPT_SLOW},
		{FINDING_CLOSE_LEAK, FINDING_IDLE_POOL},
	};

	for (size_t i = 0; i < sizeof(opposites) / sizeof(opposites[0]); i++) {
		for (int j = 0; j < 2; j++) {
			if (is(diagnosis, opposites[i][j], VERDICT_PROVEN))
				told[opposites[i][!j]].shown = false;
		}
	}
	for (int code = 0; code < FINDING_UNDETERMINED; code++) {
		if (is(diagnosis, code, VERDICT_PROVEN))
			told[FINDING_UNDETERMINED].shown = false;
	}
}

void told_update(struct told told[FINDINGS], struct diagnosis *diagnosis, int64_t read_ns,
		 int64_t now_ns)
{
	for (int code = 0; code < FINDINGS; code++) {
		if (!is(diagnosis, code, VERDICT_PROVEN))
			miss(&told[code], is(diagnosis, code, VERDICT_EXPLAINED), now_ns);
	}
	if (!diagnosis)
		return;
	contradict(told, diagnosis);
	explain(told, diagnosis);
	for (int code = 0; code < FINDINGS; code++) {
		if (is(diagnosis, code, VERDICT_PROVEN))
			show(&told[code], &diagnosis->findings[code], read_ns, now_ns);
	}
}
