/* SPDX-License-Identifier: BSD-3-Clause */
// bench-guests: two guests in one process on one core, sending to each other through whatever switch serves them.
//
// usage: bench-guests EAL-ARGUMENTS -- GUEST GUEST
//   GUEST: virtio ARGUMENTS MAC               net_virtio_user with these arguments
//          xen DRIVER DOMID XENSTORE MAC      net_xenvirt, from this file, in this simulated domain
// A line of struct traffic_plan's fields, "SECONDS LENGTH RATE BACK" on standard input is answered with a line of JSON;
// at its end the program ends.
#include <stdio.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>

#include "traffic.h"

static struct port ports[TRAFFIC_SIDES];
static struct traffic traffic;

static void ports_open(int argc, char **argv)
{
    int at = 0;

    for (unsigned i = 0; i < TRAFFIC_SIDES; i++) {
        if (argc - at >= 3 && strcmp(argv[at], "virtio") == 0) {
            port_open_virtio(&ports[i], i, argv[at + 1], argv[at + 2]);
            at += 3;
        } else if (argc - at >= 5 && strcmp(argv[at], "xen") == 0) {
            port_open_xenvirt(&ports[i], i, argv[at + 1], argv[at + 2], argv[at + 3], argv[at + 4]);
            at += 5;
        } else {
            rte_exit(2, "usage: bench-guests EAL-ARGUMENTS -- GUEST GUEST\n");
        }
    }
}

static double ns(uint64_t cycles)
{
    return (double)cycles * 1e9 / (double)rte_get_tsc_hz();
}

static void report(const struct traffic *t)
{
    const struct side *a = &t->sides[0], *b = &t->sides[1];
    const struct hist *h = &t->latency;

    printf("{\"seconds\": %.6f, \"sent\": [%lu, %lu], \"received\": [%lu, %lu], \"rate\": [%.0f, %.0f], ", t->seconds,
        a->sent, b->sent, a->received, b->received, (double)a->measured / t->seconds, (double)b->measured / t->seconds);
    printf("\"refused\": %lu, \"wrong\": %lu, \"strangers\": %lu, ", a->refused + b->refused, a->wrong + b->wrong,
        t->strangers);
    printf("\"p50_ns\": %.0f, \"p99_ns\": %.0f, \"p999_ns\": %.0f, \"max_ns\": %.0f}\n", ns(hist_at(h, 0.5)),
        ns(hist_at(h, 0.99)), ns(hist_at(h, 0.999)), ns(h->max));
    fflush(stdout);
}

int main(int argc, char **argv)
{
    int used = rte_eal_init(argc, argv);
    struct traffic_plan plan;
    char line[128];

    if (used < 0)
        return 1;
    ports_open(argc - used - 1, argv + used + 1);
    traffic_init(&traffic, ports);
    printf("{\"hz\": %lu}\n", rte_get_tsc_hz());
    fflush(stdout);
    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (sscanf(line, "%lf %u %lf %u", &plan.seconds, &plan.len, &plan.rate, &plan.back) != 4 || plan.back > 1 ||
            plan.len < sizeof(struct frame_head) || plan.len > RTE_ETHER_MAX_LEN)
            rte_exit(2, "what is %s", line);
        traffic_run(&traffic, &plan);
        report(&traffic);
    }
    for (unsigned i = 0; i < TRAFFIC_SIDES; i++)
        rte_eth_dev_stop(ports[i].id);
    return 0;
}
