/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include <criterion/criterion.h>

#include "fabric.h"
#include "msg.h"
#include "state.h"
#include "xenvirt.h"

static const enum msg_sender senders[MSG_TYPES] = {
#define SENDER(name, sender, type) [MSG_##name] = MSG_FROM_##sender,
    MSG_LIST(SENDER)
#undef SENDER
};

static const size_t sizes[MSG_TYPES] = {
#define SIZE(name, sender, type) [MSG_##name] = sizeof(struct type),
    MSG_LIST(SIZE)
#undef SIZE
};

// A message of each type that is good.
static union msg good(enum msg_type type)
{
    union msg m = {};

    m.hdr = (struct msg_hdr){ .magic = MSG_MAGIC, .type = type, .size = sizes[type] };
    switch (type) {
    case MSG_CLAIM:
        m.CLAIM.pid = 1;
        break;
    case MSG_HELLO_PRIMARY:
        m.HELLO_PRIMARY.pid = 1;
        break;
    case MSG_HELLO_WORKER:
        m.HELLO_WORKER.pid = 1;
        break;
    case MSG_VIF_ATTACH:
        m.VIF_ATTACH.gen = m.VIF_ATTACH.since = 1;
        m.VIF_ATTACH.front = (struct front_words){ .kind = FRONT_XENVIRT, .xenvirt = { .ring_size = 256 } };
        strcpy(m.VIF_ATTACH.region_file, "vif.0.1.regions");
        break;
    case MSG_VIF_ATTACHED:
        m.VIF_ATTACHED.gen = 1;
        break;
    case MSG_PORT_VIF:
        m.PORT_VIF.gen = m.PORT_VIF.since = 1;
        m.PORT_VIF.vlan = 1000;
        break;
    case MSG_PORT_VIF_IS:
        m.PORT_VIF_IS.gen = 1;
        break;
    case MSG_SHOWN:
        m.SHOWN.n = MSG_RECORDS_MAX;
        for (uint32_t i = 0; i < MSG_RECORDS_MAX; i++)
            m.SHOWN.records[i].kind = MSG_RECORD_SWITCH;
        break;
    default:
        break;
    }
    return m;
}

static int check(const union msg *m)
{
    return msg_check(m, sizes[m->hdr.type], senders[m->hdr.type]);
}

Test(msg, each_type_passes_with_its_size_and_sender)
{
    for (enum msg_type t = MSG_NONE + 1; t < MSG_TYPES; t++) {
        union msg m = good(t);

        cr_expect_eq(check(&m), 0, "%s", msg_name(t));
        cr_expect_eq(msg_bytes(t), sizes[t], "%s", msg_name(t));
    }
}

Test(msg, each_type_is_refused_from_any_other_sender)
{
    for (enum msg_type t = MSG_NONE + 1; t < MSG_TYPES; t++) {
        for (enum msg_sender from = MSG_FROM_WATCHER; from <= MSG_FROM_CTL; from++) {
            union msg m = good(t);

            cr_expect_eq(
                msg_check(&m, sizes[t], from), from == senders[t] ? 0 : -EPROTO, "%s from %d", msg_name(t), from);
        }
    }
}

Test(msg, each_type_is_refused_with_any_other_size)
{
    for (enum msg_type t = MSG_NONE + 1; t < MSG_TYPES; t++) {
        for (size_t bytes = 0; bytes <= sizeof(union msg); bytes++) {
            union msg m = good(t);

            if (bytes == sizes[t])
                continue;
            cr_expect_eq(msg_check(&m, bytes, senders[t]), -EBADMSG, "%s of %zu", msg_name(t), bytes);
            m.hdr.size = (uint16_t)bytes; // the header lies with it
            cr_expect_lt(msg_check(&m, bytes, senders[t]), 0, "%s of %zu", msg_name(t), bytes);
        }
    }
}

Test(msg, another_magic_is_refused)
{
    for (enum msg_type t = MSG_NONE + 1; t < MSG_TYPES; t++) {
        union msg m = good(t);

        m.hdr.magic ^= 1;
        cr_expect_eq(check(&m), -EBADMSG, "%s", msg_name(t));
    }
}

Test(msg, an_unknown_type_is_refused)
{
    static const uint16_t unknown[] = { MSG_NONE, MSG_TYPES, MSG_TYPES + 1, UINT16_MAX };

    for (size_t i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
        union msg m = good(MSG_STOP);

        m.hdr.type = unknown[i];
        cr_expect_eq(msg_check(&m, sizes[MSG_STOP], MSG_FROM_WATCHER), -EPROTO, "type %u", unknown[i]);
    }
    cr_expect_str_eq(msg_name(MSG_NONE), "?");
    cr_expect_str_eq(msg_name(MSG_TYPES), "?");
    cr_expect_str_eq(msg_name(MSG_CLAIM), "CLAIM");
}

// The field is good at `edge`, refused at `past`.
#define EDGE(NAME, field, edge, past) \
    do { \
        union msg m_ = good(MSG_##NAME); \
        m_.NAME.field = (edge); \
        cr_expect_eq(check(&m_), 0, #NAME "." #field " = " #edge); \
        m_.NAME.field = (past); \
        cr_expect_eq(check(&m_), -EINVAL, #NAME "." #field " = " #past); \
    } while (0)

Test(msg, pids_are_positive)
{
    EDGE(CLAIM, pid, 1, 0);
    EDGE(CLAIM, pid, INT32_MAX, -1);
    EDGE(HELLO_PRIMARY, pid, 1, 0);
    EDGE(HELLO_WORKER, pid, 1, 0);
}

Test(msg, domids_are_a_guests_or_any)
{
    EDGE(CLAIM, domid, 0x7fef, 0x7ff0);
    EDGE(CLAIM, domid, MSG_DOMID_ANY, MSG_DOMID_ANY + 1);
    EDGE(HELLO_WORKER, domid, 0x7fef, 0x7ff0);
    EDGE(HELLO_WORKER, domid, MSG_DOMID_ANY, MSG_DOMID_ANY + 1);
    EDGE(GUEST_SET, domid, 0x7fef, 0x7ff0);
    EDGE(RESTART, domid, 0x7fef, 0x7ff0);
    EDGE(RESTART, domid, 0, MSG_DOMID_ANY);
}

Test(msg, numbers_stay_in_the_tables)
{
    EDGE(CLAIMED, slot, FABRIC_GUESTS_MAX - 1, FABRIC_GUESTS_MAX);
    EDGE(CLAIM, flags, MSG_WORKER_FLAGS, MSG_WORKER_FLAGS + 1);
    EDGE(HELLO_WORKER, flags, MSG_WORKER_FLAGS, MSG_WORKER_FLAGS + 1);
    EDGE(HELLO_WORKER, slot, FABRIC_GUESTS_MAX - 1, FABRIC_GUESTS_MAX);
    EDGE(GUEST_SET, ctx, FABRIC_CTX_MAX - 1, FABRIC_CTX_MAX);
    EDGE(VIF_ATTACH, vif, FABRIC_VIFS_MAX - 1, FABRIC_VIFS_MAX);
    EDGE(VIF_ATTACHED, vif, FABRIC_VIFS_MAX - 1, FABRIC_VIFS_MAX);
    EDGE(PORT_VIF, vif, FABRIC_VIFS_MAX - 1, FABRIC_VIFS_MAX);
    EDGE(PORT_VIF_IS, vif, FABRIC_VIFS_MAX - 1, FABRIC_VIFS_MAX);
    EDGE(PORT_VIF, port, STATE_PORTS_MAX - 1, STATE_PORTS_MAX);
    EDGE(LINK, port, STATE_PORTS_MAX - 1, STATE_PORTS_MAX);
    EDGE(HELLO_PRIMARY, max_vifs, FABRIC_VIFS_MAX, FABRIC_VIFS_MAX + 1);
    EDGE(HELLO_PRIMARY, max_guests, FABRIC_GUESTS_MAX, FABRIC_GUESTS_MAX + 1);
    EDGE(HELLO_PRIMARY, n_io, FABRIC_IO_MAX, FABRIC_IO_MAX + 1);
    EDGE(HELLO_PRIMARY, n_ports, STATE_PORTS_MAX, STATE_PORTS_MAX + 1);
    EDGE(SHOWN, n, MSG_RECORDS_MAX, MSG_RECORDS_MAX + 1);
    EDGE(SHOWN, records[0].kind, MSG_RECORD_VIF, MSG_RECORD_VIF + 1);
    EDGE(SHOWN, records[MSG_RECORDS_MAX - 1].kind, MSG_RECORD_SWITCH, MSG_RECORD_NONE);
}

Test(msg, a_vif_has_a_generation)
{
    EDGE(VIF_ATTACH, gen, UINT32_MAX, 0);
    EDGE(VIF_ATTACHED, gen, 1, 0);
    EDGE(PORT_VIF, gen, 1, 0);
    EDGE(PORT_VIF_IS, gen, 1, 0);
    EDGE(VIF_ATTACH, since, UINT32_MAX, 0);
    EDGE(PORT_VIF, since, UINT32_MAX, 0);
}

Test(msg, yes_or_no_is_1_or_0)
{
    EDGE(SHOWN, more, 1, 2);
    EDGE(VIF_ATTACH, up, 1, 2);
    EDGE(VIF_ATTACHED, up, 1, 2);
    EDGE(PORT_VIF, up, 1, 2);
    EDGE(PORT_VIF_IS, up, 1, 2);
    EDGE(LINK, up, 1, 2);
}

Test(msg, unknown_flags_are_refused)
{
    EDGE(VIF_ATTACH, flags, MSG_VIF_FLAGS, MSG_VIF_FLAGS + 1);
    EDGE(PORT_VIF, flags, MSG_VIF_FLAGS, MSG_VIF_FLAGS + 1);
    EDGE(PORT_VIF, rules.vlans[0], ((struct rules_vlans){ 1, 4094 }), ((struct rules_vlans){ 1, 4095 }));
    EDGE(PORT_VIF, rules.vlans[0], ((struct rules_vlans){ 7, 7 }), ((struct rules_vlans){ 8, 7 }));
    EDGE(PORT_VIF, rules.vlans[1].first, 0, 7);
    EDGE(VIF_ATTACH, rules.vlans[0], ((struct rules_vlans){ 1, 4094 }), ((struct rules_vlans){ 0, 4094 }));
    EDGE(VIF_ATTACH, rules.sends_only, 1, 2);
    EDGE(VIF_ATTACH, guard.flags, GUARD_FLAGS, GUARD_FLAGS + 1);
    EDGE(VIF_ATTACH, guard.n_ipv4, GUARD_ADDRESSES_MAX, GUARD_ADDRESSES_MAX + 1);
    EDGE(VIF_ATTACH, guard.n_ipv6, GUARD_ADDRESSES_MAX, GUARD_ADDRESSES_MAX + 1);
    EDGE(VIF_ATTACH, guard.reserved, 0, 1);
}

Test(msg, a_ring_is_a_power_of_two_in_range)
{
    EDGE(VIF_ATTACH, front.xenvirt.ring_size, XENVIRT_RING_SIZE_MIN, XENVIRT_RING_SIZE_MIN / 2);
    EDGE(VIF_ATTACH, front.xenvirt.ring_size, XENVIRT_RING_SIZE_MAX, XENVIRT_RING_SIZE_MAX * 2);
    EDGE(VIF_ATTACH, front.xenvirt.ring_size, 128, 129);
    EDGE(VIF_ATTACH, front.xenvirt.ring_size, 512, 0);
    EDGE(VIF_ATTACH, front.kind, FRONT_XENVIRT, FRONT_NONE);
    EDGE(VIF_ATTACH, front.kind, FRONT_XENVIRT, FRONT_KINDS);
}

Test(msg, a_tag_is_1_to_4094)
{
    EDGE(PORT_VIF, vlan, 1, 0);
    EDGE(PORT_VIF, vlan, 4094, 4095);
}

Test(msg, a_result_is_0_or_negative)
{
    EDGE(CLAIMED, ret, 0, 1);
    EDGE(VIF_ATTACHED, ret, -1, 1);
    EDGE(PORT_VIF_IS, ret, 0, 1);
    EDGE(DONE, ret, INT32_MIN, 1);
}

#define UNENDED(NAME, field) \
    do { \
        union msg m_ = good(MSG_##NAME); \
        memset(m_.NAME.field, 'x', sizeof(m_.NAME.field)); \
        cr_expect_eq(check(&m_), -EINVAL, #NAME "." #field); \
        m_.NAME.field[sizeof(m_.NAME.field) - 1] = '\0'; \
        cr_expect_eq(check(&m_), 0, #NAME "." #field); \
    } while (0)

Test(msg, a_text_ends_inside_its_field)
{
    UNENDED(CLAIMED, text);
    UNENDED(VIF_ATTACH, region_file);
    UNENDED(VIF_ATTACHED, text);
    UNENDED(SHOWN, records[0].state);
    UNENDED(SHOWN, records[MSG_RECORDS_MAX - 1].why);
    UNENDED(SHOWN, records[0].name);
    UNENDED(DONE, text);
}

Test(msg, a_region_file_stays_in_its_directory)
{
    static const char *const bad[] = { "/etc/passwd", "../state", "a/b", ".", "..", ".hidden" };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        union msg m = good(MSG_VIF_ATTACH);

        strcpy(m.VIF_ATTACH.region_file, bad[i]);
        cr_expect_eq(check(&m), -EINVAL, "%s", bad[i]);
    }
}
