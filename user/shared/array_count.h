/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SLOWCLOSE_ARRAY_COUNT_H
#define SLOWCLOSE_ARRAY_COUNT_H

/* How many elements an array has, which must be one and no pointer. */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#endif
