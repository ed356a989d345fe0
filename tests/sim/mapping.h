/* SPDX-License-Identifier: BSD-3-Clause */
// The pages of one map call.
#ifndef SIM_MAPPING_H
#define SIM_MAPPING_H

#include <stdint.h>

#include "domain.h"

struct grant_rep;
struct grant_req;
struct peer;

struct mapping {
    struct mapping *next;
    uint64_t id;
    uint32_t count, notify;
    struct page pages[];
};

// GRANT_MAP and GRANT_UNMAP of a peer, which has a domain. Both return 0 or an errno. mapping_open() puts the runs into
// list, and into fds at most GRANT_FILES_MAX descriptors, which stay the blocks'.
int mapping_open(
    struct peer *peer, const struct grant_req *req, int list, struct grant_rep *rep, int *fds, unsigned *n_fds);
int mapping_close(struct peer *peer, uint64_t id);

// The end of all that the peer maps.
void mappings_close(struct peer *peer);

#endif
