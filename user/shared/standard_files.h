/* SPDX-License-Identifier: GPL-2.0 */
/* Standard input, output and error, which whoever starts a program can have closed. */
#ifndef SLOWCLOSE_STANDARD_FILES_H
#define SLOWCLOSE_STANDARD_FILES_H

/*
 * To be called before any file is opened: else that takes the place of one that is closed, and gets
 * what is meant for it. What was closed can still neither be read nor written. Returns 0 or -errno.
 */
int standard_files_hold(void);

#endif
