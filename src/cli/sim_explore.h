/* SPDX-License-Identifier: MIT
 *
 * sim_explore.h - `lastack sim explore`
 */
#ifndef LA_CLI_SIM_EXPLORE_H
#define LA_CLI_SIM_EXPLORE_H

/* argv[0] is "explore". Returns the exit status. */
int la_cli_sim_explore(int argc, char **argv);

#endif
