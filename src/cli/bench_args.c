/* SPDX-License-Identifier: MIT
 *
 * bench_args.c - the arguments of a benchmark: one operand, options with numbers
 */
#include "cli/bench.h"
#include "cli/cli.h"
#include "cli/option.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COMMAND_BYTES = 32, WHAT_BYTES = 160 };

/* Digits and perhaps one of K, M, G. False: something else, or more than 64 bits hold. */
static bool
number_parse(const char *text, uint64_t *out)
{
    char *end;
    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    uint64_t n = strtoull(text, &end, 10);
    if (errno != 0)
        return false;
    unsigned shift = *end == 'K' ? 10 : *end == 'M' ? 20 : *end == 'G' ? 30 : 0;
    if (shift > 0)
        end++;
    *out = n << shift;
    return *end == '\0' && *out >> shift == n;
}

static bool
complain(const struct la_bench_args *args, const char *what, const char *word)
{
    char command[COMMAND_BYTES];
    snprintf(command, sizeof(command), "bench %s", args->noun);
    (void)la_cli_usage(command, what, word);
    return false;
}

static bool
take_number(const struct la_bench_args *args, const struct la_bench_option *option,
            const char *text)
{
    uint64_t n;
    if (number_parse(text, &n) && n >= option->min && n <= option->max) {
        *option->value = n;
        return true;
    }
    char what[WHAT_BYTES];
    snprintf(what, sizeof(what), "%s%s must be a number from %" PRIu64 " to %" PRIu64 ", not ",
             option == &args->operand ? "" : "--", option->name, option->min, option->max);
    return complain(args, what, text);
}

static const struct la_bench_option *
option_find(const struct la_bench_args *args, const char *name)
{
    for (size_t i = 0; i < args->options_n; i++)
        if (strcmp(args->options[i].name, name) == 0)
            return &args->options[i];
    return NULL;
}

/* argv[*i] begins with a dash; *i moves on when the next word is used. */
static bool
take_option(const struct la_bench_args *args, char **argv, int *i)
{
    struct la_option word;
    const struct la_bench_option *option = NULL;
    if (la_option_split(argv, *i, &word))
        option = option_find(args, word.name);
    if (option == NULL || (option->is_switch && word.joined))
        return complain(args, "no option ", argv[*i]);
    if (option->is_switch) {
        *option->value = 1;
        return true;
    }
    if (word.value == NULL)
        return complain(args, "a value is missing behind ", argv[*i]);
    *i += !word.joined;
    return take_number(args, option, word.value);
}

bool
la_bench_args_parse(const struct la_bench_args *args, int argc, char **argv)
{
    bool has_operand = false;
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] == '-') {
            if (!take_option(args, argv, &i))
                return false;
        } else if (has_operand) {
            return complain(args, "one number is enough, there is also ", argv[i]);
        } else {
            has_operand = true;
            if (!take_number(args, &args->operand, argv[i]))
                return false;
        }
    }
    return has_operand || complain(args, "a number is missing: ", args->operand.name);
}
