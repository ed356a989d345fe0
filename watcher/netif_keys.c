/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "netif_keys.h"
#include "xenbus.h"

static const struct {
    uint32_t root;
    const char *name;
} keys[NETIF_KEY_COUNT] = {
#define NETIF_KEY_ROW(NAME, root, name) [NETIF_##NAME] = { root, name },
    NETIF_KEYS(NETIF_KEY_ROW)
};

static const struct netif_keys *netif_keys(const struct front_keys *k)
{
    return (const struct netif_keys *)k;
}

static struct front_keys *netif_make(void)
{
    struct netif_keys *k = calloc(1, sizeof(*k));

    return k == NULL ? NULL : &k->front;
}

static void netif_free(struct front_keys *front)
{
    struct netif_keys *k = (struct netif_keys *)front;

    for (unsigned i = 0; i < FRONT_DEVICES_MAX; i++)
        for (unsigned n = 0; n < NETIF_KEY_COUNT; n++)
            free(k->of[i][n]);
    free(k);
}

// The device whose directory a path below a root is, or begins with, written as the toolstack writes it. Returns what
// follows, or NULL.
static const char *device_read(const char *path, uint32_t *device)
{
    const char *p = path;

    for (*device = 0; *p >= '0' && *p <= '9' && p - path < 5; p++)
        *device = *device * 10 + (uint32_t)(*p - '0');
    if (p == path || (path[0] == '0' && p - path > 1) || (*p != '\0' && *p != '/'))
        return NULL;
    return p;
}

// A front end starts and stops by its state; a toolstack makes and removes the back end's directory.
static int netif_touched(uint32_t root, const char *path)
{
    uint32_t device;
    const char *rest = device_read(path, &device);

    if (rest == NULL || device >= FRONT_DEVICES_MAX)
        return KEYS_NO_DEVICE;
    return *rest == '\0' || (root == NETIF_FRONT && strcmp(rest, "/state") == 0) ? (int)device : KEYS_NO_DEVICE;
}

static bool netif_dir(uint32_t root, const char *path)
{
    uint32_t device;
    const char *rest = device_read(path, &device);

    (void)root;
    return rest != NULL && *rest == '\0';
}

static char **netif_place(struct front_keys *front, uint32_t root, const char *path)
{
    struct netif_keys *k = (struct netif_keys *)front;
    uint32_t device;
    const char *rest = device_read(path, &device);

    if (rest == NULL || *rest != '/')
        return NULL;
    for (unsigned i = 0; i < NETIF_KEY_COUNT; i++) {
        if (keys[i].root != root || strcmp(rest + 1, keys[i].name) != 0)
            continue;
        if (device < FRONT_DEVICES_MAX)
            return &k->of[device][i];
        k->front.extra_devices = true;
    }
    return NULL;
}

static bool text_is(const char *text, const char *what)
{
    return text != NULL && strcmp(text, what) == 0;
}

static enum keys_found netif_find(const struct front_keys *front, uint32_t device)
{
    char *const *of = netif_keys(front)->of[device];

    if (of[NETIF_BACK_MAC] == NULL)
        return KEYS_ABSENT;
    return text_is(of[NETIF_BACK_ONLINE], "1") && text_is(of[NETIF_FRONT_STATE], NETIF_CONNECTED) ? KEYS_STARTED
                                                                                                  : KEYS_LEFT;
}

// ---- saying

static uint32_t write_add(struct keys_write *w, uint32_t n, uint32_t device, const char *name, const char *value)
{
    snprintf(w[n].below, sizeof(w[n].below), "%u%s%s", device, *name == '\0' ? "" : "/", name);
    w[n].value = value;
    return n + 1;
}

// What a front end reads when it sees INIT_WAIT.
static uint32_t features_add(struct keys_write *w, uint32_t device)
{
    static const struct {
        const char *name, *value;
    } features[] = {
        { "feature-rx-copy", "1" }, // and never flip
        { "feature-rx-flip", "0" },
        { "feature-sg", "0" }, // a frame has at most 2,048 bytes
        { "feature-split-event-channels", "1" },
    };
    uint32_t n = 0;

    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++)
        n = write_add(w, n, device, features[i].name, features[i].value);
    return n;
}

static uint32_t netif_say(
    const struct front_keys *front, uint32_t device, enum keys_served served, struct keys_write w[KEYS_WRITES_MAX])
{
    static const char *const states[] = { "0", "1", "2", "3", "4", "5", "6" };
    char *const *of = netif_keys(front)->of[device];
    struct xenbus_view v = { .back = xenbus_state_of(of[NETIF_BACK_STATE]),
        .front = xenbus_state_of(of[NETIF_FRONT_STATE]),
        .online = text_is(of[NETIF_BACK_ONLINE], "1"),
        .served = served != KEYS_FREE,
        .ready = served == KEYS_SERVED };
    struct xenbus_step s;
    uint32_t n = 0;

    if (of[NETIF_BACK_MAC] == NULL && of[NETIF_BACK_STATE] == NULL)
        return 0; // nobody made it
    s = xenbus_next(&v);
    if (s.state == XenbusStateInitWait)
        n = features_add(w, device);
    if (s.state != XenbusStateUnknown)
        n = write_add(w, n, device, "state", states[s.state]);
    return s.remove ? write_add(w, n, device, "", NULL) : n;
}

// ---- judging

static bool refuse(struct offer *o, enum xenvirt_refusal refusal, enum netif_key key)
{
    o->refusal = refusal;
    if (refusal != XENVIRT_REFUSED_NONE)
        snprintf(o->why, sizeof(o->why), "%s: %s", keys[key].name, refusal_text(refusal));
    return refusal != XENVIRT_REFUSED_NONE;
}

// Two event channels, or one for both rings.
static void judge_ports(char *const *of, struct offer *o)
{
    uint32_t *ports = o->words.netif.ports;

    if (of[NETIF_RX_PORT] == NULL && of[NETIF_TX_PORT] == NULL) {
        if (!refuse(o, contract_ref(of[NETIF_PORT], &ports[REGION_RX_RING]), NETIF_PORT))
            ports[REGION_TX_RING] = ports[REGION_RX_RING];
        return;
    }
    if (!refuse(o, contract_ref(of[NETIF_RX_PORT], &ports[REGION_RX_RING]), NETIF_RX_PORT))
        refuse(o, contract_ref(of[NETIF_TX_PORT], &ports[REGION_TX_RING]), NETIF_TX_PORT);
}

static void judge_rings(char *const *of, struct offer *o)
{
    uint32_t *refs = netif_offer(o)->refs;

    if (refuse(o, contract_ref(of[NETIF_RX_REF], &refs[REGION_RX_RING]), NETIF_RX_REF) ||
        refuse(o, contract_ref(of[NETIF_TX_REF], &refs[REGION_TX_RING]), NETIF_TX_REF))
        return;
    if (refs[0] == refs[1])
        refuse(o, XENVIRT_REFUSED_REF_TWICE, NETIF_TX_REF);
}

static void sum_add(struct offer *o, const char *text)
{
    for (const char *p = text == NULL ? "" : text; *p != '\0'; p++)
        o->sum = (o->sum ^ (uint8_t)*p) * 0x100000001b3ull;
    o->sum = (o->sum ^ 0xff) * 0x100000001b3ull;
}

static void netif_judge(const struct front_keys *front, struct offer *o)
{
    char *const *of = netif_keys(front)->of[o->device];

    o->words.kind = FRONT_NETIF;
    for (unsigned i = 0; i < NETIF_KEY_COUNT; i++)
        if (i != NETIF_BACK_STATE && i != NETIF_FRONT_STATE)
            sum_add(o, of[i]);
    o->whole_sum = o->sum;
    if (refuse(o, contract_mac(of[NETIF_BACK_MAC], o->mac), NETIF_BACK_MAC))
        return;
    // All of today's copy: without, the back end would have to give pages of its own.
    if (!text_is(of[NETIF_RX_COPY], "1")) {
        refuse(o, XENVIRT_REFUSED_KEY_MISSING, NETIF_RX_COPY);
        return;
    }
    o->words.netif.n_queues = 1;
    judge_rings(of, o);
    if (o->refusal == XENVIRT_REFUSED_NONE)
        judge_ports(of, o);
}

const struct keys_ops keys_netif = {
    .name = "netif",
    .roots = { [NETIF_BACK] = { "backend/vif/", "" }, [NETIF_FRONT] = { "/local/domain/", "/device/vif" } },
    .watch = "backend/vif",
    .guests = "backend/vif",
    .guests_by = "the toolstack",
    .guests_all = true,
    .touched = netif_touched,
    .dir = netif_dir,
    .place = netif_place,
    .make = netif_make,
    .free = netif_free,
    .find = netif_find,
    .say = netif_say,
    .judge = netif_judge,
};
