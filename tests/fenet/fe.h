/* SPDX-License-Identifier: BSD-3-Clause */
// fe.h: a front end that behaves as Linux's netfront does, seen from the switch: xen/io/netif.h.
//
// The toolstack has made both directories. It holds no lock: one thread uses a struct fe. Works in the simulator and on
// Xen.
#ifndef XV_FE_H
#define XV_FE_H

#include <stddef.h>
#include <xenstore.h>

#include "queue.h"

#define QUEUES_MAX 8u
#define SPARES_MAX 16u

struct fe_dev {
    bool open, started;
    bool split, mcast;
    uint8_t mac[6];
    uint32_t number, backend;
    uint32_t n_queues;
    struct queue *queues; // QUEUES_MAX
    struct fe_stats stats;
    uint64_t faults; // of earlier connections
    char fault[64];
    uint32_t forge; // what it forges at random while it works (hostile.h)
};

// Pages granted for no purpose of ours.
struct spare {
    uint8_t *va; // NULL: none
    uint32_t n, refs[SLOTS];
};

struct fe {
    struct xs_handle *xs;
    xengntshr_handle *shr;
    xenevtchn_handle *evt;
    uint32_t domid;
    struct fe_dev devs[FE_DEVS_MAX];
    struct spare spares[SPARES_MAX];
};

// Returns 0 or -errno.
int fe_open(struct fe *fe);

// Share pages and allocate event channels for device n, in place of those that it has. Returns 0 or -errno.
struct fe_config {
    uint32_t queues, bufs;
    bool split, sleeps, mcast;
};
int fe_dev_open(struct fe *fe, uint32_t n, const struct fe_config *c);

// Write what the back end has to know; with all = false not the state. Returns 0 or -errno.
int fe_dev_publish(struct fe *fe, struct fe_dev *dev);
int fe_dev_start(struct fe *fe, struct fe_dev *dev);

// Give pages and ports back.
void fe_dev_close(struct fe_dev *dev);

// A key below device/vif/N. All three return 0 or -errno; *value of fe_key_read() is the caller's to free.
int fe_key_write(struct fe *fe, uint32_t n, const char *key, const void *value, size_t bytes);
int fe_key_read(struct fe *fe, uint32_t n, const char *key, char **value);
int fe_key_remove(struct fe *fe, uint32_t n, const char *key);

#endif
