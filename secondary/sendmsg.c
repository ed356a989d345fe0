/* SPDX-License-Identifier: BSD-3-Clause */
// sendmsg.c: what nanomsg sends with in a worker. writev() carries bytes and no descriptors, so that the list of system
// calls (calls.c) can do without sendmsg(). The linker puts this in place of the C library's.
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

// SIGPIPE is ignored. Returns as sendmsg().
ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    if (m->msg_controllen > 0 || m->msg_namelen > 0)
        return syscall(SYS_sendmsg, fd, m, flags); // which the list may refuse
    return writev(fd, m->msg_iov, (int)m->msg_iovlen);
}
