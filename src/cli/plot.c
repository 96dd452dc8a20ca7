/* SPDX-License-Identifier: MIT
 *
 * plot.c - pictures as SVG, drawn by gnuplot
 *
 * gnuplot reads a script with the data in it and writes the picture to its standard output, both
 * through files without a name: no path of ours stands in the script. Text goes into it in single
 * quotes, where gnuplot knows nothing but the quote itself.
 */
#include "cli/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { WIDTH = 960, HEIGHT = 480, PATH_BYTES = 4096, COPY_BYTES = 65536, COLOURS_N = 5 };

static const char *const colours[COLOURS_N] = {"#dceafa", "#fbdfd9", "#ffffff", "#fff0c8",
                                               "#e0f3e0"};

/* ---- the script ------------------------------------------------------------------------- */

/* 'text', with what would end it doubled and control characters left out. */
static void
put_text(FILE *out, const char *text)
{
    (void)fputc('\'', out);
    for (; *text != 0; text++) {
        if (*text == '\'')
            (void)fputc('\'', out);
        if ((unsigned char)*text >= 0x20)
            (void)fputc(*text, out);
    }
    (void)fputc('\'', out);
}

static void
put_data(FILE *out, const struct la_plot *plot)
{
    for (size_t i = 0; i < plot->series_n; i++) {
        const struct la_plot_series *series = &plot->series[i];
        if (series->n == 0)
            continue;
        (void)fprintf(out, "$s%zu << EOD\n", i);
        bool bars = series->style == LA_PLOT_BARS || series->style == LA_PLOT_BLOCKS;
        for (size_t k = 0; k + bars < series->n; k += 1 + bars)
            (void)fprintf(out, "%.9g %.9g %.9g\n", series->points[k].x, series->points[k].y,
                          series->points[k + bars].y - series->points[k].y);
        if (series->style <= LA_PLOT_BOUND) /* the last value holds */
            (void)fprintf(out, "%.9g %.9g 0\n", plot->x_max, series->points[series->n - 1].y);
        (void)fputs("EOD\n", out);
    }
}

/* The first span of this word. */
static size_t
first_alike(const struct la_plot *plot, size_t i)
{
    size_t first = 0;
    while (strcmp(plot->spans[first].word, plot->spans[i].word) != 0)
        first++;
    return first;
}

/* How many other words came before this one, round the palette. */
static unsigned
colour_of(const struct la_plot *plot, size_t i)
{
    unsigned n = 0;
    size_t first = first_alike(plot, i);
    for (size_t k = 0; k < first; k++)
        n += first_alike(plot, k) == k;
    return n % COLOURS_N;
}

/* Bands behind the curves, one colour for each word. */
static void
put_spans(FILE *out, const struct la_plot *plot)
{
    for (size_t i = 0; i < plot->spans_n; i++) {
        double end = i + 1 < plot->spans_n ? plot->spans[i + 1].x : plot->x_max;
        if (end > plot->x_max)
            end = plot->x_max;
        if (end <= plot->spans[i].x)
            continue;
        (void)fprintf(out,
                      "set object rectangle from %.9g, graph 0 to %.9g, graph 1 behind "
                      "fillcolor rgb '%s' fillstyle solid noborder\n",
                      plot->spans[i].x, end, colours[colour_of(plot, i)]);
    }
}

/* What the bands' colours mean. */
static void
put_keys(FILE *out, const struct la_plot *plot)
{
    for (size_t i = 0; i < plot->spans_n; i++) {
        if (first_alike(plot, i) != i)
            continue;
        (void)fprintf(
            out,
            ", \\\n     keyentry with boxes fillstyle solid border linecolor rgb '#bbbbbb' "
            "fillcolor rgb '%s' title ",
            colours[colour_of(plot, i)]);
        put_text(out, plot->spans[i].word);
    }
}

/* How each style is drawn: the columns of the data, and what gnuplot makes of them. */
static const char *const drawn[LA_PLOT_STYLES_N] = {
    [LA_PLOT_AREA] = "using 1:2 with steps linecolor rgb '#1f5fa8' linewidth 2",
    [LA_PLOT_PEAKS] = "using 1:2 with steps linecolor rgb '#1f5fa8' linewidth 1.5",
    [LA_PLOT_LINE] = "using 1:2 with steps linecolor rgb '#d98200' linewidth 2",
    [LA_PLOT_BOUND] = "using 1:2 with steps linecolor rgb '#888888' linewidth 1.5",
    [LA_PLOT_DOTS] = "using 1:2 with points pointtype 7 pointsize 0.3 linecolor rgb '#1f5fa8'",
    [LA_PLOT_BARS] = "using 1:2:(0):3 with vectors nohead linecolor rgb '#222222' linewidth 1.5",
    [LA_PLOT_BLOCKS] = "using 1:2:(0):3 with vectors nohead linecolor rgb '#2f8f4e' linewidth 3",
    [LA_PLOT_MARKS] = "using 1:2 with points pointtype 2 pointsize 0.8 linecolor rgb '#c0392b'",
};

static void
put_curves(FILE *out, const struct la_plot *plot)
{
    const char *between = "plot ";
    for (size_t i = 0; i < plot->series_n; i++) {
        const struct la_plot_series *series = &plot->series[i];
        if (series->n == 0)
            continue;
        (void)fprintf(out, "%s$s%zu %s title ", between, i, drawn[series->style]);
        put_text(out, series->name);
        between = ", \\\n     ";
    }
    put_keys(out, plot);
    (void)fputc('\n', out);
}

static void
put_script(FILE *out, const struct la_plot *plot)
{
    (void)fprintf(out,
                  "set encoding utf8\n"
                  "set terminal svg size %d,%d dynamic noenhanced background rgb 'white' "
                  "font 'sans-serif,13'\n"
                  "set key under center horizontal Left reverse samplen 2 height 1\n"
                  "set grid back linecolor rgb '#dddddd'\n"
                  "set border 3\nset tics nomirror out\n"
                  "set xrange [0:%.9g]\nset yrange [0:%.9g]\n",
                  WIDTH, HEIGHT, plot->x_max, plot->y_max);
    (void)fputs("set title ", out);
    put_text(out, plot->title);
    (void)fputs("\nset xlabel ", out);
    put_text(out, plot->x_name);
    (void)fputs("\nset ylabel ", out);
    put_text(out, plot->y_name == NULL ? "" : plot->y_name);
    (void)fputc('\n', out);
    put_data(out, plot);
    put_spans(out, plot);
    put_curves(out, plot);
}

/* ---- the program ------------------------------------------------------------------------ */

/* The first line of what it complained about, behind where it stands in the script. */
static void
read_complaint(FILE *from, char error[LA_PLOT_ERROR_BYTES])
{
    char line[LA_PLOT_ERROR_BYTES] = "";
    char said[LA_PLOT_ERROR_BYTES - 32] = "it did not say why";
    rewind(from);
    while (fgets(line, sizeof(line), from) != NULL) {
        line[strcspn(line, "\n")] = 0;
        if (line[0] != 0)
            (void)snprintf(said, sizeof(said), "%.200s", line);
    }
    (void)snprintf(error, LA_PLOT_ERROR_BYTES, "gnuplot failed: %s", said);
}

static bool
run_gnuplot(FILE *script, FILE *picture, FILE *complaint, char error[LA_PLOT_ERROR_BYTES])
{
    char name[] = "gnuplot", dash[] = "-d"; /* no file of the user's own is read */
    char *argv[] = {name, dash, NULL};
    posix_spawn_file_actions_t actions;
    pid_t pid;
    int status = 0;
    if (posix_spawn_file_actions_init(&actions) != 0) {
        (void)snprintf(error, LA_PLOT_ERROR_BYTES, "no memory");
        return false;
    }
    int err = posix_spawn_file_actions_adddup2(&actions, fileno(script), STDIN_FILENO);
    if (err == 0)
        err = posix_spawn_file_actions_adddup2(&actions, fileno(picture), STDOUT_FILENO);
    if (err == 0)
        err = posix_spawn_file_actions_adddup2(&actions, fileno(complaint), STDERR_FILENO);
    if (err == 0)
        err = posix_spawnp(&pid, name, &actions, NULL, argv, environ);
    (void)posix_spawn_file_actions_destroy(&actions);
    if (err == ENOENT) {
        (void)snprintf(error, LA_PLOT_ERROR_BYTES,
                       "gnuplot, which draws pictures, is not installed: apt install gnuplot-nox");
        return false;
    }
    while (err == 0 && waitpid(pid, &status, 0) < 0)
        err = errno == EINTR ? 0 : errno;
    if (err != 0) {
        (void)snprintf(error, LA_PLOT_ERROR_BYTES, "gnuplot cannot be run: %s", strerror(err));
        return false;
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        read_complaint(complaint, error);
        return false;
    }
    return true;
}

/* ---- files ------------------------------------------------------------------------------ */

static bool
copy(FILE *picture, const char *path, char error[LA_PLOT_ERROR_BYTES])
{
    char octets[COPY_BYTES];
    size_t n;
    FILE *out = fopen(path, "we");
    bool good = out != NULL;
    rewind(picture);
    while (good && (n = fread(octets, 1, sizeof(octets), picture)) > 0)
        good = fwrite(octets, 1, n, out) == n;
    int err = errno;
    if (out != NULL && fclose(out) != 0 && good) {
        err = errno;
        good = false;
    }
    if (!good) {
        (void)snprintf(error, LA_PLOT_ERROR_BYTES, "cannot write %.160s: %s", path, strerror(err));
        if (out != NULL)
            (void)remove(path);
    }
    return good;
}

bool
la_plot_dir(const char *dir, char error[LA_PLOT_ERROR_BYTES])
{
    struct stat at;
    if (mkdir(dir, 0777) == 0 || (errno == EEXIST && stat(dir, &at) == 0 && S_ISDIR(at.st_mode)))
        return true;
    (void)snprintf(error, LA_PLOT_ERROR_BYTES, "cannot make the folder %.160s: %s", dir,
                   strerror(errno));
    return false;
}

bool
la_plot_svg(const struct la_plot *plot, const char *dir, const char *name,
            char error[LA_PLOT_ERROR_BYTES])
{
    char path[PATH_BYTES];
    FILE *script = tmpfile(), *picture = tmpfile(), *complaint = tmpfile();
    bool good = script != NULL && picture != NULL && complaint != NULL;
    if (snprintf(path, sizeof(path), "%s/%s.svg", dir, name) >= (int)sizeof(path)) {
        (void)snprintf(error, LA_PLOT_ERROR_BYTES, "the name of the folder is too long");
        good = false;
    } else if (!good) {
        (void)snprintf(error, LA_PLOT_ERROR_BYTES, "no place for temporary files: %s",
                       strerror(errno));
    }
    if (good) {
        put_script(script, plot);
        good = fflush(script) == 0 && !ferror(script);
        if (!good)
            (void)snprintf(error, LA_PLOT_ERROR_BYTES, "no room for temporary files: %s",
                           strerror(errno));
        rewind(script);
    }
    good = good && run_gnuplot(script, picture, complaint, error) && copy(picture, path, error);
    if (script != NULL)
        (void)fclose(script);
    if (picture != NULL)
        (void)fclose(picture);
    if (complaint != NULL)
        (void)fclose(complaint);
    return good;
}
