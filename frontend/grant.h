/* SPDX-License-Identifier: BSD-3-Clause */
// grant.h: pages shared with the back end, and the pages that list them.
#ifndef XENVIRT_GRANT_H
#define XENVIRT_GRANT_H

#include <stddef.h>
#include <stdint.h>

#include "guest.h"
#include "xenvirt.h"

struct grant {
    void *va; // zeroed at first, contiguous
    uint32_t *refs;
    uint32_t pages;
};

// Share pages with the back end. Undone by grant_close(): the kernel keeps a page that the back end still maps until it
// is unmapped there, so nobody else gets it meanwhile.
int grant_open(struct grant *g, struct guest *guest, uint32_t pages);
void grant_close(struct grant *g, struct guest *guest);

// Say why pages couldn't be granted, and what to do about it.
void grant_complain(const struct guest *guest, uint32_t pages, int err);

// Pages with the pages that list them: what a key in XenStore names.
struct offer {
    struct grant data;
    struct grant list;
};

// -EFBIG: more than XENVIRT_PAGES_MAX.
int offer_open(struct offer *o, struct guest *guest, uint32_t pages);
void offer_close(struct offer *o, struct guest *guest);

// "12,13,14": the references of the list pages. Room for XENVIRT_LIST_PAGES_MAX of them.
#define OFFER_TEXT_MAX (XENVIRT_LIST_PAGES_MAX * 11u)
void offer_text(const struct offer *o, char text[OFFER_TEXT_MAX]);

#endif
