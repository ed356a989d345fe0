/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "fabric.h"
#include "msg.h"
#include "state.h"
#include "xenvirt.h"

static const struct {
    const char *name;
    uint16_t size;
    enum msg_sender from;
} types[MSG_TYPES] = {
#define MSG_ROW(name, sender, type) [MSG_##name] = { #name, sizeof(struct type), MSG_FROM_##sender },
    MSG_LIST(MSG_ROW)
#undef MSG_ROW
};

uint16_t msg_bytes(enum msg_type type)
{
    return types[type].size;
}

const char *msg_name(enum msg_type type)
{
    return type > MSG_NONE && type < MSG_TYPES ? types[type].name : "?";
}

static bool domid_ok(uint32_t domid)
{
    return domid <= XENVIRT_DOMID_LAST || domid == MSG_DOMID_ANY;
}

static bool text_ok(const char *text, size_t bytes)
{
    return memchr(text, '\0', bytes) != NULL;
}

// For the log: one line, whatever its sender is.
static bool line_ok(const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes && text[i] != '\0'; i++) {
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    }
    return text_ok(text, bytes);
}

static bool file_ok(const char *name)
{
    return text_ok(name, MSG_NAME_BYTES) && strchr(name, '/') == NULL && name[0] != '.';
}

static bool vif_ok(uint32_t vif, uint32_t gen, uint32_t up)
{
    return vif < FABRIC_VIFS_MAX && gen != 0 && up <= 1;
}

static bool records_ok(const struct msg_shown *m)
{
    if (m->n > MSG_RECORDS_MAX || m->more > 1)
        return false;
    for (const struct msg_record *r = m->records; r < m->records + m->n; r++) {
        if (r->kind == MSG_RECORD_NONE || r->kind > MSG_RECORD_VIF || !text_ok(r->state, sizeof(r->state)) ||
            !text_ok(r->why, sizeof(r->why)) || !text_ok(r->name, sizeof(r->name)))
            return false;
    }
    return true;
}

// Each type has its verdict here: one that is forgotten doesn't compile (-Wswitch).
static bool fields_ok(const union msg *m)
{
    switch ((enum msg_type)m->hdr.type) {
    case MSG_CLAIM:
        return m->CLAIM.pid > 0 && domid_ok(m->CLAIM.domid) && (m->CLAIM.flags & ~MSG_WORKER_FLAGS) == 0;
    case MSG_CLAIMED:
        return m->CLAIMED.ret <= 0 && m->CLAIMED.slot < FABRIC_GUESTS_MAX && text_ok(m->CLAIMED.text, MSG_TEXT_BYTES);
    case MSG_HELLO_PRIMARY:
        return m->HELLO_PRIMARY.pid > 0 && m->HELLO_PRIMARY.max_vifs <= FABRIC_VIFS_MAX &&
               m->HELLO_PRIMARY.max_guests <= FABRIC_GUESTS_MAX && m->HELLO_PRIMARY.n_io <= FABRIC_IO_MAX &&
               m->HELLO_PRIMARY.n_ports <= STATE_PORTS_MAX;
    case MSG_HELLO_WORKER:
        return m->HELLO_WORKER.pid > 0 && m->HELLO_WORKER.slot < FABRIC_GUESTS_MAX && domid_ok(m->HELLO_WORKER.domid) &&
               (m->HELLO_WORKER.flags & ~MSG_WORKER_FLAGS) == 0;
    case MSG_GUEST_SET:
        return domid_ok(m->GUEST_SET.domid) && m->GUEST_SET.ctx < FABRIC_CTX_MAX;
    case MSG_VIF_ATTACH:
        return vif_ok(m->VIF_ATTACH.vif, m->VIF_ATTACH.gen, m->VIF_ATTACH.up) && m->VIF_ATTACH.since != 0 &&
               m->VIF_ATTACH.device < FRONT_DEVICES_MAX && (m->VIF_ATTACH.flags & ~MSG_VIF_FLAGS) == 0 &&
               front_words_ok(&m->VIF_ATTACH.front) && rules_ok(&m->VIF_ATTACH.rules) &&
               guard_ok(&m->VIF_ATTACH.guard) && rates_ok(&m->VIF_ATTACH.rates) && file_ok(m->VIF_ATTACH.region_file);
    case MSG_VIF_ATTACHED:
        return vif_ok(m->VIF_ATTACHED.vif, m->VIF_ATTACHED.gen, m->VIF_ATTACHED.up) && m->VIF_ATTACHED.ret <= 0 &&
               line_ok(m->VIF_ATTACHED.text, MSG_TEXT_BYTES);
    case MSG_PORT_VIF:
        return vif_ok(m->PORT_VIF.vif, m->PORT_VIF.gen, m->PORT_VIF.up) && m->PORT_VIF.since != 0 &&
               (m->PORT_VIF.flags & ~MSG_VIF_FLAGS) == 0 && m->PORT_VIF.port < STATE_PORTS_MAX &&
               m->PORT_VIF.vlan >= 1 && m->PORT_VIF.vlan <= 4094 && rules_ok(&m->PORT_VIF.rules);
    case MSG_PORT_VIF_IS:
        return vif_ok(m->PORT_VIF_IS.vif, m->PORT_VIF_IS.gen, m->PORT_VIF_IS.up) && m->PORT_VIF_IS.ret <= 0;
    case MSG_LINK:
        return m->LINK.port < STATE_PORTS_MAX && m->LINK.up <= 1 && m->LINK.mtu <= XENVIRT_MTU_MAX;
    case MSG_SHOWN:
        return records_ok(&m->SHOWN);
    case MSG_RESTART:
        return m->RESTART.domid <= XENVIRT_DOMID_LAST;
    case MSG_DONE:
        return m->DONE.ret <= 0 && text_ok(m->DONE.text, MSG_TEXT_BYTES);
    case MSG_WELCOME: // says all by its type
    case MSG_STOP: // so does this
    case MSG_SHOW: // any index: past the end there is nothing
        return true;
    case MSG_NONE:
    case MSG_TYPES:
        return false;
    }
    return false;
}

int msg_check(const union msg *m, size_t bytes, enum msg_sender from)
{
    if (bytes < sizeof(m->hdr) || m->hdr.magic != MSG_MAGIC || m->hdr.size != bytes)
        return -EBADMSG;
    if (m->hdr.type == MSG_NONE || m->hdr.type >= MSG_TYPES)
        return -EPROTO;
    if (types[m->hdr.type].size != bytes || types[m->hdr.type].from != from)
        return -EPROTO;
    return fields_ok(m) ? 0 : -EINVAL;
}
