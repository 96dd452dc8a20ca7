/* SPDX-License-Identifier: MIT
 *
 * print.h - words of a scenario beside its ladder: headings, paragraphs
 */
#ifndef LA_LAB_PRINT_H
#define LA_LAB_PRINT_H

#include <lastack/story.h>

/* As it is. */
void la_lab_put_text(const struct la_story_writer *out, const char *text);
/* Each line of `text` is a paragraph, broken between words; the first line of each begins with
 * `first`, those behind it with as many blanks. */
void la_lab_put_prose(const struct la_story_cfg *story, const char *first, const char *text);
/* A heading; bold where there is colour. */
void la_lab_put_heading(const struct la_story_cfg *story, const char *text);

#endif
