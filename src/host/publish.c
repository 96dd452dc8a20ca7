/* SPDX-License-Identifier: MIT
 *
 * publish.c - ports of the host behind which listeners inside are reached (run -p, -P)
 *
 * Read first: docs/theory/run.md; host_port.c.
 *
 * A socket of the host is bound from the beginning, so that a port in use is said at once and
 * nobody else gets it; but it *listens* only while a socket inside listens on the port it stands
 * for, in its family. So whoever connects too early, or when the server has gone, is refused by the
 * kernel, as without us.
 *
 * An accepted connection becomes an active OPEN of the far stack in the client's name (far.c).
 */
#include "host/publish.h"

#include "host/errors.h"
#include "host/host_port.h"
#include "host/supervisor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { TRIES_N = 16 };

/* ---- following who listens inside ------------------------------------------------------------ */

static void
follow(struct la_host_port *hp)
{
    struct la_endpoint to = la_host_port_inside(hp);
    const struct la_psock *ps = la_ports_get(hp->run, false, &to);
    if (ps != NULL && !hp->listening)
        la_host_port_begin(hp, ps->acceptor.backlog);
    else if (ps == NULL && hp->listening)
        la_host_port_end(hp);
    if (ps == NULL && hp->automatic && hp->reserver == NULL)
        la_host_port_close(hp);
}

static struct la_host_port *
find_next(struct la_host_port *hp, uint16_t port)
{
    while (hp != NULL && (hp->fd < 0 || hp->port != port))
        hp = hp->next;
    return hp;
}

static struct la_addr
host_loopback(bool v4)
{
    static const struct la_addr loopback6 = {{[15] = 1}};
    return v4 ? la_addr_v4(127, 0, 0, 1) : loopback6;
}

/* -P: what no rule names and nobody has published yet. */
static void
publish_too(struct la_run *run, uint16_t port)
{
    bool has[2] = {false, false};
    struct la_host_port *hp = run->publish.first;
    for (; (hp = find_next(hp, port)) != NULL; hp = hp->next) {
        if (!hp->automatic)
            return;
        has[la_addr_is_v4(&hp->at.addr)] = true;
    }
    for (unsigned v4 = 0; v4 < 2; v4++) {
        struct la_endpoint at = {host_loopback(v4 == 1), port};
        if (has[v4] || la_ports_get(run, false, &at) == NULL)
            continue;
        int error = la_host_port_open(run, &at, port, &hp);
        if (error != 0) {
            la_host_port_explain(&(struct la_host_port){.at = at, .port = port}, error);
            continue;
        }
        hp->automatic = true;
        follow(hp);
    }
}

void
la_publish_update(struct la_run *run, uint16_t port)
{
    if (run->publish.over)
        return;
    struct la_host_port *hp = run->publish.first;
    for (; (hp = find_next(hp, port)) != NULL; hp = hp->next)
        follow(hp);
    if (run->cfg->publish_all)
        publish_too(run, port);
}

/* ---- -P and port 0 --------------------------------------------------------------------------- */

static bool
reserve_at(struct la_psock *ps, bool v4, uint16_t port, struct la_host_port **out)
{
    struct la_endpoint at = {host_loopback(v4), port};
    if (la_host_port_open(ps->run, &at, port, out) != 0)
        return false;
    (*out)->automatic = true;
    (*out)->reserver = ps;
    return true;
}

uint16_t
la_publish_reserve(struct la_psock *ps, const struct la_addr *addr)
{
    static const struct la_addr any = {{0}};
    bool v4 = la_addr_is_v4(addr);
    bool dual = la_addr_equal(addr, &any) && ps->options.stack[LA_SO_V6ONLY] == 0;
    struct la_host_port *first, *second;
    if (!ps->run->cfg->publish_all || ps->run->publish.over)
        return 0;
    for (int i = 0; i < TRIES_N && reserve_at(ps, v4, 0, &first); i++) {
        if (!dual || reserve_at(ps, true, first->at.port, &second))
            return first->at.port;
        la_host_port_close(first);
    }
    return 0;
}

void
la_publish_forget(const struct la_psock *ps)
{
    for (struct la_host_port *hp = ps->run->publish.first; hp != NULL; hp = hp->next) {
        if (hp->reserver != ps)
            continue;
        hp->reserver = NULL;
        follow(hp);
    }
}

/* ---- what the command line names ------------------------------------------------------------- */

static int
explain_open(const struct la_endpoint *at, int error)
{
    char text[LA_ADDR_TEXT_BYTES];
    const char *advice = "";
    if (error == EADDRINUSE)
        advice = ": choose another port of the host, or 0 for any that is free";
    else if (error == EACCES)
        advice = ": choose a port of the host from 1024 on, or run as root";
    else if (error == EADDRNOTAVAIL)
        advice = ": it is no address of this host";
    la_host_say("port %u of %s cannot be published: %s%s", at->port,
                la_addr_format(&at->addr, text), strerror(error), advice);
    return LA_EXIT_OURS;
}

/* Both families at one port; a host without IPv6 has one. */
static int
open_both(struct la_run *run, const struct la_publish_rule *rule, struct la_host_port **out)
{
    struct la_endpoint at4 = {la_addr_v4(0, 0, 0, 0), rule->host_port}, at6 = {{{0}}, 0};
    int error = 0;
    for (int i = 0; i < TRIES_N; i++) {
        error = la_host_port_open(run, &at4, rule->port, out);
        if (error != 0)
            return explain_open(&at4, error);
        struct la_host_port *second;
        at6.port = (*out)->at.port;
        error = la_host_port_open(run, &at6, rule->port, &second);
        if (error == 0 || error == EAFNOSUPPORT || error == EADDRNOTAVAIL)
            return 0;
        if (error != EADDRINUSE || rule->host_port != 0)
            break;
        la_host_port_close(*out);
    }
    return explain_open(&at6, error);
}

static int
open_rule(struct la_run *run, const struct la_publish_rule *rule)
{
    struct la_host_port *hp = NULL;
    int code = 0;
    if (rule->any) {
        code = open_both(run, rule, &hp);
    } else {
        struct la_endpoint at = {rule->addr, rule->host_port};
        int error = la_host_port_open(run, &at, rule->port, &hp);
        if (error != 0)
            code = explain_open(&at, error);
    }
    if (code == 0 && rule->host_port == 0)
        la_host_say("port %u is published at port %u", rule->port, hp->at.port);
    return code;
}

int
la_publish_open(struct la_run *run)
{
    int code = 0;
    for (unsigned i = 0; i < run->cfg->publish_n && code == 0; i++)
        code = open_rule(run, &run->cfg->publish[i]);
    return code;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void
reap(struct la_publish *p)
{
    struct la_host_port **link = &p->first;
    while (*link != NULL) {
        struct la_host_port *hp = *link;
        if (hp->fd >= 0) {
            link = &hp->next;
            continue;
        }
        *link = hp->next;
        free(hp);
    }
}

void
la_publish_tick(struct la_run *run)
{
    struct la_publish *p = &run->publish;
    reap(p);
    if (p->retry_at.ns == 0 || run->now.ns < p->retry_at.ns)
        return;
    p->retry_at.ns = 0;
    for (struct la_host_port *hp = p->first; hp != NULL; hp = hp->next)
        la_host_port_resume(hp);
}

la_instant
la_publish_deadline(const struct la_run *run)
{
    return run->publish.retry_at.ns != 0 ? run->publish.retry_at : LA_INSTANT_NEVER;
}

void
la_publish_close(struct la_run *run)
{
    run->publish.over = true;
    for (struct la_host_port *hp = run->publish.first; hp != NULL; hp = hp->next)
        la_host_port_close(hp);
}

void
la_publish_fini(struct la_run *run)
{
    la_publish_close(run);
    reap(&run->publish);
}
