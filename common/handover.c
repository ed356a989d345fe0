/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "handover.h"

#define TYPE (SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK)
#define WAITING 256 // a guest's devices start anew all at once

union control {
    struct cmsghdr hdr;
    char room[CMSG_SPACE(sizeof(int))];
};

static int address(struct sockaddr_un *a, const char *dir)
{
    *a = (struct sockaddr_un){ .sun_family = AF_UNIX };
    return snprintf(a->sun_path, sizeof(a->sun_path), "%s/" HANDOVER_SOCKET, dir) < (int)sizeof(a->sun_path)
               ? 0
               : -ENAMETOOLONG;
}

static void message_lay(struct msghdr *m, struct iovec *io, union control *c, const struct handover_what *what)
{
    memset(c, 0, sizeof(*c));
    *io = (struct iovec){ .iov_base = (void *)(uintptr_t)what, .iov_len = sizeof(*what) };
    *m = (struct msghdr){ .msg_iov = io, .msg_iovlen = 1, .msg_control = c, .msg_controllen = sizeof(c->room) };
}

int handover_open(const char *dir)
{
    struct sockaddr_un a;
    int ret = address(&a, dir), fd;
    mode_t old;

    if (ret < 0)
        return ret;
    fd = socket(AF_UNIX, TYPE, 0);
    if (fd < 0)
        return -errno;
    unlink(a.sun_path);
    old = umask(0077);
    ret = bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, WAITING) < 0 ? -errno : fd;
    umask(old);
    if (ret < 0)
        close(fd);
    return ret;
}

// Returns the descriptor of one message, or -EBADMSG.
static int connection_read(int connection, struct handover_what *what)
{
    struct msghdr m;
    struct iovec io;
    union control c;
    struct cmsghdr *h;
    ssize_t got;
    int fd;

    message_lay(&m, &io, &c, what);
    got = recvmsg(connection, &m, MSG_CMSG_CLOEXEC);
    h = got < 0 ? NULL : CMSG_FIRSTHDR(&m);
    if (h == NULL || h->cmsg_type != SCM_RIGHTS || h->cmsg_len != CMSG_LEN(sizeof(fd)))
        return -EBADMSG;
    memcpy(&fd, CMSG_DATA(h), sizeof(fd));
    if (got == sizeof(*what))
        return fd;
    close(fd);
    return -EBADMSG;
}

int handover_take(int sock, struct handover_what *what)
{
    int fd = -EBADMSG;

    while (fd < 0) {
        int connection = accept4(sock, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (connection < 0)
            return -EAGAIN;
        fd = connection_read(connection, what);
        close(connection);
    }
    return fd;
}

int handover_send(const char *dir, const struct handover_what *what, int fd)
{
    struct sockaddr_un a;
    struct msghdr m;
    struct iovec io;
    union control c;
    int ret = address(&a, dir), sock;

    if (ret < 0)
        return ret;
    sock = socket(AF_UNIX, TYPE, 0);
    if (sock < 0)
        return -errno;
    message_lay(&m, &io, &c, what);
    c.hdr = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(fd)) };
    memcpy(CMSG_DATA(&c.hdr), &fd, sizeof(fd));
    ret = connect(sock, (struct sockaddr *)&a, sizeof(a)) < 0 || sendmsg(sock, &m, MSG_NOSIGNAL) < 0 ? -errno : 0;
    close(sock);
    return ret;
}
