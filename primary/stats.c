/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <unistd.h>

#include "ledger.h"
#include "stats.h"

struct sums {
    uint64_t frames;
    uint64_t drops;
};

enum wire_side { WIRE_RX, WIRE_TX, WIRE_COPY };

#define WIRE_SIDE(name, text, meaning, side) [DROP_##name] = WIRE_##side,
static const enum wire_side wire_sides[WIRE_DROPS] = { VIF_WIRE_DROPS(WIRE_SIDE) };

static uint64_t wire_count(const struct state_wire *w, enum wire_side side)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < WIRE_DROPS; i++) {
        if (wire_sides[i] == side)
            sum += atomic_load_explicit(&w->drops[i], memory_order_relaxed);
    }
    return sum;
}

static struct sums ledger_sums(const struct primary *p, uint32_t vif, const struct ledger *l)
{
    struct ring_pos pos;
    struct sums s = { 0, 0 };

    ledger_count(l, p->since[vif], p->vifs[vif].gen, &pos);
    s.frames = pos.frames;
    for (uint32_t i = 0; i < STATE_DROPS_MAX; i++)
        s.drops += pos.drops[i];
    return s;
}

// What the primary dropped was delivered by the worker's count.
static struct sums tx_sums(const struct primary *p, uint32_t vif)
{
    const struct state_vif *v = state_vif_of(p->state, vif);
    struct sums s = v == NULL ? (struct sums){ 0, 0 } : ledger_sums(p, vif, &v->from);
    uint64_t lost = wire_count(&p->state->wires[vif], WIRE_TX);

    lost = lost < s.frames ? lost : s.frames;
    s.frames -= lost;
    s.drops += lost;
    return s;
}

// What the primary dropped never came to the worker.
static struct sums rx_sums(const struct primary *p, uint32_t vif)
{
    const struct state_vif *v = state_vif_of(p->state, vif);
    struct sums s = v == NULL ? (struct sums){ 0, 0 } : ledger_sums(p, vif, &v->to);

    s.drops += wire_count(&p->state->wires[vif], WIRE_RX);
    return s;
}

static void vif_print(const struct primary *p, uint32_t vif, FILE *out)
{
    struct sums tx = tx_sums(p, vif), rx = rx_sums(p, vif);

    fprintf(out, "\nStatistics for device %" PRIu32 " ------------------------------", vif);
    fprintf(out, "\nTX total: \t\t%" PRIu64, tx.frames + tx.drops);
    fprintf(out, "\nTX dropped: \t\t%" PRIu64, tx.drops);
    fprintf(out, "\nTX successful: \t\t%" PRIu64, tx.frames);
    fprintf(out, "\nRX total: \t\t%" PRIu64, rx.frames + rx.drops);
    fprintf(out, "\nRX dropped: \t\t%" PRIu64, rx.drops);
    fprintf(out, "\nRX successful: \t\t%" PRIu64, rx.frames);
}

void stats_print(const struct primary *p, FILE *out)
{
    if (isatty(fileno(out)))
        fputs("\033[2J\033[1;1H", out);
    fputs("\nDevice statistics ====================================", out);
    for (uint32_t vif = 0; vif < p->fabric->max_vifs; vif++) {
        if (p->vifs[vif].gen != 0)
            vif_print(p, vif, out);
    }
    fputs("\n======================================================\n", out);
    fflush(out);
}
