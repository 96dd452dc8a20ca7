#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""style.py finds what is planted."""
import unittest

import planted
import style

ONE = "src/base/one.c"


class Style(planted.PlantedTest):
    @staticmethod
    def check(root, findings):
        style.check(root, findings)

    def test_clean(self):
        self.assert_clean()

    def test_long_line(self):
        self.append(ONE, "/* " + "x" * 100 + " */\n")
        self.assert_finds(ONE + ":13:", "106 characters")

    def test_tab(self):
        self.append(ONE, "int\tx;\n")
        self.assert_finds(ONE + ":13:", "a tab")

    def test_trailing_space(self):
        self.append(ONE, "int x; \n")
        self.assert_finds(ONE + ":13:", "spaces at the end")

    def test_no_spdx(self):
        self.plant("src/base/two.c", "int x;\n")
        self.assert_finds("src/base/two.c:1:", "no SPDX line")

    def test_header_of_another_file(self):
        self.plant("src/base/two.c", planted.CLEAN["src/link/wire.c"])
        self.assert_finds("src/base/two.c:3:", "does not name the file")

    def test_conflict_marker(self):
        self.append("README.md", "<" * 7 + " HEAD\n")
        self.assert_finds("README.md:4:", "a conflict marker")

    def test_work_left_undone(self):
        self.append(ONE, "/* TO" + "DO: more */\n")
        self.assert_finds(ONE + ":13:", "left undone")

    def test_long_function(self):
        self.append(ONE, "int\nlong_one(void)\n{\n" + "    x();\n" * 81 + "}\n")
        self.assert_finds(ONE + ":15:", "long_one() has 81 lines")

    def test_typedef_struct(self):
        self.append(ONE, "typedef struct {\n    int x;\n} la_thing;\n")
        self.assert_finds(ONE + ":13:", "typedef of struct la_thing")

    def test_typedef_of_a_function_that_returns_a_struct(self):
        self.append(ONE, "typedef struct la_x *la_find(void *ctx);\n")
        self.assert_clean()

    def test_condition_in_core(self):
        self.append(ONE, "#ifdef LA_FAST\n#endif\n")
        self.assert_finds(ONE + ":13:", "#ifdef in a core room")

    def test_condition_elsewhere(self):
        self.append("src/link/wire.c", "#ifdef LA_FAST\n#endif\n")
        self.assert_clean()

    def test_second_writer_of_a_state(self):
        head = "/* SPDX-License-Identifier: MIT\n *\n * s.c - s\n */\n"
        self.plant("src/stack/s.c", head +
                   "void\nla_tcp_enter(struct c *c)\n{\n    c->state = 1;\n}\n\n"
                   "void\nc_init(struct c *c)\n{\n    c->state = LA_TCP_CLOSED;\n}\n\n"
                   "void\nleave(struct c *c)\n{\n    if (c->state == 2)\n"
                   "        c->state = 3;\n}\n")
        self.assert_finds("src/stack/s.c:21:", "leave writes a state")

    def test_deviation_without_row(self):
        self.append(ONE, "/* DEVIATION(D7): so */\n")
        self.assert_finds(ONE + ":13:", "deviation D7 is not in the docs")

    def test_row_without_deviation(self):
        self.append("docs/deviations.md", "## D8: gone\n")
        self.assert_finds("docs/deviations.md:2:", "deviation D8 is marked nowhere")

    def test_rfc_without_row(self):
        self.append(ONE, "/* RFC 9999 1 */\n")
        self.assert_finds(ONE + ":13:", "RFC 9999 is not in docs/rfcs.md")


if __name__ == "__main__":
    unittest.main()
