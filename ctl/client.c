/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <poll.h>

#include "client.h"
#include "clock.h"

#define RECORDS_MAX 8192u // more than guests x devices: a watcher that never ends its list is not believed

int client_open(struct client *c, const char *run_dir)
{
    return link_connect(&c->link, LINK_REQ, run_dir, MSG_CTL_SOCKET, MSG_FROM_CTL, MSG_FROM_WATCHER);
}

void client_close(struct client *c)
{
    link_close(&c->link);
}

int client_ask(struct client *c, union msg *m, enum msg_type question, enum msg_type answer)
{
    uint64_t end = clock_ms() + CLIENT_MS;
    int64_t left;
    int ret = link_send(&c->link, m, question, 0);

    if (ret < 0)
        return ret;
    while ((left = (int64_t)(end - clock_ms())) > 0) {
        struct pollfd p = { .fd = c->link.fd, .events = POLLIN };

        if (poll(&p, 1, (int)left) < 0 && errno != EINTR)
            return -errno;
        ret = link_recv(&c->link, m);
        if (ret < 0)
            return ret == -EAGAIN ? -EIO : ret == -EBADMSG || ret == -EINVAL ? -EPROTO : ret;
        if (ret > 0)
            return m->hdr.type == answer ? 0 : -EPROTO;
    }
    return -ETIMEDOUT;
}

int client_show(struct client *c, struct show *sh)
{
    uint32_t index = 0;

    while (index < RECORDS_MAX) {
        union msg m = { .SHOW = { .index = index } };
        int ret = client_ask(c, &m, MSG_SHOW, MSG_SHOWN);

        for (uint32_t i = 0; i < m.SHOWN.n && ret == 0; i++)
            ret = show_add(sh, &m.SHOWN.records[i]);
        if (ret < 0 || m.SHOWN.more == 0)
            return ret;
        if (m.SHOWN.n == 0)
            return -EPROTO;
        index += m.SHOWN.n;
    }
    return -EPROTO;
}
