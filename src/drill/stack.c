/* SPDX-License-Identifier: MIT
 *
 * stack.c - the stack that a script is played on: what it is made of, and what settings change
 */
#include "drill/run.h"

#include <lastack/host.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "drill/settings.h"

enum { BUDGET_BYTES = 512 << 20, PREFIX_LEN_V4 = 24, PREFIX_LEN_V6 = 64 };

/* ---- the stack -------------------------------------------------------------------------- */

static la_err
add_network(struct la_drill_run *run)
{
    const struct la_drill_cfg *cfg = &run->script->cfg;
    struct la_iface_cfg iface = {.caps = {.layer = LA_LINK_IP, .mtu_bytes = cfg->mtu_bytes}};
    struct la_addr local = la_drill_addr(cfg, true);
    bool v4 = la_addr_is_v4(&local);
    struct la_addr any = v4 ? la_addr_v4(0, 0, 0, 0) : (struct la_addr){{0}};
    int idx = 0;
    la_err err = la_stack_iface_add(run->stack, &iface, &idx);
    if (err == LA_OK)
        err = la_stack_addr_add(run->stack, idx, &local, v4 ? PREFIX_LEN_V4 : PREFIX_LEN_V6);
    if (err == LA_OK)
        err = la_stack_route_add(run->stack, idx, &any, 0, NULL);
    return err;
}

/* Commands of later lines are looked at before anything is played. */
static bool
commands_ok(const struct la_drill_script *script, struct la_ways ways,
            struct la_drill_mistake *mistake)
{
    for (const struct la_drill_event *e = script->events; e != NULL; e = e->next)
        if (e->kind == LA_DRILL_COMMAND &&
            !la_drill_settings_apply(e->code, e->line, &ways, mistake))
            return false;
    return true;
}

/* A key that settings have told, when it is another one: the one before it still counts. */
static void
follow_key(struct la_drill_run *run)
{
    const uint8_t *key = run->ways.fast_open_key;
    if (!run->ways.fast_open_keyed || memcmp(run->key, key, sizeof(run->key)) == 0)
        return;
    memcpy(run->key, key, sizeof(run->key));
    la_stack_fast_open_key_set(run->stack, key);
}

bool
la_drill_stack_follow(struct la_drill_run *run)
{
    follow_key(run);
    if (run->forgets_n != run->ways.forgets_n)
        la_stack_fast_open_forget(run->stack);
    run->forgets_n = run->ways.forgets_n;
    return la_stack_tcp_cfg_set(run->stack, &run->ways.cfg.tcp) == LA_OK;
}

/* What two settings that do not go together are. */
static const char *
why_refused(const struct la_tcp_cfg *tcp)
{
    return tcp->rcvbuf.bytes_initial > tcp->rcvbuf.bytes_max
               ? "rcvbuf_initial is above rcvbuf_max; set both"
           : tcp->sndbuf.bytes_initial > tcp->sndbuf.bytes_max
               ? "sndbuf_initial is above sndbuf_max; set both"
               : "bad argument";
}

bool
la_drill_stack_make(struct la_drill_run *run, const struct la_trace *hears)
{
    struct la_drill_mistake mistake = {0};
    const struct la_drill_origin *origin = &run->result->origin;
    la_ways_init(&run->ways);
    if (origin->profile != NULL && la_ways_profile(&run->ways, origin->profile) != LA_WAYS_SET)
        return la_drill_fail(run, "no profile is called %s", origin->profile);
    if (run->script->cfg.congestion[0] != 0)
        memcpy(run->ways.cfg.tcp.congestion_control, run->script->cfg.congestion,
               sizeof(run->ways.cfg.tcp.congestion_control));
    const char *set = run->script->cfg.set;
    struct la_bytes before = {(const uint8_t *)set, strlen(set)};
    if (!la_drill_settings_apply(before, 0, &run->ways, &mistake) ||
        !la_drill_settings_apply(run->script->settings, run->script->settings_line, &run->ways,
                                 &mistake) ||
        !commands_ok(run->script, run->ways, &mistake)) {
        run->failed = true;
        run->result->outcome = LA_DRILL_UNREADABLE;
        run->result->mistake = mistake;
        return false;
    }
    struct la_stack_cfg cfg = run->ways.cfg;
    run->mem = la_mem_new(la_host_alloc(), BUDGET_BYTES);
    cfg.mem = run->mem;
    cfg.seed[0] = run->script->cfg.seed;
    cfg.end_id = 1;
    cfg.trace = *hears;
    la_err err =
        run->mem == NULL ? LA_ERR_NO_MEMORY : la_stack_new(&cfg, la_drill_now(run), &run->stack);
    if (err == LA_OK)
        err = add_network(run);
    if (err == LA_OK)
        err = la_socks_new(run->stack, &run->socks);
    if (err == LA_OK && run->script->cfg.has_key)
        la_stack_fast_open_key_set(run->stack, run->script->cfg.key);
    else if (err == LA_OK)
        follow_key(run);
    run->line = 1;
    return err == LA_OK ||
           la_drill_fail(run, "no stack can be made of these options: %s",
                         err == LA_ERR_BAD_ARGUMENT ? why_refused(&cfg.tcp) : la_strerror(err));
}

void
la_drill_stack_end(struct la_drill_run *run)
{
    while (run->sent_first != NULL) {
        struct la_drill_sent *sent = run->sent_first;
        run->sent_first = sent->next;
        free(sent);
    }
    for (uint32_t i = 0; i < run->fds_n; i++)
        la_drill_fd_fini(&run->fds[i]);
    la_socks_free(run->socks);
    la_stack_free(run->stack);
    if (run->mem != NULL)
        la_mem_unref(run->mem);
    for (uint32_t i = 0; i < run->flows_n; i++)
        la_drill_flow_free(run->flows[i]);
}
