/* SPDX-License-Identifier: BSD-3-Clause */
// layout.c: where things are in the memory that the programs share, for memory.py: a name and a number a line.
#include <stdio.h>

#include "fabric.h"
#include "state.h"

#define SAY(name, value) printf(#name " %zu\n", (size_t)(value))

int main(void)
{
    SAY(STATE, sizeof(struct state));
    SAY(GUESTS, offsetof(struct state, guests));
    SAY(GUEST, sizeof(struct state_guest));
    SAY(BINDINGS, offsetof(struct state, bindings));
    SAY(BINDING, sizeof(struct state_binding));
    SAY(BINDING_GUEST, offsetof(struct state_binding, guest));
    SAY(BINDING_KIND, offsetof(struct state_binding, front.kind));
    SAY(BINDING_DEVICE, offsetof(struct state_binding, device));
    SAY(VIFS, offsetof(struct state_guest, vifs));
    SAY(KIND, FRONT_DEVICES_MAX * sizeof(struct state_vif));
    SAY(VIF, sizeof(struct state_vif));
    SAY(VIF_FROM, offsetof(struct state_vif, from));
    SAY(VIF_TO, offsetof(struct state_vif, to));
    SAY(LEDGER_COMMIT, offsetof(struct ledger, commit));
    SAY(LEDGER_POS, LEDGER_POS);
    SAY(POS, offsetof(struct ledger, pos));
    SAY(POS_BYTES, sizeof(struct ring_pos));
    SAY(POS_FRAMES, offsetof(struct ring_pos, frames));
    SAY(FABRIC_MAGIC, FABRIC_MAGIC);
    SAY(FABRIC_VERSION, FABRIC_VERSION);
    SAY(FABRIC_EPOCH, offsetof(struct fabric_head, epoch));
    SAY(FABRIC_SIZES, offsetof(struct fabric_head, max_vifs));
    SAY(FABRIC_PLACES, offsetof(struct fabric_head, vifs_at));
    SAY(FABRIC_HEAD, sizeof(struct fabric_head));
    SAY(LANE, sizeof(struct lane));
    SAY(ROW_TAKEN, sizeof(struct fabric_row));
    SAY(TAKEN, sizeof(struct fabric_taken));
    SAY(LANE_TAIL, offsetof(struct lane, tail));
    SAY(SLOT, sizeof(struct lane_slot));
    SAY(SLOT_BUF, offsetof(struct lane_slot, buf));
    SAY(FDB_EMPTY, FDB_EMPTY);
    SAY(FDB_GONE, FDB_GONE);
    return 0;
}
