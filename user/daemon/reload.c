// SPDX-License-Identifier: GPL-2.0
#include "reload.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <systemd/sd-daemon.h>

#include "clock.h"
#include "log.h"
#include "render.h"
#include "service.h"

static void keep_for_restart(struct reload *reload, size_t i)
{
	reload->waiting |= 1UL << i;
	log_warning("%s: the new value holds from the next start on (systemctl restart slowclosed)",
		    settings_name(i));
}

/* Puts into use what can change now. */
static void take(struct reload *reload, const struct settings *read)
{
	struct settings settings = reload->service->settings;
	bool changed = false;

	reload->waiting = 0;
	for (size_t i = 0; settings_name(i); i++) {
		if (settings_same(read, &settings, i))
			continue;
		if (settings_is_live(i)) {
			settings_copy(&settings, read, i);
			changed = true;
			log_info("%s: the new value holds from now on", settings_name(i));
		} else {
			keep_for_restart(reload, i);
		}
	}
	if (changed)
		service_set(reload->service, &settings);
}

static void read_again(struct reload *reload)
{
	char text[CONFIG_TEXT_SIZE];
	struct settings settings;

	reload->failed = config_read(&settings, reload->source, &reload->error) < 0;
	if (reload->failed) {
		log_error("the configuration stays as it was: %s",
			  config_error_text(&reload->error, text));
		return;
	}
	take(reload, &settings);
	reload->read_ns = clock_ns(CLOCK_REALTIME);
	log_info("the configuration was read again");
}

static int on_hangup(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata)
{
	(void)source, (void)info;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64, clock_monotonic_ns() / 1000);
	read_again(userdata);
	sd_notify(0, "READY=1");
	return 0;
}

int reload_hold(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	return sigprocmask(SIG_BLOCK, &signals, NULL) < 0 ? -errno : 0;
}

int reload_prepare(struct reload *reload, struct service *service,
		   const struct config_source *source)
{
	int r;

	reload->service = service;
	reload->source = source;
	reload->read_ns = service->started_ns;
	r = sd_event_add_signal(watch_loop(service->watch), NULL, SIGHUP, on_hangup, reload);
	return r < 0 ? r : 0;
}

static json_t *error_json(const struct config_error *error)
{
	char text[CONFIG_TEXT_SIZE];
	json_t *key = *error->key ? json_string(error->key) : json_null();
	json_t *line = error->line ? json_integer(error->line) : json_null();

	return json_pack("{s:s, s:s, s:o, s:o}", "text", config_error_text(error, text), "file",
			 error->file, "line", line, "key", key);
}

json_t *reload_json(const struct reload *reload)
{
	json_t *waiting = json_array();
	char time[RENDER_TIME_SIZE];

	for (size_t i = 0; settings_name(i); i++) {
		if (reload->waiting & 1UL << i)
			json_array_append_new(waiting, json_string(settings_name(i)));
	}
	return json_pack("{s:s, s:s, s:o, s:o}", "file", reload->source->file, "read",
			 render_time(reload->read_ns, time), "error",
			 reload->failed ? error_json(&reload->error) : json_null(), "needs_restart",
			 waiting);
}
