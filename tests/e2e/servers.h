/* SPDX-License-Identifier: GPL-2.0 */
/* Servers that fail, each in its own way; and two that do not. They run in a child. */
#ifndef E2E_SERVERS_H
#define E2E_SERVERS_H

#include "cgroup.h"
#include "child.h"

/* Takes what comes, for as long as it may run, and answers at once. */
child_function server_prompt;

/* Has no descriptor left until it is told, of 32. */
child_function server_exhausted;

child_function server_deadlocked;

/* A thread for each connection, all of which wait for a mutex that the first of them keeps. */
child_function server_locked;

/* Two processes that accept in turn, with a lock around it. When told, it stops the one that is in
 * there, and says so. */
child_function server_taking_turns;

/* Accepts one connection and ends; its child keeps the listener, and does nothing. */
child_function server_leaving;

/* A thread accepts and reads nothing; the main thread waits for it to end. */
child_function server_joining;

/* The log of these, on a disk that hangs. It is set before they start. */
#define SERVER_LOG_SIZE 80
extern char server_log[SERVER_LOG_SIZE];

/* Says when it writes to its log, which it does before it accepts. */
child_function server_logging;

/* The stalled application: a thread for each connection, which reads a byte, says so, and writes to
 * the log. */
child_function server_threaded;

/* Reads to the end and closes nothing. */
child_function server_leaking;

/* Each connection is inherited by a process that has nothing to do with it. */
child_function server_forking;

/* Each connection is left to a process of its own, which stops. */
child_function server_handing_over;

/* Takes one connection and sleeps, in futex for a limited time, beside threads without work. */
child_function server_parked;

/* Of one connection: goes on sending after its client has closed its half, until it is told; it
 * says when it has closed, and ends when told. */
child_function server_sending;

/* Closes each connection at once. */
child_function server_closing;

/* Has done with each connection after five seconds, in a thread of its own: closes it, or answers
 * it before. */
child_function server_slow;
child_function server_answering_late;

/* Work on one CPU, half a second of it for each request, beside four others that never rest. */
child_function server_starved;

/* Accepts and does not read, and has forty threads with something to do twenty times a second, on
 * one CPU that nobody gets for a twentieth of each second. */
child_function server_interrupted;

/* Starved in this cgroup, whose quota one other uses up. It says when it is in there. */
extern struct cgroup server_cgroup;
child_function server_throttled;

/* Four threads on one CPU that never rest and never accept. */
child_function server_busy;

#endif
