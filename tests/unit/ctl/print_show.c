/* SPDX-License-Identifier: BSD-3-Clause */
// print_show.c json|metrics [empty|twice]: the sample, a switch with nothing in it, or the sample with all records twice,
// for test_json.py, test_metrics.py and test_grafana.py to read.
#include "json.h"
#include "metrics.h"
#include "sample.h"

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[2] : "";
    struct state *s = sample_state();
    struct show sh = { 0 };

    if (strcmp(what, "empty") == 0)
        memset(s, 0, sizeof(*s));
    else
        sample_show(&sh);
    if (strcmp(what, "twice") == 0)
        sample_show(&sh);
    show_count(&sh, s);
    if (argc > 1 && strcmp(argv[1], "json") == 0)
        json_print(&sh, stdout);
    else
        metrics_print(&sh, stdout);
    show_fini(&sh);
    free(s);
    return 0;
}
