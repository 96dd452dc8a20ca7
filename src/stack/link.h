/* SPDX-License-Identifier: MIT
 *
 * link.h - the interface that links implement, for the rooms below the public headers
 */
#ifndef LA_STACK_LINK_H
#define LA_STACK_LINK_H

#include <lastack/link.h>

#endif
