/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "notify.h"

static int sock = -1; // connected to systemd's

void notify_open(void)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = { .sun_family = AF_UNIX };
    socklen_t len;

    if (path == NULL || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(to.sun_path))
        return;
    sock = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (sock < 0)
        return;
    memcpy(to.sun_path, path, strlen(path));
    if (path[0] == '@') // an abstract name
        to.sun_path[0] = '\0';
    len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (connect(sock, (struct sockaddr *)&to, len) == 0)
        return;
    close(sock);
    sock = -1;
}

void notify_say(const char *state)
{
    if (sock < 0)
        notify_open();
    if (sock < 0 || send(sock, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0 || errno == EAGAIN)
        return;
    close(sock); // of a systemd that is gone
    sock = -1;
}
