/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "grant.h"

union control {
    struct cmsghdr hdr;
    char space[CMSG_SPACE(GRANT_FILES_MAX * sizeof(int))];
};

int grant_send(int sock, const void *packet, size_t size, const int *fds, unsigned n_fds)
{
    struct iovec iov = { .iov_base = (void *)packet, .iov_len = size };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    union control control;
    struct cmsghdr *cmsg;
    ssize_t n;

    if (n_fds > 0) {
        msg.msg_control = &control;
        msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(cmsg), fds, n_fds * sizeof(int));
    }
    do
        n = sendmsg(sock, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
        errno = ENODEV;
    return n < 0 ? -1 : 0;
}

static void fds_take(struct msghdr *msg, int *fds, unsigned max, unsigned *n_fds)
{
    struct cmsghdr *cmsg;
    unsigned n;
    int fd;

    *n_fds = 0;
    for (cmsg = CMSG_FIRSTHDR(msg); cmsg != NULL; cmsg = CMSG_NXTHDR(msg, cmsg)) {
        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
            continue;
        n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (unsigned i = 0; i < n; i++) {
            memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(int), sizeof(fd));
            if (*n_fds < max)
                fds[(*n_fds)++] = fd;
            else
                close(fd);
        }
    }
}

int grant_recv(int sock, void *packet, size_t size, int *fds, unsigned *n_fds)
{
    struct iovec iov = { .iov_base = packet, .iov_len = size };
    union control control;
    struct msghdr msg = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
    };
    ssize_t n;

    do
        n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n < 0) {
        if (errno == ECONNRESET)
            errno = ENODEV;
        *n_fds = 0;
        return -1;
    }
    fds_take(&msg, fds, *n_fds, n_fds);
    if (n == (ssize_t)size)
        return 0;
    while (*n_fds > 0)
        close(fds[--*n_fds]);
    errno = ENODEV;
    return -1;
}
