/* SPDX-License-Identifier: BSD-3-Clause */
// Messages as they come from sockets, and a region table as a worker finds it in its file: what is found good can be
// used without another look.
#include "fabric.h"
#include "input.h"
#include "msg.h"
#include "region.h"

static void message(struct input *in)
{
    uint8_t how = input_u8(in);
    size_t n = in->left < sizeof(union msg) ? in->left : sizeof(union msg);
    union msg *m = malloc(sizeof(*m));

    memset(m, 0xa5, sizeof(*m));
    if (how & 1) { // let the header be right
        m->hdr = (struct msg_hdr){ .magic = MSG_MAGIC, .type = (uint16_t)(how >> 1) % MSG_TYPES };
        n = m->hdr.size = m->hdr.type != MSG_NONE ? msg_bytes(m->hdr.type) : sizeof(m->hdr);
        input_bytes(in, (char *)m + sizeof(m->hdr), n - sizeof(m->hdr));
    } else {
        input_bytes(in, m, n);
    }
    for (int from = MSG_FROM_WATCHER; from <= MSG_FROM_CTL; from++)
        msg_check(m, n, from);
    msg_name(m->hdr.type);
    free(m);
}

static void region_table(struct input *in)
{
    uint8_t how = input_u8(in);
    size_t n = in->left;
    struct region_table *t = malloc(n + 1); // exactly as long as it says, for the sanitizer
    uint64_t ends[REGIONS_MAX];

    input_bytes(in, t, n);
    if (n >= sizeof(*t) && (how & 1)) {
        t->magic = REGION_MAGIC;
        t->version = REGION_VERSION;
    }
    if (n >= sizeof(*t) && region_table_check(t, n) == 0) {
        MUST(t->n_regions <= REGIONS_MAX);
        for (uint32_t i = 0; i < t->n_regions; i++) {
            const struct region *r = &region_first(t)[i];

            // All of its references are there, for the sanitizer.
            MUST(r->first_ref + r->n_pages <= t->n_refs);
            region_sum(region_refs(t) + r->first_ref, r->n_pages * sizeof(uint32_t));
            ends[i] = r->gva + (uint64_t)r->n_pages * XENVIRT_PAGE_BYTES;
            for (uint32_t k = REGION_MEMPOOL; k < i; k++)
                MUST(ends[k] <= r->gva || ends[i] <= region_first(t)[k].gva);
        }
    }
    region_sum(t, n);
    free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct input in = { data, n };

    if (input_u8(&in) & 1)
        region_table(&in);
    else
        message(&in);
    return 0;
}
