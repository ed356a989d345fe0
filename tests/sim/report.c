/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

#include "alloc.h"
#include "block.h"
#include "domain.h"
#include "mapping.h"
#include "peer.h"
#include "report.h"

struct user {
    struct user *next;
    uint32_t domid;
    pid_t pid;
    uint32_t n_pages;
};

// One granting process.
struct row {
    struct row *next;
    struct domain *domain;
    pid_t pid;
    uint32_t n_granted, n_mapped;
    struct user *users;
};

static struct row *row_get(struct row **rows, const struct block *b)
{
    struct row *r;

    for (r = *rows; r != NULL; r = r->next) {
        if (r->domain == b->domain && r->pid == b->pid)
            return r;
    }
    r = alloc(sizeof(*r));
    r->domain = b->domain;
    r->pid = b->pid;
    r->next = *rows;
    *rows = r;
    return r;
}

static void user_count(struct row *r, const struct peer *peer)
{
    struct user *u;

    for (u = r->users; u != NULL; u = u->next) {
        if (u->domid == peer->domain->domid && u->pid == peer->pid) {
            u->n_pages++;
            return;
        }
    }
    u = alloc(sizeof(*u));
    *u = (struct user){ .next = r->users, .domid = peer->domain->domid, .pid = peer->pid, .n_pages = 1 };
    r->users = u;
}

static struct row *rows_make(const struct peer *peers)
{
    struct row *rows = NULL;
    const struct mapping *m;

    for (struct block *b = blocks; b != NULL; b = b->next) {
        b->row = row_get(&rows, b);
        if (b->shared && b->domain->alive)
            b->row->n_granted += b->count;
        for (uint32_t i = 0; i < b->count; i++)
            b->row->n_mapped += b->maps[i] > 0;
    }
    for (const struct peer *peer = peers; peer != NULL; peer = peer->next) {
        for (m = peer->mappings; m != NULL; m = m->next) {
            for (uint32_t i = 0; i < m->count; i++)
                user_count(m->pages[i].block->row, peer);
        }
    }
    return rows;
}

static void row_print(int fd, struct row *r)
{
    struct user *u;

    if (r->n_granted > 0 || r->n_mapped > 0) {
        dprintf(fd, "domain %u pid %d granted %u mapped %u by", r->domain->domid, r->pid, r->n_granted, r->n_mapped);
        for (u = r->users; u != NULL; u = u->next)
            dprintf(fd, " %u/%d=%u", u->domid, u->pid, u->n_pages);
        dprintf(fd, "%s\n", r->users == NULL ? " -" : "");
    }
    while ((u = r->users) != NULL) {
        r->users = u->next;
        free(u);
    }
}

void report_write(int fd, const struct peer *peers)
{
    struct row *rows = rows_make(peers), *r;

    while ((r = rows) != NULL) {
        rows = r->next;
        row_print(fd, r);
        free(r);
    }
}
