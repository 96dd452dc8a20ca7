/* SPDX-License-Identifier: MIT
 *
 * fuzz_drill.c - packet scripts that nobody would write
 *
 * The input is a script's text: it is read, and played if that succeeds. Every mistake has a line
 * and a sentence; none ends the process.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "drill/drill.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct la_drill_script script = {.path = "fuzz"};
    struct la_drill_mistake mistake = {0};
    struct la_drill_result result;
    const struct la_trace nobody = {NULL, NULL, 0};
    la_drill_cfg_init(&script.cfg);
    if (la_drill_read(&script, (struct la_bytes){data, n}, &mistake)) {
        la_drill_play(&script, &nobody, &result);
        if (result.outcome != LA_DRILL_PASSED && result.mistake.text[0] == 0)
            abort();
    } else if (mistake.text[0] == 0 || strchr(mistake.text, '\n') != NULL) {
        abort();
    }
    la_drill_script_fini(&script);
    return 0;
}
