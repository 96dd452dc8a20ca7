/* SPDX-License-Identifier: MIT
 *
 * plot.h - pictures as SVG, drawn by gnuplot
 *
 * gnuplot is asked for only when a picture is wanted; without it there is one line that says so.
 */
#ifndef LA_CLI_PLOT_H
#define LA_CLI_PLOT_H

#include "story/plot.h"

enum { LA_PLOT_ERROR_BYTES = 240 };

/* Makes the folder, if it is not there. False: error says why, in one line without its name. */
bool la_plot_dir(const char *dir, char error[LA_PLOT_ERROR_BYTES]);
/* Writes DIR/NAME.svg. False: error says why in one line; nothing is left there. */
bool la_plot_svg(const struct la_plot *plot, const char *dir, const char *name,
                 char error[LA_PLOT_ERROR_BYTES]);

#endif
