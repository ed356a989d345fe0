/* SPDX-License-Identifier: BSD-3-Clause */
// domain.h: what XenStore has of one domain, what the configuration wants for it, and what to do about the difference.
#ifndef XV_PROVISION_DOMAIN_H
#define XV_PROVISION_DOMAIN_H

#include "conf.h"
#include "rights.h"

#define DOMID_NONE UINT32_MAX

// The nodes that say who a domain is: the back end's domain reads there what a guest's entry in the configuration, and
// its number in the switch, go by.
enum who { WHO_NAME, WHO_VM, WHO_NODES };

// All of one moment.
struct domain_state {
    uint32_t domid;
    bool alive; // xenstored serves it
    char uuid[40]; // "": not known
    char name[64];
    struct rights control; // of the directory control
    struct rights dpdk; // of control/dpdk
    struct rights backend; // of control/dpdk-backend
    char backend_text[16]; // and its value
    struct rights who[WHO_NODES]; // none where they are not ours to change
    bool listed; // among those that the back end's domain is told of
};

struct wish {
    bool allow;
    bool compat_2_2;
    uint32_t backend; // DOMID_NONE: it isn't there
};

enum todo {
    TODO_NOTHING,
    TODO_GIVE, // make control/dpdk, tell the back end, set all rights
    TODO_TAKE, // remove both, close control, let the back end read nothing
};

struct wish domain_wish(const struct domain_state *d, const struct conf *c, uint32_t backend);

// What is right already isn't touched: a guest's running devices depend on it.
enum todo domain_todo(const struct domain_state *d, const struct wish *w);

#endif
