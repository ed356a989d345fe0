/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "events.h"
#include "log.h"

// Linux says EINVAL for domain 0 (drivers/xen/evtchn.c), and ENOTTY before 4.7.
int events_restrict(xenevtchn_handle *evt, uint32_t domid)
{
    int ret = evt == NULL || xenevtchn_restrict(evt, (domid_t)domid) == 0 ? 0 : -errno;

    if (ret != -ENOTTY && (ret != -EINVAL || domid != 0))
        return ret;
    LOG(NOTICE, "guest %u: its worker can't be kept from event channels of others: %s", domid, strerror(-ret));
    return 0;
}
