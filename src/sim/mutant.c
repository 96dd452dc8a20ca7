/* SPDX-License-Identifier: MIT
 *
 * mutant.c - the lies that the simulator can tell its own laws: names, and who must see them
 */
#include "sim/sim.h"

static const struct {
    const char *name;
    enum la_sim_law law;
} mutants[LA_SIM_MUTANTS] = {
    {"NONE", LA_SIM_L_NONE},
#define MUTANT(name, law, text) {#name, LA_SIM_L_##law},
#include "sim/mutant.def"
#undef MUTANT
};

const char *
la_sim_mutant_name(enum la_sim_mutant mutant)
{
    return mutant < LA_SIM_MUTANTS ? mutants[mutant].name : "?";
}

enum la_sim_law
la_sim_mutant_law(enum la_sim_mutant mutant)
{
    return mutant < LA_SIM_MUTANTS ? mutants[mutant].law : LA_SIM_L_NONE;
}
