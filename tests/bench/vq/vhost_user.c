/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <linux/vhost_types.h>

#include "vhost_user.h"

#define VERSION 0x1u
#define NO_FD 0x100u // in a message that could carry a descriptor: the ring is polled

enum request {
    GET_FEATURES = 1,
    SET_FEATURES = 2,
    SET_OWNER = 3,
    SET_MEM_TABLE = 5,
    SET_VRING_NUM = 8,
    SET_VRING_ADDR = 9,
    SET_VRING_BASE = 10,
    SET_VRING_KICK = 12,
    SET_VRING_CALL = 13,
};

struct region {
    uint64_t guest_addr;
    uint64_t bytes;
    uint64_t user_addr; // in whose terms SET_VRING_ADDR speaks
    uint64_t at; // in the file
};

struct message {
    uint32_t request;
    uint32_t flags;
    uint32_t bytes;
    union {
        uint64_t u64;
        struct vhost_vring_state state;
        struct vhost_vring_addr addr;
        struct {
            uint32_t n;
            uint32_t reserved;
            struct region regions[2];
        } memory;
    };
} __attribute__((packed));

#define HEAD_BYTES offsetof(struct message, u64)

static void die(const char *what)
{
    perror(what);
    exit(2);
}

static void message_send(
    int sock, struct message *m, enum request request, uint32_t bytes, const int *fds, uint32_t n_fds)
{
    char control[CMSG_SPACE(2 * sizeof(int))] = { 0 };
    struct iovec iov = { m, HEAD_BYTES + bytes };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

    m->request = request;
    m->flags = VERSION;
    m->bytes = bytes;
    if (n_fds > 0) {
        struct cmsghdr *c;

        msg.msg_control = control;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
    }
    if (sendmsg(sock, &msg, 0) != (ssize_t)iov.iov_len)
        die("vhost-user: send");
}

static void features_set(int sock)
{
    struct message m = { 0 };

    message_send(sock, &m, SET_OWNER, 0, NULL, 0);
    message_send(sock, &m, GET_FEATURES, 0, NULL, 0);
    if (recv(sock, &m, HEAD_BYTES + sizeof(m.u64), MSG_WAITALL) != HEAD_BYTES + sizeof(m.u64))
        die("vhost-user: features");
    m.u64 = 0;
    message_send(sock, &m, SET_FEATURES, sizeof(m.u64), NULL, 0);
}

static void memory_set(int sock, const struct guest *g)
{
    const int fds[2] = { g->fd, g->fd };
    struct message m = { .memory = { .n = 2 } };
    uint64_t rings = 2 * GUEST_RING_BYTES;

    // The mempool first: the back end looks through the regions in order. No descriptor leads to the rings.
    m.memory.regions[0] = (struct region){ GUEST_GVA, GUEST_POOL_BYTES, (uintptr_t)g->base + rings, rings };
    m.memory.regions[1] = (struct region){ GUEST_GVA + (1ull << 32), rings, (uintptr_t)g->base, 0 };
    message_send(sock, &m, SET_MEM_TABLE, sizeof(m.memory), fds, 2);
}

static void ring_set(int sock, uint32_t index, const struct vring *ring)
{
    struct message m = { .state = { .index = index, .num = GUEST_RING } };

    message_send(sock, &m, SET_VRING_NUM, sizeof(m.state), NULL, 0);
    m.state = (struct vhost_vring_state){ .index = index, .num = 0 };
    message_send(sock, &m, SET_VRING_BASE, sizeof(m.state), NULL, 0);
    m.addr = (struct vhost_vring_addr){ .index = index,
        .desc_user_addr = (uintptr_t)ring->desc,
        .used_user_addr = (uintptr_t)ring->used,
        .avail_user_addr = (uintptr_t)ring->avail };
    message_send(sock, &m, SET_VRING_ADDR, sizeof(m.addr), NULL, 0);
    m.u64 = index | NO_FD;
    message_send(sock, &m, SET_VRING_CALL, sizeof(m.u64), NULL, 0);
    m.u64 = index | NO_FD;
    message_send(sock, &m, SET_VRING_KICK, sizeof(m.u64), NULL, 0);
}

void vhost_user_connect(const char *path, const struct guest *g)
{
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    int sock = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strncpy(to.sun_path, path, sizeof(to.sun_path) - 1);
    if (sock < 0 || connect(sock, (struct sockaddr *)&to, sizeof(to)) < 0)
        die("vhost-user: connect");
    features_set(sock);
    memory_set(sock, g);
    ring_set(sock, 0, &g->rx);
    ring_set(sock, 1, &g->tx);
}
