/* SPDX-License-Identifier: BSD-3-Clause */
// link.h: one nanomsg socket that carries the messages of proto/msg.h.
//
// Nothing here blocks: a full or absent peer is -EAGAIN, and the caller's next round says its full state again.
#ifndef XV_LINK_H
#define XV_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "msg.h"

enum link_kind { LINK_PAIR, LINK_REQ, LINK_REP };

#define LINK_DEAF_NS 2000000000u
#define LINK_URL_BYTES 128

struct link {
    int sock; // nanomsg's, -1: closed
    int fd; // readable when a message waits; for poll and epoll
    enum link_kind kind;
    bool bound;
    bool any; // it is bound for any user
    char url[LINK_URL_BYTES];
    uint64_t heard_ns; // when the last good message came, or the link was opened
    uint64_t connections; // of sockets that are closed
    enum msg_sender peer;
    enum msg_sender self;
    uint64_t epoch;
    uint32_t seq;
    uint64_t refused; // messages that failed msg_check()
    struct {
        pid_t pid; // 0: not known
        int fd;
        ino_t ino;
    } speaker; // of a bound PAIR: see peer.h
};

// Bind (the watcher) or connect (everybody else) to run_dir/name. The socket file is for its owner only; a connect
// succeeds before the other side is there. Returns 0 or -errno; end with link_close().
int link_bind(struct link *l, enum link_kind kind, const char *run_dir, const char *name, enum msg_sender self,
    enum msg_sender peer);
int link_connect(struct link *l, enum link_kind kind, const char *run_dir, const char *name, enum msg_sender self,
    enum msg_sender peer);

// As link_bind(), for a peer of any user: who gets to it is the directory's matter.
int link_bind_any(struct link *l, enum link_kind kind, const char *run_dir, const char *name, enum msg_sender self,
    enum msg_sender peer);

// Keep nanomsg's threads when links are closed, for a process that can make none later. Returns 0 or -errno.
int link_keep(void);

void link_close(struct link *l);

// nanomsg can stay deaf for ever, on either side, when a connection breaks just after its first bytes came: it takes no
// notice of that, and a PAIR then takes no other peer. So both sides of a PAIR say something at least each LINK_DEAF_NS
// / 2, and who hears nothing for LINK_DEAF_NS has its side opened anew by link_renew(). link_deaf() returns whether
// that is due.
//
// link_renew() keeps epoch and seq; fd is another one, and what is on its way is lost. Returns 0, or -errno: then the
// link is closed, and due again after LINK_DEAF_NS.
bool link_deaf(const struct link *l);
uint64_t link_silent_ns(const struct link *l); // since the last good message, or since it was opened
int link_renew(struct link *l);

// Fill in the header of *m for its type and send it. ack: seq of the message that it answers, or 0.
// Returns 0, -EAGAIN (no peer or its queue is full), or another -errno.
int link_send(struct link *l, union msg *m, enum msg_type type, uint32_t ack);

// Returns how many connections were made so far. A change tells that the peer came back and knows nothing of us.
uint64_t link_connections(const struct link *l);

// Take a message if one waits. Returns 1 with *m checked by msg_check(), 0 if none waits, -EBADMSG/-EPROTO/-EINVAL for
// one that was refused (go on receiving), or another -errno.
int link_recv(struct link *l, union msg *m);

// Take the next good message; those that are refused are passed over. Returns false if none waits, the link fails, or so
// many were refused that others have their turn first: l->fd is readable then.
bool link_next(struct link *l, union msg *m);

#endif
