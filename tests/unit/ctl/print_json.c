/* SPDX-License-Identifier: BSD-3-Clause */
// print_json.c [empty]: the sample, or a switch with nothing in it, as JSON, for test_json.py to read.
#include "json.h"
#include "sample.h"

int main(int argc, char **argv)
{
    struct state *s = sample_state();
    struct show sh = { 0 };

    (void)argv;
    if (argc > 1)
        memset(s, 0, sizeof(*s));
    else
        sample_show(&sh);
    show_count(&sh, s);
    json_print(&sh, stdout);
    show_fini(&sh);
    free(s);
    return 0;
}
