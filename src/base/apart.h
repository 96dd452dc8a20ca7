/* SPDX-License-Identifier: MIT
 *
 * apart.h - code that is run seldom, kept out of code that is run for every packet
 *
 * A compiler puts a function that has one caller into that caller, which then has registers to save
 * and lines of the instruction cache to load for what it hardly ever does.
 */
#ifndef LA_BASE_APART_H
#define LA_BASE_APART_H

#define LA_APART __attribute__((noinline))

#endif
