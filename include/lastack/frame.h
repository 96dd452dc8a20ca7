/* SPDX-License-Identifier: MIT
 *
 * lastack/frame.h - the unit that links and stacks exchange
 *
 * A frame is one packet: a contiguous head (headers, possibly the whole packet) followed by
 * payload that lies in counted blocks and is never copied between the layers. It has exactly one
 * owner; handing it to la_stack_input() or to a link gives it away.
 */
#ifndef LASTACK_FRAME_H
#define LASTACK_FRAME_H

#include <lastack/base.h>

LA_API_BEGIN

struct la_frame;

/* A frame whose bytes are a copy of `bytes` (a packet as it came from a device). NULL: no memory.
 * O(n). */
struct la_frame *la_frame_from_bytes(struct la_mem *mem, struct la_bytes bytes);
/* An empty frame with one block of `room->n` (>= n) contiguous bytes to read a packet into; then
 * la_frame_commit() says how many arrived, at most room->n. n: up to 65,664, any IP packet with its
 * link header. NULL: no memory, or n is larger. O(1). */
struct la_frame *la_frame_with_room(struct la_mem *mem, size_t n, struct la_room *room);
void la_frame_commit(struct la_frame *frame, size_t n);
/* Ends a frame that was not given away; payload lives on while others refer to it. NULL is allowed.
 */
void la_frame_free(struct la_frame *frame);

/* Length of the packet in octets. O(1). */
size_t la_frame_len(const struct la_frame *frame);
/* Up to `max` contiguous pieces in order, as for writev(); returns how many pieces the frame has
 * (more than `max`: not all were stored). Valid until the frame is given away or freed. O(max). */
size_t la_frame_pieces(const struct la_frame *frame, struct la_bytes *out, size_t max);
/* Copies up to n octets from offset `off`; returns how many, 0 behind the end. O(pieces + n). */
size_t la_frame_copy_out(const struct la_frame *frame, size_t off, uint8_t *out, size_t n);

/* The segment's identity in the event stream (struct la_event.segment_id); 0 = none. */
uint64_t la_frame_id(const struct la_frame *frame);

LA_API_END

#endif
