/* SPDX-License-Identifier: MIT
 *
 * output.h - a file, pipe or standard output that octets are written to
 *
 * The first error is sticky. A pipe whose reader has gone is the error EPIPE, never a signal:
 * a library must not end its program.
 */
#ifndef LA_CAPTURE_OUTPUT_H
#define LA_CAPTURE_OUTPUT_H

#include <lastack/base.h>

struct la_capture_output {
    int fd;
    bool owned;   /* close() is ours */
    bool signals; /* writing may raise SIGPIPE */
    int err;      /* errno of the first failure, 0 = none */
};

/* "-" is standard output; a file is created or emptied. 0 or an errno value. */
int la_capture_output_open(struct la_capture_output *out, const char *path);
/* Writes all of it unless an error was met, now or before. */
void la_capture_output_write(struct la_capture_output *out, struct la_bytes bytes);
/* 0, or the first error met, that of close() included. */
int la_capture_output_close(struct la_capture_output *out);

#endif
