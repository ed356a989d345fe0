/* SPDX-License-Identifier: BSD-3-Clause */
// conf.h: the one configuration that all programs read.
//
// A file in libconfig's syntax, /etc/xv/xv.conf unless --config names another; without a file there every option has
// its default. The table in option.c holds each option's name, default and range; docs/xv.conf.5.md describes them.
#ifndef XV_CONF_H
#define XV_CONF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "fabric.h"
#include "guard.h"
#include "rate.h"
#include "rules.h"

#define CONF_FILE "/etc/xv/xv.conf"
#define CONF_TEXT_BYTES 128u
#define CONF_WORKER_USER "xv-worker"
#define CONF_EAL_ARGS_MAX 32u
#define CONF_GUESTS_MAX 128u
#define CONF_GUEST_VIFS_MAX 32u
#define CONF_UPLINKS_MAX 16u
#define CONF_MACS_MAX 32u
#define CONF_KEPT_BYTES 65535u
#define CONF_INSIDE_DEFAULT "none" // guest.vlan_inside
#define CONF_BURST_MS 50u // guests.vifs.burst_ms, as the toolstack's
#define CONF_VLAN_WORDS 64u // of 64 bits, a bit a VLAN

enum conf_start { CONF_START_WATCHER, CONF_START_EXTERNAL };
enum conf_overflow { CONF_OVERFLOW_REFUSE, CONF_OVERFLOW_SOFTWARE };

// A MAC, or all that begin with the same bits.
struct conf_mac {
    uint8_t mac[6];
    uint8_t bits; // 48: this one; fewer: so many count, from the front; 0: not said
};

// What is said of one vif of one guest. Fields that the file doesn't set have the guest's or the global default.
struct conf_vif {
    uint32_t device;
    int32_t number; // vif number k (VLAN vlan_base + k, pool k), -1: the lowest free one
    int32_t vlan; // -1: vlan_base + k
    int32_t uplink; // index of the uplink, -1: the guest's, else 0
    struct conf_mac mac; // the one that it has to have
    int8_t vlan_out; // 0, 1, -1: the global default
    int8_t priority_tag; // 0, 1, -1: the guest's
    int8_t lldp; // 0, 1, -1: the guest's
    int8_t dhcp_guard; // 0, 1, -1: the guest's
    int8_t ra_guard; // 0, 1, -1: the guest's
    uint16_t vlan_inside; // for conf_kept(), 0: the guest's
    uint16_t addresses; // for conf_kept(), a comma between them; 0: any
    uint32_t tx_kbps, tx_fps, rx_kbps, rx_fps; // what it may send and receive; 0: no limit
    uint32_t burst_ms;
};

struct conf_guest {
    int32_t domid; // -1: not by domid
    char uuid[40]; // "": not by UUID
    char name[64]; // "": not by name
    bool allow;
    bool compat_2_2;
    int8_t promiscuous; // -1: the global default
    int8_t mac_change; // -1: the global default
    int8_t mac_spoof_check; // -1: the global default
    int8_t priority_tag; // -1: the global default
    int8_t lldp; // -1: the global default
    int8_t netif; // -1: the global default
    int8_t dhcp_guard; // -1: the global default
    int8_t ra_guard; // -1: the global default
    uint16_t vlan_inside; // for conf_kept(), 0: the global default
    int32_t uplink;
    int32_t pools; // -1: the global default
    int32_t devices; // -1: the global default
    uint32_t n_mac_deny;
    struct conf_mac mac_deny[CONF_MACS_MAX]; // beside those that nobody may have
    int32_t pages; // -1: the global default
    uint32_t n_vifs;
    struct conf_vif vifs[CONF_GUEST_VIFS_MAX];
};

struct conf_uplink {
    uint32_t number; // index of the uplink
    int32_t mtu; // -1: nic.mtu
};

struct conf {
    // Everybody
    char run_dir[CONF_TEXT_BYTES]; // "/run/xv"
    char file_prefix[CONF_TEXT_BYTES]; // EAL's --file-prefix, "xv"
    char huge_dir[CONF_TEXT_BYTES]; // EAL's --huge-dir, "": EAL finds one
    uint32_t log_level; // enum log_level, by name in the file
    // Size of the switch
    uint32_t max_vifs; // 16
    uint32_t max_guests; // not set: max_vifs, at most 96
    uint32_t lane_slots; // 1024
    uint32_t buffers; // of each context, 2048
    uint32_t vlan_base; // 1000
    // primary
    enum conf_start primary_start; // "external"
    char primary_path[CONF_TEXT_BYTES]; // "": next to xv-watcher
    uint32_t primary_mbufs; // of each port's pool, 8192
    uint32_t primary_memory_mb; // EAL's -m, 0: computed
    uint32_t primary_portmask; // -p, 0xffff: all
    bool primary_vm2vm; // --vm2vm, true
    uint32_t primary_stats; // --stats in seconds, 0
    uint32_t primary_group_rate; // group frames/s that one guest may have copied, 10000
    uint32_t n_eal_args;
    char eal_args[CONF_EAL_ARGS_MAX][CONF_TEXT_BYTES]; // more EAL arguments of the primary (--vdev=..., -a ...)
    // nic
    bool nic_vmdq; // true
    enum conf_overflow nic_overflow; // "refuse"
    int32_t nic_mtu; // -1: each device's own
    uint32_t n_uplinks;
    struct conf_uplink uplinks[CONF_UPLINKS_MAX];
    // worker
    enum conf_start worker_start; // "watcher"
    char worker_path[CONF_TEXT_BYTES]; // "": next to xv-watcher
    char worker_cpus[CONF_TEXT_BYTES]; // CPU list for the workers' threads ("0-3,6"), "": all
    uint32_t worker_start_ms; // a start that takes longer is ended and tried again, 10000
    uint32_t worker_hang_ms; // silence of the poll loop after which a worker is replaced, 2000
    uint32_t worker_spares; // 0
    bool worker_confine; // true
    char worker_user[CONF_TEXT_BYTES]; // CONF_WORKER_USER
    char worker_allow_syscalls[CONF_TEXT_BYTES]; // names with commas between them, ""
    // pollers: turns without work, before sched_yield and then sleeps of up to sleep_us
    uint32_t poll_busy; // 100 turns
    uint32_t poll_yield; // 1000 turns
    uint32_t poll_sleep_us; // 1800
    // provision
    char provision_backend[CONF_TEXT_BYTES]; // the back end's domain, by domid or name: "0"
    // guests
    bool guest_allow; // guests not listed below: true
    bool guest_promiscuous; // false
    bool guest_mac_change; // true
    bool guest_mac_spoof_check; // true
    bool guest_vlan_out; // false
    bool guest_priority_tag; // false
    bool guest_netif; // true
    bool guest_lldp; // false
    bool guest_dhcp_guard; // false
    bool guest_ra_guard; // false
    uint16_t guest_vlan_inside; // for conf_kept(), 0: "none"
    uint32_t guest_pools; // 128: all
    uint32_t guest_devices; // 4
    uint32_t guest_mac_grace; // seconds, 30
    uint32_t n_guest_mac_deny;
    struct conf_mac guest_mac_deny[CONF_MACS_MAX]; // MACs that no device may have to which they are not pinned
    uint32_t guest_pages; // 16000
    uint32_t n_guests;
    struct conf_guest guests[CONF_GUESTS_MAX];
    // Texts that few entries have, one behind the other.
    uint32_t n_kept; // bytes
    char kept[CONF_KEPT_BYTES];
};

#define CONF_ERR_BYTES 16384u

// Read file into *c; file NULL: CONF_FILE if it exists, else the defaults. Returns 0, or -EINVAL/-errno after it said
// all that is wrong, a line each with file and line, in err (n bytes; CONF_ERR_BYTES are enough for most).
int conf_read(struct conf *c, const char *file, char *err, size_t n);

// Print what is in force, in the file's own syntax: the output can be read back.
void conf_print(const struct conf *c, FILE *out);

// Print a row for each option: path, default, what is allowed, what it is. The rows of docs/xv.conf.5.md.
void conf_describe(FILE *out);

// The entry that pins a device to this number of the switch, or NULL.
const struct conf_vif *conf_vif_find(const struct conf *c, uint32_t number);

// The tag of device number k: pinned, or vlan_base + k. Together they are the map that is fixed when the primary
// starts.
uint32_t conf_vlan(const struct conf *c, uint32_t number);

// What is said first counts: of the device, of its guest, of all. -1: nothing is.
static inline int conf_said(int device, int guest, int all)
{
    return device >= 0 ? device : guest >= 0 ? guest : all;
}

// A text that an entry has, "" where it has none.
static inline const char *conf_kept(const struct conf *c, uint16_t at)
{
    return at == 0 ? "" : c->kept + at;
}

// The rules of a device with this tag. g, v: what is said of its guest and of it, or NULL.
void conf_rules(
    const struct conf *c, const struct conf_guest *g, const struct conf_vif *v, uint32_t vlan, struct rules *rules);

// Whose packets it may send.
void conf_guard(const struct conf *c, const struct conf_guest *g, const struct conf_vif *v, struct guard *guard);

// How much it may send and receive. v may be NULL.
void conf_rates(const struct conf_vif *v, struct rates *rates);

// The VLANs whose tags the device with this number may get, a bit each. A number that isn't pinned may become any
// guest's.
void conf_trunk(const struct conf *c, uint32_t number, uint64_t bits[CONF_VLAN_WORDS]);

// The MTU of an uplink, 0: its device's own.
uint32_t conf_mtu(const struct conf *c, uint32_t uplink);

// The first entry that pins a device to this MAC, or NULL. Other devices of the same guest may have it too.
const struct conf_vif *conf_mac_find(const struct conf *c, const uint8_t mac[6]);

// Returns true if m says this MAC; if one of the n of them does.
bool conf_mac_is(const struct conf_mac *m, const uint8_t mac[6]);
bool conf_macs_have(const struct conf_mac *macs, uint32_t n, const uint8_t mac[6]);

// What the configuration says of a guest. uuid and name may be "". Returns the entry, or NULL if none matches; entries
// match by UUID first, then domid, then name. An entry that says something else of the guest (its domid matches, but it
// names another UUID) does not match.
const struct conf_guest *conf_guest_find(const struct conf *c, uint32_t domid, const char *uuid, const char *name);

#endif
