/* SPDX-License-Identifier: BSD-3-Clause */
// What stands for Xen and Linux: a port is masked from its event until it is unmasked, and what comes meanwhile is one event.
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "events.h"
#include "small_fabric.h"
#include "wake.h"

#define EVT ((xenevtchn_handle *)&restricted)
#define PORTS 4u
#define LONG_US 20000000u // 20 s: only an end to waiting

// ---- what stands for Xen

static int restrict_error;
static domid_t restricted;
static int to_worker[2]; // a pipe
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    bool masked, pending;
    uint32_t events;
} ports[PORTS];

int xenevtchn_restrict(xenevtchn_handle *xce, domid_t domid)
{
    (void)xce;
    restricted = domid;
    errno = restrict_error;
    return restrict_error != 0 ? -1 : 0;
}

static void raise_locked(evtchn_port_t port)
{
    ports[port].pending = ports[port].masked;
    if (ports[port].masked)
        return;
    ports[port].masked = true;
    ports[port].events++;
    cr_assert_eq(write(to_worker[1], &port, sizeof(port)), sizeof(port));
}

static void guest_calls(evtchn_port_t port)
{
    pthread_mutex_lock(&lock);
    raise_locked(port);
    pthread_mutex_unlock(&lock);
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
    (void)xce;
    pthread_mutex_lock(&lock);
    cr_assert(ports[port].masked, "one for each event");
    ports[port].masked = false;
    if (ports[port].pending)
        raise_locked(port);
    pthread_mutex_unlock(&lock);
    return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
    (void)xce;
    return to_worker[0];
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
    evtchn_port_t port;

    (void)xce;
    errno = ENODEV;
    return read(to_worker[0], &port, sizeof(port)) == sizeof(port) ? (int)port : -1;
}

// ---- restriction

Test(events, a_handle_binds_channels_of_its_guest_alone)
{
    cr_assert_eq(events_restrict(EVT, 7), 0);
    cr_assert_eq(restricted, 7);
    cr_assert_eq(events_restrict(NULL, 7), 0, "no event channels at all");
}

Test(events, without_the_call_a_worker_goes_on)
{
    static const struct {
        int error;
        uint32_t domid;
        int ret;
    } rows[] = { { ENOTTY, 7, 0 }, { EINVAL, 0, 0 }, { EINVAL, 7, -EINVAL }, { EACCES, 7, -EACCES } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        restrict_error = rows[i].error;
        cr_expect_eq(events_restrict(EVT, rows[i].domid), rows[i].ret, "%zu", i);
    }
}

// ---- sleeps

static struct fabric *f;
static struct events e;

static void setup(void)
{
    f = small_fabric_new();
    cr_assert_eq(pipe(to_worker), 0);
    cr_assert_eq(events_start(&e, EVT, f), 0);
}

static void teardown(void)
{
    events_stop(&e);
    small_fabric_free(f);
}

TestSuite(sleeps, .init = setup, .fini = teardown, .timeout = 10);

static uint32_t begin(uint64_t turn)
{
    uint32_t id = wake_id(turn, 1);

    wake_begin(f, id);
    events_begin(&e, id);
    return id;
}

static void read_wait(uint32_t n)
{
    while (atomic_load(&e.n_in) != n)
        sched_yield();
}

Test(sleeps, an_event_ends_one)
{
    uint32_t id = begin(1);

    guest_calls(1);
    cr_assert(wake_wait(f, id, LONG_US));
}

Test(sleeps, an_event_between_two_of_them_masks_its_port_until_the_next)
{
    uint32_t id;

    guest_calls(1);
    read_wait(1);
    id = begin(1);
    cr_assert_not(wake_wait(f, id, 2000), "it was about something that was looked at since");
    guest_calls(1);
    cr_assert(wake_wait(f, id, LONG_US));
}

Test(sleeps, a_guest_that_calls_all_the_time_ends_each_once)
{
    for (uint32_t turn = 1; turn <= 20; turn++) {
        uint32_t id = begin(turn);

        for (uint32_t i = 0; i < 1000; i++)
            guest_calls(i % PORTS);
        cr_assert(wake_wait(f, id, LONG_US));
        read_wait(turn * PORTS);
        events_begin(&e, 0);
        for (uint32_t i = 0; i < PORTS; i++)
            cr_assert_eq(ports[i].events, turn);
        for (uint32_t i = 0; i < PORTS; i++) // what is pending is the next sleep's
            ports[i].pending = false;
    }
}

static void *other_thread(void *arg)
{
    usleep(20000);
    events_end(arg);
    return NULL;
}

Test(sleeps, the_control_thread_ends_one_too)
{
    pthread_t thread;
    uint32_t id = begin(1);

    cr_assert_eq(pthread_create(&thread, NULL, other_thread, &e), 0);
    cr_assert(wake_wait(f, id, LONG_US));
    pthread_join(thread, NULL);
}

Test(sleeps, when_no_more_events_come_that_is_said)
{
    cr_assert(events_come(&e));
    close(to_worker[1]);
    while (events_come(&e))
        sched_yield();
}
