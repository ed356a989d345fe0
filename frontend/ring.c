/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "ring.h"
#include "xenvirt.h"

static const char *const fault_texts[] = {
#define RING_FAULT_TEXT(name, text) text,
    RING_FAULTS(RING_FAULT_TEXT)
};

static uint32_t ring_bytes(uint16_t size)
{
    return vring_size(size, XENVIRT_RING_ALIGN);
}

uint32_t ring_pages(uint16_t size)
{
    return (ring_bytes(size) + XENVIRT_PAGE_BYTES - 1) / XENVIRT_PAGE_BYTES;
}

int ring_open(struct ring *r, void *mem, uint16_t size, uint16_t limit, const char *name)
{
    struct vring v;

    *r = (struct ring){ .size = size, .limit = limit, .name = name };
    r->slots = calloc(size, sizeof(*r->slots));
    r->free = calloc(size, sizeof(*r->free));
    if (r->slots == NULL || r->free == NULL) {
        ring_close(r);
        return -ENOMEM;
    }
    memset(mem, 0, ring_bytes(size));
    vring_init(&v, size, mem, XENVIRT_RING_ALIGN);
    r->desc = v.desc;
    r->avail = v.avail;
    r->used = v.used;
    r->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
    for (uint16_t id = limit; id > 0; id--)
        ring_put(r, id - 1);
    return 0;
}

void ring_close(struct ring *r)
{
    free(r->slots);
    free(r->free);
    *r = (struct ring){ 0 };
}

void ring_break(struct ring *r, enum ring_fault fault)
{
    if (r->fault != RING_NONE)
        return;
    r->fault = fault;
    LOG(WARNING, "%s: broken by the back end: %s; stop and start the device\n", r->name, ring_fault_text(fault));
}

const char *ring_fault_text(enum ring_fault fault)
{
    return fault < RING_FAULT_COUNT ? fault_texts[fault] : "unknown";
}
