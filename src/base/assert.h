/* SPDX-License-Identifier: MIT
 *
 * assert.h - what must hold, and what cannot
 *
 * LA_ASSERT is on in every build; LA_DCHECK in debug, simulator and fuzz builds (LA_DEBUG).
 * Neither may depend on what a peer sent.
 */
#ifndef LA_BASE_ASSERT_H
#define LA_BASE_ASSERT_H

#include <lastack/base.h>

#define LA_ASSERT(x) ((x) ? (void)0 : la_assert_failed(__FILE__, __LINE__, #x))

#ifdef LA_DEBUG
#define LA_DCHECK(x) LA_ASSERT(x)
#else
#define LA_DCHECK(x) ((void)sizeof(x))
#endif

#endif
