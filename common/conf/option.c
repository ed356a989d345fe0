/* SPDX-License-Identifier: BSD-3-Clause */
// option.c: the configuration's options, one line each.
//
// docs/xv.conf.5.md describes them for people; a test holds it against this table.
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "addresses.h"
#include "conf.h"
#include "log.h"
#include "number.h"
#include "option.h"
#include "state.h"
#include "vlans.h"
#include "xenvirt.h"

static bool any_ok(const char *text)
{
    return text[0] != '\0';
}

static bool path_ok(const char *text)
{
    return text[0] == '/';
}

static bool path_or_none_ok(const char *text)
{
    return text[0] == '/' || text[0] == '\0';
}

static bool word_ok(const char *text)
{
    return text[0] != '\0' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == strlen(text);
}

static bool calls_ok(const char *text)
{
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_,") == strlen(text);
}

static bool uuid_ok(const char *text)
{
    for (int i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;

        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return text[36] == '\0';
}

// Digits only are a domid, anything else a name.
static bool domain_ok(const char *text)
{
    uint32_t domid;

    if (text[0] == '\0' || text[strspn(text, "0123456789")] != '\0')
        return text[0] != '\0';
    return number_domid(text, &domid) == 0;
}

static bool cpu_ok(const char **text, long *cpu)
{
    char *end;

    if (!isdigit((unsigned char)**text))
        return false;
    *cpu = strtol(*text, &end, 10);
    *text = end;
    return *cpu < 1024;
}

static bool cpus_ok(const char *text)
{
    long first, last;

    if (text[0] == '\0')
        return true;
    for (;; text++) {
        if (!cpu_ok(&text, &first))
            return false;
        if (*text == '-') {
            text++;
            if (!cpu_ok(&text, &last) || last < first)
                return false;
        }
        if (*text != ',')
            return *text == '\0';
    }
}

static const char *const levels[] = { "error", "warning", "notice", "info", "debug", NULL };
static const char *const starts[] = { "watcher", "external", NULL };
static const char *const overflows[] = { "refuse", "software", NULL };
// A word for each value, and the NULL.
static_assert(sizeof(levels) / sizeof(levels[0]) == LOG_DEBUG - LOG_ERR + 2, "enum log_level");
static_assert(sizeof(starts) / sizeof(starts[0]) == CONF_START_EXTERNAL + 2, "enum conf_start");
static_assert(sizeof(overflows) / sizeof(overflows[0]) == CONF_OVERFLOW_SOFTWARE + 2, "enum conf_overflow");

#define ABSOLUTE "an absolute path"
#define ABSOLUTE_OR_NONE "an absolute path or \"\""

#define CONF(f) .of = OPTION_OF_CONF, .offset = offsetof(struct conf, f)
#define GUEST(f) .of = OPTION_OF_GUEST, .offset = offsetof(struct conf_guest, f)
#define VIF(f) .of = OPTION_OF_VIF, .offset = offsetof(struct conf_vif, f)
#define UPLINK(f) .of = OPTION_OF_UPLINK, .offset = offsetof(struct conf_uplink, f)
#define NUMBER(kind, least, most, preset) .type = OPTION_##kind, .min = least, .max = most, .def = preset
#define BOOL(preset) .type = OPTION_BOOL, .def = preset
#define MAYBE .type = OPTION_MAYBE, .def = -1
#define TEXT(most, preset, check, words) \
    .type = OPTION_TEXT, .max = most, .text = preset, .text_ok = check, .allowed = words
#define TEXTS(f, n, check, words) \
    .of = OPTION_OF_CONF, .type = OPTION_TEXTS, .offset = offsetof(struct conf, f), .count = offsetof(struct conf, n), \
    .most = sizeof(((struct conf *)NULL)->f) / CONF_TEXT_BYTES, .max = LONGEST, .text_ok = check, .allowed = words
#define MACS(where, in, f, n) \
    .of = OPTION_OF_##where, .type = OPTION_MACS, .offset = offsetof(struct in, f), .count = offsetof(struct in, n), \
    .most = CONF_MACS_MAX
#define KEPT(most, preset, check, words) \
    .type = OPTION_KEPT, .max = most, .text = preset, .text_ok = check, .allowed = words
#define ADDRESSES(f) \
    .of = OPTION_OF_VIF, .type = OPTION_KEPTS, .offset = offsetof(struct conf_vif, f), .most = GUARD_ADDRESSES_MAX, \
    .max = LONGEST, .text_ok = addresses_ok, \
    .allowed = "a list of IPv4 and IPv6 addresses, or prefixes with no bits behind as \"2001:db8:1::/64\""
#define INSIDE(preset) KEPT(LONGEST, preset, vlans_ok, "\"none\", \"own\", or VLANs from 1 to 4094 as \"10,200-299\"")
#define WORD(list, first, preset) .type = OPTION_WORD, .words = list, .min = first, .def = preset
#define LONGEST (CONF_TEXT_BYTES - 1)

// clang-format off
static const struct option options[] = {
    // run_dir: a socket's path has 107 characters, and the longest name in there is "/slot.95/link.ipc".
    { "run_dir", CONF(run_dir), TEXT(90, "/run/xv", path_ok, ABSOLUTE), .about = "sockets, locks and state" },
    { "file_prefix", CONF(file_prefix), TEXT(63, "xv", word_ok, "letters, digits, _ and -"), .about = "EAL's --file-prefix" },
    { "huge_dir", CONF(huge_dir), TEXT(LONGEST, "", path_or_none_ok, ABSOLUTE_OR_NONE), .about = "EAL's --huge-dir; \"\": EAL finds one" },
    { "log_level", CONF(log_level), WORD(levels, LOG_ERR, LOG_INFO), .about = "what is logged" },
    { "max_vifs", CONF(max_vifs), NUMBER(UINT, 1, FABRIC_VIFS_MAX, 16), .about = "guests' devices that the switch has room for" },
    { "max_guests", CONF(max_guests), NUMBER(UINT, 1, FABRIC_GUESTS_MAX, 0), .about = "guests; not set: max_vifs, at most 96" },
    { "lane_slots", CONF(lane_slots), NUMBER(POWER, 64, 65536, 1024), .about = "frames that one sender may have waiting for one receiver" },
    { "buffers", CONF(buffers), NUMBER(UINT, 256, 65536, 2048), .about = "frames that one sender may have waiting in all" },
    { "vlan_base", CONF(vlan_base), NUMBER(UINT, 1, 4094, 1000), .about = "device k has tag vlan_base + k" },

    { "primary.start", CONF(primary_start), WORD(starts, 0, CONF_START_EXTERNAL), .about = "who starts xv-primary" },
    { "primary.path", CONF(primary_path), TEXT(LONGEST, "", path_or_none_ok, ABSOLUTE_OR_NONE), .about = "xv-primary; \"\": next to xv-watcher" },
    { "primary.mbufs", CONF(primary_mbufs), NUMBER(UINT, 512, 1048576, 8192), .about = "mbufs of each port's pool" },
    { "primary.memory_mb", CONF(primary_memory_mb), NUMBER(UINT, 0, 1048576, 0), .about = "EAL's -m, the fabric is beside it; 0: as much as needed" },
    { "primary.portmask", CONF(primary_portmask), NUMBER(HEX, 1, (1 << STATE_PORTS_MAX) - 1, (1 << STATE_PORTS_MAX) - 1), .about = "uplinks, a bit a port (-p)" },
    { "primary.vm2vm", CONF(primary_vm2vm), BOOL(true), .about = "guests reach each other inside the switch (--vm2vm)" },
    { "primary.stats", CONF(primary_stats), NUMBER(UINT, 0, 86400, 0), .about = "seconds between statistics (--stats); 0: none" },
    { "primary.group_rate", CONF(primary_group_rate), NUMBER(UINT, 1, 10000000, 10000), .about = "broadcasts and multicasts/s copied for one guest" },
    { "primary.eal_args", TEXTS(eal_args, n_eal_args, any_ok, "a list of strings that are not empty"), .about = "more EAL arguments of xv-primary" },

    { "nic.vmdq", CONF(nic_vmdq), BOOL(true), .about = "use the VMDQ pools of NICs that have them" },
    { "nic.overflow", CONF(nic_overflow), WORD(overflows, 0, CONF_OVERFLOW_REFUSE), .about = "devices for which a NIC has no pool" },
    { "nic.mtu", CONF(nic_mtu), NUMBER(INT, XENVIRT_MTU_MIN, XENVIRT_MTU_MAX, -1), .about = "longest frame of an uplink, less 14; not set: its device's own" },

    { "uplinks", CONF(uplinks), .type = OPTION_UPLINKS, .about = "what is said of single uplinks" },
    { "uplinks.number", UPLINK(number), NUMBER(UINT, 0, CONF_UPLINKS_MAX - 1, 0), .about = "the uplink" },
    { "uplinks.mtu", UPLINK(mtu), NUMBER(INT, XENVIRT_MTU_MIN, XENVIRT_MTU_MAX, -1), .about = "its MTU; not set: nic.mtu" },

    { "worker.start", CONF(worker_start), WORD(starts, 0, CONF_START_WATCHER), .about = "who starts xv-worker" },
    { "worker.path", CONF(worker_path), TEXT(LONGEST, "", path_or_none_ok, ABSOLUTE_OR_NONE), .about = "xv-worker; \"\": next to xv-watcher" },
    { "worker.cpus", CONF(worker_cpus), TEXT(LONGEST, "", cpus_ok, "CPUs from 0 to 1023 as \"0-3,6\", or \"\""), .about = "CPUs that workers run on; \"\": all" },
    { "worker.start_ms", CONF(worker_start_ms), NUMBER(UINT, 100, 600000, 10000), .about = "a start that takes longer is ended and tried again" },
    { "worker.hang_ms", CONF(worker_hang_ms), NUMBER(UINT, 100, 600000, 2000), .about = "a poll loop silent for longer hangs; its process is replaced" },
    { "worker.spares", CONF(worker_spares), NUMBER(UINT, 0, FABRIC_GUESTS_MAX - 1, 0), .about = "workers kept ready" },
    { "worker.confine", CONF(worker_confine), BOOL(true), .about = "workers give up rights and system calls before they read a guest's memory" },
    { "worker.user", CONF(worker_user), TEXT(31, CONF_WORKER_USER, word_ok, "letters, digits, _ and -"), .about = "the user that workers become; the preset is nobody where there is none of that name" },
    { "worker.allow_syscalls", CONF(worker_allow_syscalls), TEXT(LONGEST, "", calls_ok, "names with commas between them, or \"\""), .about = "system calls that workers may do besides those they need" },

    { "poll.busy", CONF(poll_busy), NUMBER(UINT, 0, 1000000000, 100), .about = "turns without work before a poller yields" },
    { "poll.yield", CONF(poll_yield), NUMBER(UINT, 0, 1000000000, 1000), .about = "turns of yielding before it sleeps" },
    { "poll.sleep_us", CONF(poll_sleep_us), NUMBER(UINT, 0, 10000, 1800), .about = "longest sleep; 0: never" },

    { "provision.backend", CONF(provision_backend), TEXT(63, "0", domain_ok, "a domid from 0 to 32751 or a domain's name"), .about = "domain of the back end" },

    { "guest.allow", CONF(guest_allow), BOOL(true), .about = "guests that are not listed may attach" },
    { "guest.promiscuous", CONF(guest_promiscuous), BOOL(false), .about = "guests get unicast frames from the wire that are nobody's" },
    { "guest.mac_change", CONF(guest_mac_change), BOOL(true), .about = "a running device may take another MAC" },
    { "guest.mac_spoof_check", CONF(guest_mac_spoof_check), BOOL(true), .about = "drop frames with another source MAC" },
    { "guest.vlan_out", CONF(guest_vlan_out), BOOL(false), .about = "tag frames towards the wire" },
    { "guest.priority_tag", CONF(guest_priority_tag), BOOL(false), .about = "tag those that get no other tag with VLAN 0, as DPDK 2.2 did" },

    { "guest.mac_deny", MACS(CONF, conf, guest_mac_deny, n_guest_mac_deny), .about = "MACs that no device may have unless it is pinned to them" },
    { "guest.mac_grace", CONF(guest_mac_grace), NUMBER(UINT, 0, 3600, 30), .about = "seconds in which a stopped device's MAC is no other guest's" },
    { "guest.netif", CONF(guest_netif), BOOL(true), .about = "devices that the toolstack gives to guests (vif = [ ... ]) may attach" },
    { "guest.lldp", CONF(guest_lldp), BOOL(false), .about = "guests send and get LLDP" },
    { "guest.dhcp_guard", CONF(guest_dhcp_guard), BOOL(false), .about = "drop what DHCP servers send" },
    { "guest.ra_guard", CONF(guest_ra_guard), BOOL(false), .about = "drop router advertisements and redirects" },
    { "guest.vlan_inside", CONF(guest_vlan_inside), INSIDE(CONF_INSIDE_DEFAULT), .about = "VLAN tags that may stand inside a guest's frames" },
    { "guest.devices", CONF(guest_devices), NUMBER(UINT, 1, XENVIRT_DEVICES_MAX, 4), .about = "devices that one guest may have" },
    { "guest.pools", CONF(guest_pools), NUMBER(UINT, 0, FABRIC_VIFS_MAX, FABRIC_VIFS_MAX), .about = "VMDQ pools that one guest may have" },
    { "guest.pages", CONF(guest_pages), NUMBER(UINT, 8, 16777216, 16000), .about = "pages of one guest that may be mapped" },

    { "guests", CONF(guests), .type = OPTION_GUESTS, .about = "what is said of single guests" },
    { "guests.domid", GUEST(domid), NUMBER(INT, 0, XENVIRT_DOMID_LAST, -1), .about = "the guest by domain id" },
    { "guests.uuid", GUEST(uuid), TEXT(36, "", uuid_ok, "a UUID as 01234567-89ab-cdef-0123-456789abcdef"), .about = "the guest by UUID" },
    { "guests.name", GUEST(name), TEXT(63, "", any_ok, "a name of 1 to 63 characters"), .about = "the guest by name" },
    { "guests.allow", GUEST(allow), BOOL(true), .about = "this guest may attach" },
    { "guests.compat_2_2", GUEST(compat_2_2), BOOL(false), .about = "it gets the XenStore rights that DPDK 2.2's driver needs" },
    { "guests.promiscuous", GUEST(promiscuous), MAYBE, .about = "for this guest" },
    { "guests.mac_change", GUEST(mac_change), MAYBE, .about = "for this guest" },
    { "guests.mac_spoof_check", GUEST(mac_spoof_check), MAYBE, .about = "for this guest" },
    { "guests.priority_tag", GUEST(priority_tag), MAYBE, .about = "for this guest" },
    { "guests.netif", GUEST(netif), MAYBE, .about = "for this guest" },
    { "guests.lldp", GUEST(lldp), MAYBE, .about = "for this guest" },
    { "guests.dhcp_guard", GUEST(dhcp_guard), MAYBE, .about = "for this guest" },
    { "guests.ra_guard", GUEST(ra_guard), MAYBE, .about = "for this guest" },
    { "guests.vlan_inside", GUEST(vlan_inside), INSIDE(""), .about = "for this guest" },
    { "guests.uplink", GUEST(uplink), NUMBER(INT, 0, STATE_PORTS_MAX - 1, -1), .about = "its uplink; not set: 0" },
    { "guests.devices", GUEST(devices), NUMBER(INT, 1, XENVIRT_DEVICES_MAX, -1), .about = "for this guest" },
    { "guests.pools", GUEST(pools), NUMBER(INT, 0, FABRIC_VIFS_MAX, -1), .about = "for this guest" },
    { "guests.mac_deny", MACS(GUEST, conf_guest, mac_deny, n_mac_deny), .about = "more of them for this guest" },
    { "guests.pages", GUEST(pages), NUMBER(INT, 8, 16777216, -1), .about = "for this guest" },
    { "guests.vifs", GUEST(vifs), .type = OPTION_VIFS, .about = "what is said of single devices" },
    { "guests.vifs.device", VIF(device), NUMBER(UINT, 0, CONF_GUEST_VIFS_MAX - 1, 0), .about = "the guest's number for it" },
    { "guests.vifs.number", VIF(number), NUMBER(INT, 0, FABRIC_VIFS_MAX - 1, -1), .about = "the switch's number for it (k); not set: the lowest free one" },
    { "guests.vifs.vlan", VIF(vlan), NUMBER(INT, 1, 4094, -1), .about = "its tag; not set: vlan_base + k" },
    { "guests.vifs.uplink", VIF(uplink), NUMBER(INT, 0, STATE_PORTS_MAX - 1, -1), .about = "its uplink; not set: the guest's" },
    { "guests.vifs.mac", VIF(mac), .type = OPTION_MAC, .about = "the MAC that it, and no other, has to have" },
    { "guests.vifs.vlan_out", VIF(vlan_out), MAYBE, .about = "for this device" },
    { "guests.vifs.priority_tag", VIF(priority_tag), MAYBE, .about = "for this device" },
    { "guests.vifs.lldp", VIF(lldp), MAYBE, .about = "for this device" },
    { "guests.vifs.dhcp_guard", VIF(dhcp_guard), MAYBE, .about = "for this device" },
    { "guests.vifs.ra_guard", VIF(ra_guard), MAYBE, .about = "for this device" },
    { "guests.vifs.addresses", ADDRESSES(addresses), .about = "the IP addresses that its packets may be from; not set: any" },
    { "guests.vifs.tx_kbps", VIF(tx_kbps), NUMBER(UINT, 0, RATE_KBPS_MAX, 0), .about = "1,000 bits/s that it may send; 0: no limit" },
    { "guests.vifs.tx_fps", VIF(tx_fps), NUMBER(UINT, 0, RATE_FPS_MAX, 0), .about = "frames/s that it may send; 0: no limit" },
    { "guests.vifs.rx_kbps", VIF(rx_kbps), NUMBER(UINT, 0, RATE_KBPS_MAX, 0), .about = "1,000 bits/s that it may receive; 0: no limit" },
    { "guests.vifs.rx_fps", VIF(rx_fps), NUMBER(UINT, 0, RATE_FPS_MAX, 0), .about = "frames/s that it may receive; 0: no limit" },
    { "guests.vifs.burst_ms", VIF(burst_ms), NUMBER(UINT, 1, RATE_BURST_MS_MAX, CONF_BURST_MS), .about = "for how long it may make up for what it did not send or receive" },
    { "guests.vifs.vlan_inside", VIF(vlan_inside), INSIDE(""), .about = "for this device" },
};
// clang-format on

#define OPTIONS (sizeof(options) / sizeof(options[0]))

const struct option *option_at(unsigned i)
{
    return i < OPTIONS ? &options[i] : NULL;
}

const struct option *option_find(const char *prefix, const char *name)
{
    size_t at = strlen(prefix);

    for (const struct option *o = options; o < options + OPTIONS; o++) {
        if (strncmp(o->path, prefix, at) == 0 && strcmp(o->path + at, name) == 0)
            return o;
    }
    return NULL;
}

bool option_is_group(const char *prefix, const char *name)
{
    size_t at = strlen(prefix), n = strlen(name);

    for (const struct option *o = options; o < options + OPTIONS; o++) {
        if (strncmp(o->path, prefix, at) == 0 && strncmp(o->path + at, name, n) == 0 && o->path[at + n] == '.')
            return true;
    }
    return false;
}

static void option_default(const struct option *o, void *field)
{
    switch (o->type) {
    case OPTION_UINT:
    case OPTION_HEX:
    case OPTION_POWER:
    case OPTION_INT:
    case OPTION_WORD:
        *(uint32_t *)field = (uint32_t)o->def;
        break;
    case OPTION_BOOL:
    case OPTION_MAYBE:
        *(int8_t *)field = (int8_t)o->def;
        break;
    case OPTION_TEXT:
        strcpy(field, o->text);
        break;
    case OPTION_MAC:
        *(struct conf_mac *)field = (struct conf_mac){ 0 };
        break;
    case OPTION_KEPT:
    case OPTION_KEPTS:
        *(uint16_t *)field = 0;
        break;
    case OPTION_TEXTS:
    case OPTION_MACS:
    case OPTION_GUESTS:
    case OPTION_VIFS:
    case OPTION_UPLINKS:
        break; // none: the counts are 0
    }
}

void option_defaults(enum option_of of, void *base)
{
    for (const struct option *o = options; o < options + OPTIONS; o++) {
        if (o->of == of)
            option_default(o, (char *)base + o->offset);
    }
}

// Append to out, which holds n bytes.
static void append(char *out, size_t n, const char *text)
{
    size_t at = strlen(out);

    snprintf(out + at, n - at, "%s", text);
}

uint32_t *option_count(const struct option *o, const void *base)
{
    return (uint32_t *)((char *)base + o->count);
}

char *option_text(const struct option *o, const void *base, uint32_t i)
{
    return (char *)base + o->offset + (size_t)i * CONF_TEXT_BYTES;
}

void option_allowed(const struct option *o, char *out, size_t n)
{
    const char *fmt = o->type == OPTION_HEX ? "0x%llx to 0x%llx" : "%lld to %lld";

    out[0] = '\0';
    switch (o->type) {
    case OPTION_UINT:
    case OPTION_HEX:
    case OPTION_INT:
    case OPTION_POWER:
        snprintf(out, n, o->type == OPTION_POWER ? "a power of two from %lld to %lld" : fmt, (long long)o->min,
            (long long)o->max);
        break;
    case OPTION_BOOL:
    case OPTION_MAYBE:
        append(out, n, "true, false");
        break;
    case OPTION_KEPT:
    case OPTION_TEXT:
        snprintf(out, n, "%s, up to %lld characters", o->allowed, (long long)o->max);
        break;
    case OPTION_TEXTS:
    case OPTION_KEPTS:
        append(out, n, o->allowed);
        break;
    case OPTION_MAC:
        append(out, n, "a unicast MAC as \"02:00:00:00:00:01\"");
        break;
    case OPTION_MACS:
        append(out, n, "a list of MACs, or of the bits they begin with as \"00:00:5e:00:01:00/40\"");
        break;
    case OPTION_WORD:
        for (uint32_t i = 0; o->words[i] != NULL; i++) {
            append(out, n, i == 0 ? "\"" : ", \"");
            append(out, n, o->words[i]);
            append(out, n, "\"");
        }
        break;
    case OPTION_GUESTS:
    case OPTION_VIFS:
    case OPTION_UPLINKS:
        append(out, n, "a list of groups");
        break;
    }
}

void option_names(const char *prefix, char *out, size_t n)
{
    size_t at = strlen(prefix);
    const char *last = "";
    size_t last_len = 0;

    out[0] = '\0';
    for (const struct option *o = options; o < options + OPTIONS; o++) {
        const char *name = o->path + at;
        size_t len;

        if (strncmp(o->path, prefix, at) != 0)
            continue;
        len = strcspn(name, ".");
        if (len == last_len && strncmp(name, last, len) == 0)
            continue; // one group, named once
        snprintf(out + strlen(out), n - strlen(out), "%s%.*s", out[0] == '\0' ? "" : ", ", (int)len, name);
        last = name;
        last_len = len;
    }
}
