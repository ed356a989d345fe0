/* SPDX-License-Identifier: BSD-3-Clause */
// A XenStore message, as it is on sockets and on the ring.
#ifndef SIM_MESSAGE_H
#define SIM_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>

struct message {
    struct xsd_sockmsg hdr;
    char body[XENSTORE_PAYLOAD_MAX];
};

static inline size_t message_size(const struct message *m)
{
    return sizeof(m->hdr) + m->hdr.len;
}

#endif
