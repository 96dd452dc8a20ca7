/* SPDX-License-Identifier: MIT
 *
 * err.c - error codes in words
 */
#include <lastack/base.h>

const char *
la_strerror(la_err err)
{
    switch (err) {
    case LA_OK:
        return "success";
#define ERR(name, value, errno_name, text)                                                         \
    case LA_ERR_##name:                                                                            \
        return text;
#include <lastack/err.def>
#undef ERR
    }
    return err > 0 ? "success" : "unknown error";
}

const char *
la_err_name(la_err err)
{
    switch (err) {
    case LA_OK:
        return "OK";
#define ERR(name, value, errno_name, text)                                                         \
    case LA_ERR_##name:                                                                            \
        return #name;
#include <lastack/err.def>
#undef ERR
    }
    return err > 0 ? "OK" : "UNKNOWN";
}
