/* SPDX-License-Identifier: MIT
 *
 * plan.c - a run of the simulator as data: names, one line of text
 */
#include "sim/plan.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tcp/congestion.h"

static const struct {
    const char *word, *args, *text;
} steps[LA_SIM_STEP_KINDS] = {
#define STEP(name, word, args, text) {word, args, text},
#include "sim/step.def"
#undef STEP
};

static const char *const workloads[LA_SIM_WORKLOADS] = {
#define WORKLOAD(name, text) #name,
#include "sim/workload.def"
#undef WORKLOAD
};

static const struct {
    const char *word, *text;
} fields[LA_SIM_FIELDS] = {
#define FIELD(name, word, text) {word, text},
#include "sim/field.def"
#undef FIELD
};

const char *
la_sim_step_word(enum la_sim_step_kind kind)
{
    return kind < LA_SIM_STEP_KINDS ? steps[kind].word : "?";
}

const char *
la_sim_step_args(enum la_sim_step_kind kind)
{
    return kind < LA_SIM_STEP_KINDS ? steps[kind].args : "";
}

const char *
la_sim_step_text(enum la_sim_step_kind kind)
{
    return kind < LA_SIM_STEP_KINDS ? steps[kind].text : "?";
}

const char *
la_sim_workload_name(enum la_sim_workload workload)
{
    return workload < LA_SIM_WORKLOADS ? workloads[workload] : "?";
}

const char *
la_sim_field_word(enum la_sim_field field)
{
    return field < LA_SIM_FIELDS ? fields[field].word : "?";
}

const char *
la_sim_field_text(enum la_sim_field field)
{
    return field < LA_SIM_FIELDS ? fields[field].text : "?";
}

/* ---- text ------------------------------------------------------------------------------- */

/* An argument that has a name: which it is, by number; NULL: it has none, or there is no such one.
 */
static const char *
name_of(const struct la_sim_step *step, unsigned arg, int32_t value)
{
    if (step->kind != LA_SIM_TCP || value < 0)
        return NULL;
    if (arg == 1)
        return value < LA_SIM_FIELDS ? fields[value].word : NULL;
    bool control = arg == 2 && step->a[1] == LA_SIM_F_CONTROL;
    return control && value < la_cc_n() ? la_cc_ops((uint8_t)value)->name : NULL;
}

char *
la_sim_plan_format(const struct la_sim_plan *plan, char *out, size_t n)
{
    int at = snprintf(out, n, "seed=%" PRIu64, plan->seed);
    for (uint32_t i = 0; i < plan->n && at >= 0 && (size_t)at < n; i++) {
        const struct la_sim_step *step = &plan->step[i];
        unsigned args_n = LA_SIM_ARGS;
        while (args_n > 0 && step->a[args_n - 1] == 0 && name_of(step, args_n - 1, 0) == NULL)
            args_n--;
        at += snprintf(out + at, n - (size_t)at, "; %u:%s", step->id, steps[step->kind].word);
        for (unsigned j = 0; j < args_n && (size_t)at < n; j++) {
            const char *name = name_of(step, j, step->a[j]);
            if (name != NULL)
                at += snprintf(out + at, n - (size_t)at, " %s", name);
            else
                at += snprintf(out + at, n - (size_t)at, " %" PRId32, step->a[j]);
        }
    }
    return out;
}

/* A number that ends at a blank, a semicolon or the end. */
static bool
take_number(const char **at, int64_t min, int64_t max, int64_t *out)
{
    char *end;
    errno = 0;
    long long value = strtoll(*at, &end, 10);
    bool ends = *end == 0 || *end == ' ' || *end == ';' || *end == '\n' || *end == ':';
    if (end == *at || errno != 0 || !ends || value < min || value > max)
        return false;
    *out = value;
    *at = end;
    return true;
}

static bool
take_word(const char **at, enum la_sim_step_kind *out)
{
    size_t n = strcspn(*at, " ;\n");
    for (unsigned kind = 0; kind < LA_SIM_STEP_KINDS; kind++) {
        if (strlen(steps[kind].word) == n && memcmp(steps[kind].word, *at, n) == 0) {
            *out = (enum la_sim_step_kind)kind;
            *at += n;
            return true;
        }
    }
    return false;
}

/* A number, or the name that stands for it here. */
static bool
take_arg(const char **at, struct la_sim_step *step, unsigned arg)
{
    int64_t value;
    size_t n = strcspn(*at, " ;\n");
    const char *name;
    for (int32_t i = 0; (name = name_of(step, arg, i)) != NULL; i++) {
        if (strlen(name) == n && memcmp(name, *at, n) == 0) {
            step->a[arg] = i;
            *at += n;
            return true;
        }
    }
    if (name_of(step, arg, 0) != NULL || !take_number(at, INT32_MIN, INT32_MAX, &value))
        return false;
    step->a[arg] = (int32_t)value;
    return true;
}

/* "3:loss 0 50 0 4000" */
static bool
take_step(const char **at, struct la_sim_step *step)
{
    int64_t value;
    enum la_sim_step_kind kind;
    *step = (struct la_sim_step){0};
    if (!take_number(at, 0, UINT8_MAX, &value) || **at != ':')
        return false;
    step->id = (uint8_t)value;
    ++*at;
    if (!take_word(at, &kind))
        return false;
    step->kind = (uint8_t)kind;
    for (unsigned j = 0; **at == ' '; j++) {
        *at += strspn(*at, " ");
        if (**at == ';' || **at == 0 || **at == '\n')
            return true;
        if (j == LA_SIM_ARGS || !take_arg(at, step, j))
            return false;
    }
    return true;
}

bool
la_sim_plan_parse(struct la_sim_plan *plan, const char *line, const char **what)
{
    char *end;
    *plan = (struct la_sim_plan){0};
    *what = line;
    if (strncmp(line, "seed=", 5) != 0)
        return false;
    errno = 0;
    plan->seed = strtoull(line + 5, &end, 10);
    if (end == line + 5 || errno != 0)
        return false;
    const char *at = end;
    while (*at == ';') {
        at += 1 + strspn(at + 1, " ");
        *what = at;
        if (plan->n == LA_SIM_STEPS_MAX || !take_step(&at, &plan->step[plan->n]))
            return false;
        plan->n++;
    }
    *what = at;
    return *at == 0 || *at == '\n';
}
