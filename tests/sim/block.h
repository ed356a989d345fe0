/* SPDX-License-Identifier: BSD-3-Clause */
// The pages of one share call. A block exists while it is shared or mapped.
#ifndef SIM_BLOCK_H
#define SIM_BLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct domain;
struct grant_rep;
struct grant_req;
struct peer;
struct row;

// A memfd with all blocks of a peer, one behind the other.
struct file {
    unsigned users;
    int rw, ro;
    uint64_t n_pages;
    unsigned stamp, number; // the last map call that sent it, and its number there
};

struct block {
    struct block *next; // of all blocks
    struct domain *domain;
    struct file *file;
    uint64_t id, first_page;
    uint32_t count, to_domid, notify;
    bool writable;
    bool shared; // the granting process still has it
    pid_t pid;
    uint64_t n_maps; // the sum of
    uint32_t *maps, *refs; // maps of each page; and the references
    struct row *row; // for report.c
};

extern struct block *blocks; // all of them, the newest first

// GRANT_SHARE and GRANT_UNSHARE of a peer, which has a domain. Both return 0 or an errno. block_share() puts the
// references into list, and into *fd a descriptor that stays the block's.
int block_share(struct peer *peer, const struct grant_req *req, int list, struct grant_rep *rep, int *fd);
int block_unshare(struct peer *peer, uint64_t id);

// The end of all that the peer shares, and of its file.
void blocks_unshare(struct peer *peer);

// One more map of a page, or one less: that may be the end of the block.
void block_hold(struct block *b, uint32_t index);
void block_release(struct block *b, uint32_t index);

// Clears the byte at offset of a page.
void block_byte_clear(const struct block *b, uint32_t index, uint32_t offset);

// An id that no block and no mapping had before.
uint64_t block_id(void);

#endif
