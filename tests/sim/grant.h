/* SPDX-License-Identifier: BSD-3-Clause */
// What the drop-in libxengnttab (gnttab.c), libxenevtchn (evtchn.c) and xensim-call say to the keeper of grant tables and event
// channels (keeper.c).
//
// A connection (SOCK_SEQPACKET, DIR/keeper) is a handle: GRANT_HELLO comes first and says whose it is, then one request
// follows the other, each with a reply. The kernel closes the connection when its process dies, however it dies; so the
// keeper knows. Lists travel in a memfd which the client sends along with the request, memory as memfds with the reply.
#ifndef SIM_GRANT_H
#define SIM_GRANT_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define GRANT_PAGE 4096
#define GRANT_FIRST_REF 8 // Xen keeps the lower ones for the console, XenStore and the like
#define GRANT_MAP_MAX 65536 // of one call: the kernel's gntdev has the same limit by default
#define GRANT_FILES_MAX 250 // different granting handles in one call; the kernel sends up to 253 descriptors
#define GRANT_NO_NOTIFY UINT32_MAX

enum grant_op {
    // domid: the client's own.
    GRANT_HELLO,
    // domid: to whom; count, flags, notify, limit. List: the keeper puts count references.
    // Reply: id; one descriptor, and the block begins at page.
    GRANT_SHARE,
    // id
    GRANT_UNSHARE,
    // count, flags, notify. List: count struct grant_name; the keeper puts runs struct grant_run over it.
    // Reply: id, runs, and the descriptors that the runs name.
    GRANT_MAP,
    // id
    GRANT_UNMAP,
    // domid: the domain lives from now on.
    GRANT_CREATE,
    // domid: none of its grants can be mapped any more.
    GRANT_DESTROY,
    // List: the keeper puts text for people, see README.md.
    GRANT_QUERY,
    EVENT_QUERY,
    // Event channels. The descriptor that comes along is a socket: each event is a packet with the port's number, as uint32_t.
    EVENT_OPEN,
    // domid: who may bind the other end. Reply: id, the port.
    EVENT_BIND_UNBOUND,
    // domid, and id: that domain's port. Reply: id, the port.
    EVENT_BIND_INTERDOMAIN,
    // id: a port that this handle has bound.
    EVENT_UNBIND,
    EVENT_NOTIFY,
    EVENT_UNMASK,
    // domid: only with this one from now on.
    EVENT_RESTRICT,
};

enum grant_flag {
    GRANT_WRITABLE = 1,
    GRANT_DOWN = 2, // hand the references of a block out in descending order
};

struct grant_req {
    uint32_t op;
    uint32_t domid;
    uint32_t count;
    uint32_t flags;
    uint32_t notify; // the byte of the block or mapping to clear at its end, or GRANT_NO_NOTIFY
    uint32_t limit; // how many pages the domain may grant in all
    uint64_t id;
};
static_assert(sizeof(struct grant_req) == 32, "no holes");

struct grant_rep {
    int32_t error; // an errno, 0 for success
    uint32_t runs;
    uint64_t id;
    uint64_t page;
};
static_assert(sizeof(struct grant_rep) == 24, "no holes");

struct grant_name {
    uint32_t domid;
    uint32_t ref;
};

// count pages that lie one after the other in a file, from page on.
struct grant_run {
    uint32_t file; // which of the descriptors
    uint32_t count;
    uint64_t page;
};

// Sends a packet with descriptors, or receives one. grant_recv() puts at most n_fds descriptors and their number into
// *n_fds. Both return 0, or -1 with errno set: ENODEV when the other side is gone.
int grant_send(int sock, const void *packet, size_t size, const int *fds, unsigned n_fds);
int grant_recv(int sock, void *packet, size_t size, int *fds, unsigned *n_fds);

#endif
