/* SPDX-License-Identifier: MIT
 *
 * blocks.h - SACK blocks that we report: runs beyond RCV.NXT, and what arrived twice
 *
 * The run that text was added to last is the first block (RFC 2018 4); a duplicate stands before
 * it, once (RFC 2883 4).
 */
#ifndef LA_TCP_BLOCKS_H
#define LA_TCP_BLOCKS_H

#include "tcp/conn.h"
#include "wire/tcp.h"

/* The n octets from `first` on had been received before. Only the first such range of a segment is
 * reported, and of the latest segment (RFC 2883 4, 4.2). The caller wants the acknowledgement. */
void la_tcp_blocks_duplicate(struct la_tcp_conn *c, la_seq first, uint32_t n,
                             struct la_tcp_todo *todo);
/* How many there are to report. */
unsigned la_tcp_blocks_n(const struct la_tcp_conn *c, const struct la_tcp_busy *busy);
/* Fills the SACK option of a segment whose other fields stand. With text, blocks take only what
 * the text leaves of SMSS: the full segment has none, its acknowledgement follows without text. */
void la_tcp_blocks_fill(const struct la_tcp_conn *c, struct la_tcp_busy *busy,
                        struct la_tcp_seg *seg);

#endif
