/* SPDX-License-Identifier: MIT
 *
 * explain_json.c - `lastack explain --json`: docs/explain-json.md is the contract
 *
 * Connections are written as they end, so that memory stays bounded; the file comes last.
 */
#include "cli/explain_json.h"

#include <stdlib.h>

#include "capture/captures.h"
#include "cli/explain.h"

enum { SCHEMA_VERSION = 1 };
/* ---- the file --------------------------------------------------------------------------- */

static json_t *
damage(struct la_captures *captures)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < la_captures_n(captures); i++) {
        const struct la_capture_note *notes;
        size_t n = la_captures_notes(captures, i, &notes);
        for (size_t k = 0; k < n; k++) {
            json_t *o = json_object();
            set(o, "file", text(la_captures_name(captures, i)));
            set(o, "damage", json_boolean(notes[k].is_damage));
            set(o, "text", text(notes[k].text));
            set(o, "offset", number(notes[k].off));
            set(o, "count", number(notes[k].n));
            set(o, "packets_before", number(notes[k].frame_n));
            (void)json_array_append_new(list, o);
        }
    }
    return list;
}

static json_t *
half_open(const struct la_explain_listener *l)
{
    json_t *list = json_array();
    for (size_t i = 0; i < l->samples_n; i++) {
        json_t *sample = json_array();
        (void)json_array_append_new(sample, when(l->samples[i].at));
        (void)json_array_append_new(sample, number(l->samples[i].n));
        (void)json_array_append_new(list, sample);
    }
    return list;
}

static json_t *
listener(const struct la_explain_listener *l)
{
    char addr[LA_ADDR_TEXT_BYTES];
    json_t *o = la_explain_json_endpoint(&l->at);
    set(o, "syns", number(l->syn_n));
    set(o, "answered", number(l->synack_n));
    set(o, "answered_again", number(l->synack_again_n));
    set(o, "complete", number(l->complete_n));
    set(o, "refused", number(l->refused_n));
    set(o, "unanswered", number(l->unanswered_n));
    set(o, "unfinished", number(l->unfinished_n));
    set(o, "ignored", number(l->ignored_n));
    set(o, "backlog_resets", number(l->backlog_rst_n));
    set(o, "sources", number(l->sources_n));
    set(o, "half_open_max", number(l->half_open_n_max));
    set(o, "half_open_max_time", l->half_open_n_max == 0 ? json_null() : when(l->half_open_max_at));
    set(o, "half_open", half_open(l));
    set(o, "flooded", json_boolean(l->is_flooded));
    set(o, "cookies", json_boolean(l->has_cookies));
    set(o, "queue_full", json_boolean(l->is_full));
    set(o, "scanned_by", l->is_scanned ? text(la_addr_format(&l->scanner, addr)) : json_null());
    return o;
}

static json_t *
listeners(const struct la_explain *explain)
{
    struct la_explain_listener one;
    json_t *list = json_array();
    for (size_t i = 0; la_explain_listener_get(explain, i, &one); i++)
        (void)json_array_append_new(list, listener(&one));
    return list;
}

static json_t *
whole(const struct la_explain_out *out, const struct la_explain_file *f,
      struct la_captures *captures)
{
    json_t *o = json_object(), *names = json_array();
    for (uint32_t i = 0; i < la_captures_n(captures); i++)
        (void)json_array_append_new(names, text(la_captures_name(captures, i)));
    set(o, "names", names);
    set(o, "packets", number(f->packets));
    set(o, "segments", number(f->segments));
    set(o, "icmp_errors", number(f->icmp_errors));
    set(o, "packets_filtered", number(la_captures_filtered_n(captures)));
    set(o, "connections", number(f->connections));
    set(o, "connections_evicted", number(f->evicted));
    set(o, "segments_unwatched", number(f->unwatched));
    set(o, "copies", number(f->copies));
    set(o, "copies_elsewhere", number(f->copies_elsewhere));
    set(o, "one_way", number(f->one_way));
    set(o, "missing_bytes", number(f->missing_bytes));
    set(o, "times_back", number(f->times_back));
    set(o, "bad_checksums", number(f->bad_checksums));
    set(o, "unfilled_checksums", number(f->unfilled_checksums));
    set(o, "segments_above_mss", number(f->above_mss));
    set(o, "first_time", f->packets == 0 ? json_null() : when(f->first_at));
    set(o, "last_time", f->packets == 0 ? json_null() : when(f->last_at));
    set(o, "damage", damage(captures));
    set(o, "listeners", listeners(out->explain));
    set(o, "artefacts", la_explain_json_findings(f->findings, f->findings_n));
    return o;
}

static void
dump(struct la_explain_out *out, json_t *value)
{
    /* A file that cannot be written is another matter, which is said of every view. */
    if (value == NULL ||
        (json_dumpf(value, out->file, JSON_COMPACT) != 0 && ferror(out->file) == 0))
        out->failed = true;
    json_decref(value);
}

/* ---- one document ----------------------------------------------------------------------- */

struct document {
    bool some;
};

static bool
document_begin(struct la_explain_out *out)
{
    out->view = calloc(1, sizeof(struct document));
    if (out->view == NULL)
        return false;
    (void)fprintf(out->file, "{\"schema\":\"lastack-explain\",\"version\":%d,\"connections\":[",
                  SCHEMA_VERSION);
    return true;
}

static void
document_conn(struct la_explain_out *out, const struct la_explain_conn *conn)
{
    struct document *d = out->view;
    (void)fputs(d->some ? ",\n" : "\n", out->file);
    d->some = true;
    dump(out, la_explain_json_conn(conn, out->args->names));
}

static void
document_end(struct la_explain_out *out, const struct la_explain_file *file,
             struct la_captures *captures)
{
    (void)fputs("\n],\"file\":", out->file);
    dump(out, whole(out, file, captures));
    (void)fputs("}\n", out->file);
}

const struct la_explain_view la_explain_json = {
    .name = "json",
    .wants_throughput = true,
    .transitions = true,
    .begin = document_begin,
    .conn = document_conn,
    .end = document_end,
};

/* ---- lines ------------------------------------------------------------------------------ */

static void
line_conn(struct la_explain_out *out, const struct la_explain_conn *conn)
{
    json_t *o = la_explain_json_conn(conn, out->args->names);
    set(o, "type", text("connection"));
    set(o, "version", number(SCHEMA_VERSION));
    dump(out, o);
    (void)fputc('\n', out->file);
}

static void
line_end(struct la_explain_out *out, const struct la_explain_file *file,
         struct la_captures *captures)
{
    json_t *o = whole(out, file, captures);
    set(o, "type", text("file"));
    set(o, "version", number(SCHEMA_VERSION));
    dump(out, o);
    (void)fputc('\n', out->file);
}

const struct la_explain_view la_explain_jsonl = {
    .name = "jsonl",
    .wants_throughput = true,
    .transitions = true,
    .conn = line_conn,
    .end = line_end,
};
