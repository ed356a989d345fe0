/* SPDX-License-Identifier: BSD-3-Clause */
// session.h: the conversation with the watcher. Forwarding doesn't depend on it.
#ifndef XV_SESSION_H
#define XV_SESSION_H

#include <sys/types.h>

#include "heartbeat.h"
#include "link.h"
#include "primary.h"

struct session {
    struct primary *primary;
    struct link link;
    int netifs; // readable when an interface of the kernel changed
    bool stop; // the watcher says so, or nothing can go on
    bool failed; // and that is a failure
    int said; // why it waits, logged once
    uint32_t links_unsaid; // bit an uplink
    uint64_t connections; // made so far
    uint64_t watcher_epoch;
    uint64_t hello_ms, link_ms, state_ms, watchdog_ms, waits_ms; // when last done
    struct heartbeat heartbeats[FABRIC_IO_MAX]; // of the I/O lcores
    ino_t state_ino;
    struct msg_port_vif wants[FABRIC_VIFS_MAX]; // what the watcher asks and is not told yet; type 0: nothing
    uint32_t n_wants;
};

// Starts the I/O lcores when the state is there. Returns 0 or -errno.
typedef int session_start_fn(struct primary *p);

// Connect. The watcher need not be there. Returns 0 or -errno; end with session_close().
int session_open(struct session *s, struct primary *p);
void session_close(struct session *s);

// What is due at now_ms: never blocks. While session_waits() I/O lcores have something to do that an answer waits for.
void session_turn(struct session *s, uint64_t now_ms, session_start_fn *start);

static inline bool session_waits(const struct session *s)
{
    return s->n_wants > 0;
}

#endif
