/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "events.h"
#include "log.h"
#include "wake.h"

// Linux says EINVAL for domain 0 (drivers/xen/evtchn.c), and ENOTTY before 4.7.
int events_restrict(xenevtchn_handle *evt, uint32_t domid)
{
    int ret = evt == NULL || xenevtchn_restrict(evt, (domid_t)domid) == 0 ? 0 : -errno;

    if (ret != -ENOTTY && (ret != -EINVAL || domid != 0))
        return ret;
    LOG(NOTICE, "guest %u: its worker can't be kept from event channels of others: %s", domid, strerror(-ret));
    return 0;
}

void events_end(struct events *e)
{
    uint32_t id;

    // Pairs with the fence in events_begin(): either it sees what this is about, or we see that it sleeps.
    atomic_thread_fence(memory_order_seq_cst);
    id = atomic_load_explicit(&e->sleep, memory_order_relaxed);
    if (id != 0)
        wake_now(e->fabric, id);
}

// The kernel's list of events has room for one of each port, so a port is unmasked once for each event that was read.
static bool port_note(struct events *e)
{
    xenevtchn_port_or_error_t port = xenevtchn_pending(e->evt);
    uint32_t n = atomic_load_explicit(&e->n_in, memory_order_relaxed);

    if (port < 0)
        return errno == EINTR || errno == EAGAIN;
    e->ports[n % EVENTS_PORTS] = (evtchn_port_t)port;
    atomic_store_explicit(&e->n_in, n + 1, memory_order_release);
    events_end(e);
    return true;
}

static void *events_main(void *arg)
{
    struct events *e = arg;
    struct pollfd fds[] = { { .fd = xenevtchn_fd(e->evt), .events = POLLIN }, { .fd = e->stop, .events = POLLIN } };

    pthread_setname_np(pthread_self(), "xv-evtchn");
    for (;;) {
        if (poll(fds, 2, -1) < 0) {
            if (errno == EINTR)
                continue;
            break;
        }
        if (fds[1].revents != 0 || (fds[0].revents != 0 && !port_note(e)))
            break;
    }
    atomic_store_explicit(&e->over, true, memory_order_relaxed);
    events_end(e);
    return NULL;
}

int events_start(struct events *e, xenevtchn_handle *evt, const struct fabric *f)
{
    int ret;

    *e = (struct events){ .evt = evt, .fabric = f };
    if (evt == NULL)
        return 0;
    e->stop = eventfd(0, EFD_CLOEXEC);
    ret = e->stop < 0 ? -errno : -pthread_create(&e->thread, NULL, events_main, e);
    if (ret < 0) {
        if (e->stop >= 0)
            close(e->stop);
        e->evt = NULL;
    }
    return ret;
}

void events_stop(struct events *e)
{
    if (e->evt == NULL)
        return;
    eventfd_write(e->stop, 1);
    pthread_join(e->thread, NULL);
    close(e->stop);
    e->evt = NULL;
}

void events_begin(struct events *e, uint32_t id)
{
    uint32_t n;

    atomic_store_explicit(&e->sleep, id, memory_order_relaxed);
    if (id == 0)
        return;
    atomic_thread_fence(memory_order_seq_cst);
    n = atomic_load_explicit(&e->n_in, memory_order_acquire);
    for (; e->n_out != n; e->n_out++)
        xenevtchn_unmask(e->evt, e->ports[e->n_out % EVENTS_PORTS]);
}
