/* SPDX-License-Identifier: BSD-3-Clause */
// print_metrics.c [empty|twice]: the sample, a switch with nothing in it, or the sample with all records twice, as
// metrics, for test_metrics.py to read.
#include "metrics.h"
#include "sample.h"

int main(int argc, char **argv)
{
    struct state *s = sample_state();
    struct show sh = { 0 };

    if (argc > 1 && strcmp(argv[1], "empty") == 0)
        memset(s, 0, sizeof(*s));
    else
        sample_show(&sh);
    if (argc > 1 && strcmp(argv[1], "twice") == 0)
        sample_show(&sh);
    show_count(&sh, s);
    metrics_print(&sh, stdout);
    show_fini(&sh);
    free(s);
    return 0;
}
