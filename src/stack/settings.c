/* SPDX-License-Identifier: MIT
 *
 * settings.c - what of an instance's configuration may change while it runs, and by what names
 */
#include "stack/time_wait.h"

#include "tcp/congestion.h"

int
la_congestion_find(const char *name)
{
    uint8_t idx = la_cc_find(name);
    return idx == UINT8_MAX ? -1 : idx;
}

const char *
la_congestion_name(int control)
{
    return la_cc_exists(control) ? la_cc_ops((uint8_t)control)->name : NULL;
}

static la_err
set_congestion(struct la_stack *s, int control)
{
    const char *name = la_congestion_name(control);
    char *to = s->cfg.tcp.congestion_control;
    if (name == NULL)
        return LA_ERR_BAD_ARGUMENT;
    do
        *to++ = *name;
    while (*name++ != 0);
    return LA_OK;
}

static const uint32_t *
buffer_field(const struct la_tcp_cfg *cfg, enum la_setting setting)
{
    bool receives = setting < LA_SETTING_WMEM_MIN;
    const struct la_buffer_tuning *buffer = receives ? &cfg->rcvbuf : &cfg->sndbuf;
    const uint32_t *const fields[] = {&buffer->bytes_min, &buffer->bytes_initial,
                                      &buffer->bytes_max};
    return fields[setting - (receives ? LA_SETTING_RMEM_MIN : LA_SETTING_WMEM_MIN)];
}

/* The three stay in order. */
static la_err
set_buffer(struct la_tcp_cfg *cfg, enum la_setting setting, uint32_t value)
{
    bool receives = setting < LA_SETTING_WMEM_MIN;
    struct la_buffer_tuning b = receives ? cfg->rcvbuf : cfg->sndbuf;
    if (setting == LA_SETTING_RMEM_MIN || setting == LA_SETTING_WMEM_MIN)
        b.bytes_min = value;
    else if (setting == LA_SETTING_RMEM_MAX || setting == LA_SETTING_WMEM_MAX)
        b.bytes_max = value;
    else
        b.bytes_initial = value;
    if (b.bytes_min > b.bytes_initial || b.bytes_initial > b.bytes_max)
        return LA_ERR_BAD_ARGUMENT;
    *(receives ? &cfg->rcvbuf : &cfg->sndbuf) = b;
    return LA_OK;
}

la_err
la_stack_setting_set(struct la_stack *s, enum la_setting setting, int64_t value)
{
    static const struct {
        int64_t min, max;
    } range[] = {
        [LA_SETTING_SOMAXCONN] = {1, UINT32_MAX},
        [LA_SETTING_MAX_SYN_BACKLOG] = {0, UINT32_MAX},
        [LA_SETTING_SYN_COOKIES] = {LA_SYN_COOKIES_NEVER, LA_SYN_COOKIES_ALWAYS},
        [LA_SETTING_ABORT_ON_OVERFLOW] = {0, 1},
        [LA_SETTING_MAX_TIME_WAIT] = {1, UINT32_MAX},
        [LA_SETTING_CONGESTION] = {0, UINT8_MAX},
        [LA_SETTING_SLOW_START_AFTER_IDLE] = {0, 1},
        [LA_SETTING_RMEM_MIN] = {LA_BUFFER_BYTES_MIN, LA_BUFFER_BYTES_MAX},
        [LA_SETTING_RMEM_DEFAULT] = {LA_BUFFER_BYTES_MIN, LA_BUFFER_BYTES_MAX},
        [LA_SETTING_RMEM_MAX] = {LA_BUFFER_BYTES_MIN, LA_BUFFER_BYTES_MAX},
        [LA_SETTING_WMEM_MIN] = {LA_BUFFER_BYTES_MIN, LA_BUFFER_BYTES_MAX},
        [LA_SETTING_WMEM_DEFAULT] = {LA_BUFFER_BYTES_MIN, LA_BUFFER_BYTES_MAX},
        [LA_SETTING_WMEM_MAX] = {LA_BUFFER_BYTES_MIN, LA_BUFFER_BYTES_MAX},
    };
    if ((unsigned)setting >= sizeof(range) / sizeof(range[0]))
        return LA_ERR_NO_SUCH_OPTION;
    if (value < range[setting].min || value > range[setting].max)
        return LA_ERR_BAD_ARGUMENT;
    switch (setting) {
    case LA_SETTING_SOMAXCONN:
        s->cfg.accept_queue_n_max = (uint32_t)value;
        break;
    case LA_SETTING_MAX_SYN_BACKLOG:
        s->cfg.syn_queue_n_max = (uint32_t)value;
        break;
    case LA_SETTING_SYN_COOKIES:
        s->cfg.syn_cookies = (uint8_t)value;
        break;
    case LA_SETTING_ABORT_ON_OVERFLOW:
        s->cfg.abort_on_overflow = value != 0;
        break;
    case LA_SETTING_MAX_TIME_WAIT:
        s->cfg.time_wait_n_max = (uint32_t)value;
        la_time_waits_bound(s, LA_REC_NONE);
        break;
    case LA_SETTING_CONGESTION:
        return set_congestion(s, (int)value);
    case LA_SETTING_SLOW_START_AFTER_IDLE:
        s->cfg.tcp.slow_start_after_idle = value != 0;
        break;
    case LA_SETTING_RMEM_MIN:
    case LA_SETTING_RMEM_DEFAULT:
    case LA_SETTING_RMEM_MAX:
    case LA_SETTING_WMEM_MIN:
    case LA_SETTING_WMEM_DEFAULT:
    case LA_SETTING_WMEM_MAX:
        return set_buffer(&s->cfg.tcp, setting, (uint32_t)value);
    }
    return LA_OK;
}

la_err
la_stack_setting_get(const struct la_stack *s, enum la_setting setting, int64_t *out)
{
    switch (setting) {
    case LA_SETTING_SOMAXCONN:
        *out = s->cfg.accept_queue_n_max;
        return LA_OK;
    case LA_SETTING_MAX_SYN_BACKLOG:
        *out = s->cfg.syn_queue_n_max;
        return LA_OK;
    case LA_SETTING_SYN_COOKIES:
        *out = s->cfg.syn_cookies;
        return LA_OK;
    case LA_SETTING_ABORT_ON_OVERFLOW:
        *out = s->cfg.abort_on_overflow;
        return LA_OK;
    case LA_SETTING_MAX_TIME_WAIT:
        *out = s->cfg.time_wait_n_max;
        return LA_OK;
    case LA_SETTING_CONGESTION:
        *out = la_congestion_find(s->cfg.tcp.congestion_control);
        return LA_OK;
    case LA_SETTING_SLOW_START_AFTER_IDLE:
        *out = s->cfg.tcp.slow_start_after_idle;
        return LA_OK;
    case LA_SETTING_RMEM_MIN:
    case LA_SETTING_RMEM_DEFAULT:
    case LA_SETTING_RMEM_MAX:
    case LA_SETTING_WMEM_MIN:
    case LA_SETTING_WMEM_DEFAULT:
    case LA_SETTING_WMEM_MAX:
        *out = *buffer_field(&s->cfg.tcp, setting);
        return LA_OK;
    }
    return LA_ERR_NO_SUCH_OPTION;
}
