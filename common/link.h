/* SPDX-License-Identifier: BSD-3-Clause */
// link.h: one nanomsg socket that carries the messages of proto/msg.h.
//
// Nothing here blocks: a full or absent peer is -EAGAIN, and the caller's next round says its full state again.
#ifndef XV_LINK_H
#define XV_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "msg.h"

enum link_kind { LINK_PAIR, LINK_REQ, LINK_REP };

struct link {
    int sock; // nanomsg's, -1: closed
    int fd; // readable when a message waits; for poll and epoll
    enum msg_sender peer;
    enum msg_sender self;
    uint64_t epoch;
    uint32_t seq;
    uint64_t refused; // messages that failed msg_check()
};

// Bind (the watcher) or connect (everybody else) to run_dir/name. The socket file is for its owner only; a connect
// succeeds before the other side is there. Returns 0 or -errno; end with link_close().
int link_bind(struct link *l, enum link_kind kind, const char *run_dir, const char *name, enum msg_sender self,
    enum msg_sender peer);
int link_connect(struct link *l, enum link_kind kind, const char *run_dir, const char *name, enum msg_sender self,
    enum msg_sender peer);
void link_close(struct link *l);

// Fill in the header of *m for its type and send it. ack: seq of the message that it answers, or 0.
// Returns 0, -EAGAIN (no peer or its queue is full), or another -errno.
int link_send(struct link *l, union msg *m, enum msg_type type, uint32_t ack);

// How many connections were made so far? A change tells that the peer came back and knows nothing of us.
uint64_t link_connections(const struct link *l);

// Take a message if one waits. Returns 1 with *m checked by msg_check(), 0 if none waits, -EBADMSG/-EPROTO/-EINVAL for
// one that was refused (go on receiving), or another -errno.
int link_recv(struct link *l, union msg *m);

#endif
