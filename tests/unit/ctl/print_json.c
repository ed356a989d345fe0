/* SPDX-License-Identifier: BSD-3-Clause */
// print_json.c: the sample as JSON, for test_json.py to read.
#include "sample.h"

int main(void)
{
    struct state *s = sample_state();
    struct show sh = { 0 };

    sample_show(&sh);
    show_count(&sh, s);
    show_json(&sh, stdout);
    show_fini(&sh);
    free(s);
    return 0;
}
