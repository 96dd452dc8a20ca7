/* SPDX-License-Identifier: MIT
 *
 * command.c - what stands between backquotes among the events
 *
 * Nothing is run. Settings change the stack as it is: connections that come later begin with them.
 * A pipeline that begins with FreeBSD's sockstat and ends with `grep -c STATE | grep N` counts
 * connections in a state; one that ends with `grep 'STATE'` asks whether there is one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drill/run.h"
#include "drill/settings.h"

enum { LINE_BYTES = 256 };

/* Sockets without a connection, or with one that has ended, and connections in the state. */
static unsigned
count(const struct la_drill_run *run, const char *state)
{
    struct la_conn_status s;
    la_handle conn;
    unsigned n = 0;
    for (uint32_t cursor = 0; la_conn_next(run->stack, &cursor, &conn);)
        n += conn != 0 && la_conn_status(run->stack, conn, &s) == LA_OK &&
             s.state != LA_TCP_CLOSED &&
             strcmp(la_tcp_state_name(s.state, LA_NAMES_BSD), state) == 0;
    bool closed = strcmp(state, la_tcp_state_name(LA_TCP_CLOSED, LA_NAMES_BSD)) == 0;
    for (size_t i = 0; closed && i < LA_DRILL_FDS_N; i++) {
        const struct la_drill_fd *fd = &run->fds[i];
        la_handle of = fd->open && !fd->datagram ? la_sock_conn(run->socks, fd->sock) : 0;
        n += of != 0 && la_conn_status(run->stack, of, &s) == LA_OK && s.state == LA_TCP_CLOSED;
    }
    return n;
}

static bool
check_states(struct la_drill_run *run, const char *line)
{
    char state[32], came[64];
    unsigned wanted;
    const char *counts = strstr(line, "grep -c "), *last = strrchr(line, '|');
    if (counts == NULL && last != NULL && sscanf(last, "| grep '%31[A-Z0-9_]'", state) == 1) {
        if (count(run, state) > 0)
            return true;
        return la_drill_fail(run, "there is no connection in %s", state);
    }
    const char *number = counts == NULL ? NULL : strstr(counts, "| grep ");
    if (number == NULL || sscanf(counts, "grep -c %31[A-Z0-9_]", state) != 1 ||
        sscanf(number, "| grep %u", &wanted) != 1)
        return la_drill_fail(run, "of sockstat, `sockstat ... | grep -c STATE | grep N` is known");
    unsigned n = count(run, state);
    if (n == wanted)
        return true;
    (void)snprintf(came, sizeof(came), "%u in %s", n, state);
    la_drill_fail(run, "there are not %u connections in %s", wanted, state);
    la_drill_fail_came(run, came);
    return false;
}

bool
la_drill_command(struct la_drill_run *run, const struct la_drill_event *event)
{
    char line[LINE_BYTES];
    struct la_drill_mistake mistake;
    (void)snprintf(line, sizeof(line), "%.*s", (int)event->code.n, (const char *)event->code.p);
    if (strncmp(line + strspn(line, " \t"), "sockstat ", strlen("sockstat ")) == 0)
        return check_states(run, line);
    bool good = la_drill_settings_apply(event->code, event->line, &run->ways, &mistake);
    if (!good || !la_drill_stack_follow(run))
        return la_drill_fail(run, "the stack refuses this setting");
    return true;
}
