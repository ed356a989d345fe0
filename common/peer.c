/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "peer.h"

#define URL_SCHEME "ipc://"

static bool number_get(int fd, int option, int *value)
{
    socklen_t n = sizeof(*value);

    return getsockopt(fd, SOL_SOCKET, option, value, &n) == 0;
}

// Returns false if fd is no connection that another process made to a named socket, or one that is over.
static bool peer_get(int fd, struct peer *p)
{
    struct sockaddr_un at = { .sun_family = AF_UNSPEC };
    struct pollfd over = { .fd = fd };
    socklen_t n = sizeof(at), creds = sizeof(struct ucred);
    struct ucred who;
    struct stat st;
    int listens;

    if (getsockname(fd, (struct sockaddr *)&at, &n) < 0 || at.sun_family != AF_UNIX || at.sun_path[0] == '\0' ||
        n <= offsetof(struct sockaddr_un, sun_path) || !number_get(fd, SO_ACCEPTCONN, &listens) || listens != 0)
        return false;
    if (fstat(fd, &st) < 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &creds) < 0 || who.pid <= 0)
        return false;
    if (poll(&over, 1, 0) > 0 && (over.revents & POLLHUP) != 0)
        return false;
    *p = (struct peer){ .fd = fd, .ino = st.st_ino, .pid = who.pid, .uid = who.uid };
    memcpy(p->path, at.sun_path, n - offsetof(struct sockaddr_un, sun_path));
    return true;
}

void peers_each(peer_fn *each, void *arg)
{
    DIR *dir = opendir("/proc/self/fd");
    struct dirent *e;
    struct peer p;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        if (e->d_name[0] != '.' && peer_get(atoi(e->d_name), &p))
            each(arg, &p);
    }
    if (dir != NULL)
        closedir(dir);
}

bool peer_is_on(const struct peer *p, const struct link *l)
{
    return strncmp(l->url, URL_SCHEME, strlen(URL_SCHEME)) == 0 && strcmp(p->path, l->url + strlen(URL_SCHEME)) == 0;
}

struct search {
    const struct link *link;
    pid_t pid; // 0: any
    unsigned n;
    struct peer last;
};

static void search_add(void *arg, const struct peer *p)
{
    struct search *s = arg;

    if (!peer_is_on(p, s->link) || (s->pid != 0 && p->pid != s->pid))
        return;
    s->n++;
    s->last = *p;
}

bool peer_has(const struct link *l, pid_t pid)
{
    struct search s = { .link = l, .pid = pid };

    peers_each(search_add, &s);
    return s.n > 0;
}

// While the connection is there that was the only one, no other one has the PAIR.
pid_t peer_speaker(struct link *l)
{
    struct search s = { .link = l };
    struct peer now;

    if (l->speaker.pid != 0 && peer_get(l->speaker.fd, &now) && now.ino == l->speaker.ino)
        return l->speaker.pid;
    l->speaker.pid = 0;
    peers_each(search_add, &s);
    if (s.n != 1)
        return 0;
    l->speaker.fd = s.last.fd;
    l->speaker.ino = s.last.ino;
    l->speaker.pid = s.last.pid;
    return s.last.pid;
}
