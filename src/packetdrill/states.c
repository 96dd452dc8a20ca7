/* SPDX-License-Identifier: MIT
 *
 * states.c - a file that says what connections there are, for commands that scripts run
 */
#include "packetdrill/states.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "packetdrill/fds.h"

/* As sockstat prints it: "192.0.2.1:80", "*:*". */
static void
put_endpoint(FILE *out, const struct la_endpoint *e)
{
    char text[LA_ADDR_TEXT_BYTES];
    const char *addr = la_addr_is_any(&e->addr) ? "*" : la_addr_format(&e->addr, text);
    if (e->port == 0)
        (void)fprintf(out, "%s:* ", addr);
    else
        (void)fprintf(out, "%s:%" PRIu16 " ", addr, e->port);
}

static void
put_line(FILE *out, int fd, bool v4, const struct la_endpoint ends[2], enum la_tcp_state state)
{
    (void)fprintf(out, "root packetdrill %d %d tcp%c ", (int)getpid(), fd, v4 ? '4' : '6');
    put_endpoint(out, &ends[0]);
    put_endpoint(out, &ends[1]);
    (void)fprintf(out, "%s\n", la_tcp_state_name(state, LA_NAMES_BSD));
}

static const struct la_pd_fd *
owner(const struct la_pd *pd, la_handle conn)
{
    const struct la_pd_fd *f = pd->fds;
    while (f != NULL && (f->sock == 0 || la_sock_conn(pd->socks, f->sock) != conn))
        f = f->next;
    return f;
}

static void
put_connections(const struct la_pd *pd, FILE *out)
{
    la_handle conn;
    for (uint32_t cursor = 0; la_conn_next(pd->stack, &cursor, &conn);) {
        struct la_conn_status s;
        if (conn == 0 || la_conn_status(pd->stack, conn, &s) != LA_OK || s.state == LA_TCP_CLOSED)
            continue;
        const struct la_pd_fd *f = owner(pd, conn);
        put_line(out, f == NULL ? -1 : f->fd, la_addr_is_v4(&s.remote.addr),
                 (struct la_endpoint[]){s.local, s.remote}, s.state);
    }
}

/* Sockets that listen, and those without a connection, or with one that has ended. */
static void
put_others(const struct la_pd *pd, FILE *out)
{
    for (const struct la_pd_fd *f = pd->fds; f != NULL; f = f->next) {
        struct la_conn_status s;
        struct la_endpoint ends[2] = {{.port = 0}, {.port = 0}};
        if (f->sock == 0 || f->datagram || (la_pd_fd_status(pd, f, &s) && s.state != LA_TCP_CLOSED))
            continue;
        (void)la_sock_local(pd->socks, f->sock, &ends[0]);
        put_line(out, f->fd, f->family == AF_INET, ends,
                 f->listening ? LA_TCP_LISTEN : LA_TCP_CLOSED);
    }
}

static void
replace(const struct la_pd *pd, const char *text)
{
    FILE *file = fopen(pd->settings.states, "we");
    if (file == NULL)
        return; /* nobody can read it: the script's command says so */
    (void)fputs(text, file);
    (void)fclose(file);
}

void
la_pd_states_write(struct la_pd *pd)
{
    char *text = NULL;
    size_t n;
    if (pd->settings.states[0] == 0 || pd->stack == NULL)
        return;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL)
        return;
    put_connections(pd, out);
    put_others(pd, out);
    if (fclose(out) != 0 || (pd->states != NULL && strcmp(pd->states, text) == 0)) {
        free(text);
        return;
    }
    replace(pd, text);
    free(pd->states);
    pd->states = text;
}
