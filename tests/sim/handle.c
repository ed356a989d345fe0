/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "handle.h"
#include "run.h"

#define NO_PORT UINT32_MAX

// What calls these libraries do that Xen's don't: a program that gives calls up has to know.
static __attribute__((constructor)) void calls_say(void)
{
    setenv("XV_ALLOW_SYSCALLS", "memfd_create,pwrite64,dup3,sendmsg", 0);
}

uint32_t env_number(const char *name, uint32_t fallback)
{
    const char *value = getenv(name);

    return value == NULL ? fallback : strtoul(value, NULL, 0);
}

int call(struct handle *h, const struct grant_req *req, int list, struct grant_rep *rep, int *fds, unsigned *n_fds)
{
    int ret;

    pthread_mutex_lock(&h->lock);
    ret = grant_send(h->sock, req, sizeof(*req), &list, list >= 0);
    if (ret == 0)
        ret = grant_recv(h->sock, rep, sizeof(*rep), fds, n_fds);
    else
        *n_fds = 0;
    pthread_mutex_unlock(&h->lock);
    if (ret == 0 && rep->error != 0) {
        errno = rep->error;
        return -1;
    }
    return ret;
}

int call_simple(struct handle *h, enum grant_op op, uint32_t domid, uint64_t id)
{
    struct grant_req req = { .op = op, .domid = domid, .id = id };
    struct grant_rep rep;
    unsigned n_fds = 0;

    return call(h, &req, -1, &rep, NULL, &n_fds);
}

int handle_connect(struct handle *h)
{
    char path[PATH_MAX];

    if (run_path(path, getenv("XENSIM_DIR"), RUN_NO_DOMAIN, "keeper") < 0)
        return -1;
    h->sock = run_connect(path, SOCK_SEQPACKET);
    if (h->sock < 0)
        return -1;
    pthread_mutex_init(&h->lock, NULL);
    if (call_simple(h, GRANT_HELLO, env_number("XENSIM_DOMID", 0), 0) == 0)
        return 0;
    handle_disconnect(h);
    return -1;
}

void handle_disconnect(struct handle *h)
{
    close(h->sock);
    pthread_mutex_destroy(&h->lock);
}

xengnttab_handle *handle_open(void)
{
    struct xengntdev_handle *x = calloc(1, sizeof(*x));

    if (x == NULL || handle_connect(&x->h) < 0) {
        free(x);
        return NULL;
    }
    x->h.map = fcntl(x->h.sock, F_DUPFD_CLOEXEC, 0);
    if (x->h.map >= 0)
        return x;
    handle_disconnect(&x->h);
    free(x);
    return NULL;
}

int handle_close(xengnttab_handle *x)
{
    struct area *area;

    if (x == NULL)
        return 0;
    if (x->h.areas == NULL) {
        close(x->h.map);
        close(x->h.sock);
    }
    while ((area = x->h.areas) != NULL) {
        x->h.areas = area->next;
        free(area);
    }
    pthread_mutex_destroy(&x->h.lock);
    free(x);
    return 0;
}

static int area_add(struct handle *h, void *addr, uint32_t count, uint64_t id)
{
    struct area *area = malloc(sizeof(*area));

    if (area == NULL)
        return -1;
    *area = (struct area){ .addr = addr, .count = count, .id = id };
    pthread_mutex_lock(&h->lock);
    area->next = h->areas;
    h->areas = area;
    pthread_mutex_unlock(&h->lock);
    return 0;
}

void *area_keep(struct handle *h, void *addr, uint32_t count, uint64_t id, enum grant_op undo)
{
    int error;

    if (addr != NULL && area_add(h, addr, count, id) == 0)
        return addr;
    error = errno;
    if (addr != NULL)
        munmap(addr, (size_t)count * GRANT_PAGE);
    call_simple(h, undo, 0, id);
    errno = error;
    return NULL;
}

static struct area *area_take(struct handle *h, const void *addr, uint32_t count)
{
    struct area **p, *area = NULL;

    pthread_mutex_lock(&h->lock);
    for (p = &h->areas; *p != NULL && (*p)->addr != addr;)
        p = &(*p)->next;
    if (*p != NULL && (*p)->count == count) {
        area = *p;
        *p = area->next;
    }
    pthread_mutex_unlock(&h->lock);
    return area;
}

int area_end(struct handle *h, void *addr, uint32_t count, enum grant_op op)
{
    struct area *area = area_take(h, addr, count);
    int ret;

    if (area == NULL) {
        errno = EINVAL;
        return -1;
    }
    munmap(addr, (size_t)count * GRANT_PAGE);
    ret = call_simple(h, op, 0, area->id);
    free(area);
    return ret;
}

int notify_check(uint32_t *offset, uint32_t port)
{
    if (*offset >= GRANT_PAGE)
        *offset = GRANT_NO_NOTIFY;
    if (port == NO_PORT)
        return 0;
    errno = ENOSYS;
    return -1;
}
