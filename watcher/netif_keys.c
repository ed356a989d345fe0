/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "contract.h"
#include "msg.h"
#include "netif_keys.h"
#include "xenbus.h"

static const struct {
    uint32_t root;
    const char *name;
} keys[NETIF_KEY_COUNT] = {
#define NETIF_KEY_ROW(NAME, root, name) [NETIF_##NAME] = { root, name },
    NETIF_KEYS(NETIF_KEY_ROW)
};

static const char *const queue_keys[NETIF_QUEUE_KEY_COUNT] = {
#define NETIF_QUEUE_KEY_ROW(NAME, name) [NETIF_##NAME] = name,
    NETIF_QUEUE_KEYS(NETIF_QUEUE_KEY_ROW)
};

static const struct netif_texts *texts_of(const struct front_keys *k, uint32_t device)
{
    return &((const struct netif_keys *)k)->devices[device];
}

static struct front_keys *netif_make(void)
{
    struct netif_keys *k = calloc(1, sizeof(*k));

    return k == NULL ? NULL : &k->front;
}

static void netif_free(struct front_keys *front)
{
    struct netif_keys *k = (struct netif_keys *)front;

    static_assert(sizeof(struct netif_texts) % sizeof(char *) == 0, "nothing else is in it");
    for (unsigned i = 0; i < FRONT_DEVICES_MAX; i++)
        for (unsigned n = 0; n < sizeof(struct netif_texts) / sizeof(char *); n++)
            free(((char **)&k->devices[i])[n]);
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

// A queue's directory, as a front end writes it, whose number is below the most that there may be. Returns what follows,
// or NULL.
static const char *queue_read(const char *path, uint32_t *queue)
{
    static const char before[] = "queue-";
    const char *p = path + sizeof(before) - 1;

    static_assert(NETIF_QUEUES_MAX <= 10, "one digit");
    if (strncmp(path, before, sizeof(before) - 1) != 0 || *p < '0' || *p >= '0' + (int)NETIF_QUEUES_MAX ||
        (p[1] != '\0' && p[1] != '/'))
        return NULL;
    *queue = (uint32_t)(*p - '0');
    return p + 1;
}

static bool netif_dir(uint32_t root, const char *path)
{
    uint32_t device, queue;
    const char *rest = device_read(path, &device);

    if (rest == NULL || *rest == '\0')
        return rest != NULL;
    rest = root == NETIF_FRONT ? queue_read(rest + 1, &queue) : NULL;
    return rest != NULL && *rest == '\0';
}

static char **key_find(struct netif_texts *t, uint32_t root, const char *name)
{
    uint32_t queue;
    const char *rest = queue_read(name, &queue);
    char **texts = rest == NULL ? t->flat : t->queues[queue];

    for (unsigned i = 0; rest == NULL && i < NETIF_KEY_COUNT; i++)
        if (keys[i].root == root && strcmp(name, keys[i].name) == 0)
            return &t->of[i];
    if (root != NETIF_FRONT || (rest != NULL && *rest++ != '/'))
        return NULL;
    for (unsigned i = 0; i < NETIF_QUEUE_KEY_COUNT; i++)
        if (strcmp(rest == NULL ? name : rest, queue_keys[i]) == 0)
            return &texts[i];
    return NULL;
}

static char **netif_place(struct front_keys *front, uint32_t root, const char *path)
{
    struct netif_keys *k = (struct netif_keys *)front;
    uint32_t device;
    const char *rest = device_read(path, &device);
    char **place;

    if (rest == NULL || *rest != '/')
        return NULL;
    place = key_find(&k->devices[device < FRONT_DEVICES_MAX ? device : 0], root, rest + 1);
    if (place == NULL || device < FRONT_DEVICES_MAX)
        return place;
    k->front.extra_devices = true;
    return NULL;
}

static bool text_is(const char *text, const char *what)
{
    return text != NULL && strcmp(text, what) == 0;
}

static enum keys_found netif_find(const struct front_keys *front, uint32_t device)
{
    char *const *of = texts_of(front, device)->of;

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
        { "feature-rx-flip", "0" }, { "feature-sg", "0" }, // a frame has at most 2,048 bytes
        { "feature-split-event-channels", "1" }, { "multi-queue-max-queues", NETIF_QUEUES_TEXT },
        { "feature-multicast-control", "1" }, { "feature-ipv6-csum-offload", "1" }, // as over IPv4, which needs no word
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
    char *const *of = texts_of(front, device)->of;
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

static bool refuse(struct offer *o, enum xenvirt_refusal refusal, const char *name)
{
    o->refusal = refusal;
    if (refusal != XENVIRT_REFUSED_NONE)
        snprintf(o->why, sizeof(o->why), "%s: %s", name, refusal_text(refusal));
    return refusal != XENVIRT_REFUSED_NONE;
}

// A queue's key: where it stands is said as the front end wrote it.
static bool queue_refuse(struct offer *o, enum xenvirt_refusal refusal, uint32_t queue, enum netif_queue_key key)
{
    char name[48];

    if (o->words.netif.n_queues > 1)
        snprintf(name, sizeof(name), "queue-%u/%s", queue, queue_keys[key]);
    else
        snprintf(name, sizeof(name), "%s", queue_keys[key]);
    return refuse(o, refusal, name);
}

// Two event channels, or one for both rings.
static bool judge_ports(char *const *of, struct offer *o, uint32_t queue)
{
    uint32_t *ports = o->words.netif.ports, rx = netif_port(queue, REGION_RX_RING),
             tx = netif_port(queue, REGION_TX_RING);
    bool one = of[NETIF_RX_PORT] == NULL && of[NETIF_TX_PORT] == NULL;
    enum netif_queue_key key = one ? NETIF_PORT : NETIF_RX_PORT;

    if (queue_refuse(o, contract_ref(of[key], &ports[rx]), queue, key))
        return false;
    ports[tx] = ports[rx];
    if (!one && queue_refuse(o, contract_ref(of[NETIF_TX_PORT], &ports[tx]), queue, NETIF_TX_PORT))
        return false;
    for (uint32_t i = 0; i < 2 * queue; i++) {
        if (ports[i] != ports[rx] && ports[i] != ports[tx])
            continue;
        queue_refuse(o, XENVIRT_REFUSED_KEY_MALFORMED, queue, ports[i] == ports[rx] ? key : NETIF_TX_PORT);
        snprintf(o->why + strlen(o->why), sizeof(o->why) - strlen(o->why), ": it is queue %u's", i / 2);
        return false;
    }
    return true;
}

static bool judge_ring(char *const *of, struct offer *o, uint32_t queue, enum region_kind ring)
{
    enum netif_queue_key key = ring == REGION_RX_RING ? NETIF_RX_REF : NETIF_TX_REF;
    uint32_t *ref = &netif_offer(o)->refs[ring][queue];

    if (queue_refuse(o, contract_ref(of[key], ref), queue, key))
        return false;
    for (uint32_t q = 0; q <= queue; q++)
        for (uint32_t k = REGION_RX_RING; k <= REGION_TX_RING; k++)
            if (&netif_offer(o)->refs[k][q] != ref && netif_offer(o)->refs[k][q] == *ref)
                return !queue_refuse(o, XENVIRT_REFUSED_REF_TWICE, queue, key);
    return true;
}

static uint32_t judge_count(const char *text, struct offer *o)
{
    uint32_t n = 1;

    if (text != NULL && (contract_ref(text, &n) != XENVIRT_REFUSED_NONE || n > NETIF_QUEUES_MAX)) {
        refuse(o, XENVIRT_REFUSED_KEY_MALFORMED, keys[NETIF_QUEUES].name);
        snprintf(o->why + strlen(o->why), sizeof(o->why) - strlen(o->why), ": 1 to %u", NETIF_QUEUES_MAX);
        return 0;
    }
    return n;
}

// What else stands there may be of a kernel before, which had more queues or fewer.
static void judge_queues(const struct netif_texts *t, struct offer *o)
{
    uint32_t n = judge_count(t->of[NETIF_QUEUES], o);

    o->words.netif.n_queues = n;
    for (uint32_t q = 0; q < n; q++) {
        char *const *of = n == 1 ? t->flat : t->queues[q];

        if (!judge_ring(of, o, q, REGION_RX_RING) || !judge_ring(of, o, q, REGION_TX_RING) || !judge_ports(of, o, q))
            return;
    }
}

// What "rate=" of a vif line becomes: the bytes that it may send in so many microseconds. As with other back ends, what
// can't be read is no limit.
static void judge_rate(const char *text, struct offer *o)
{
    uint64_t bytes, us, kbps;
    int end = 0;

    if (text == NULL || sscanf(text, "%" SCNu64 ",%" SCNu64 "%n", &bytes, &us, &end) != 2 || text[end] != '\0' ||
        us == 0 || bytes > UINT64_MAX / 8000)
        return;
    kbps = bytes * 8000 / us;
    o->sends.kbps = kbps > RATE_KBPS_MAX ? 0 : kbps == 0 ? 1 : (uint32_t)kbps;
    o->burst_ms = us / 1000 > RATE_BURST_MS_MAX ? RATE_BURST_MS_MAX : us < 1000 ? 1 : (uint32_t)(us / 1000);
}

static void sum_add(struct offer *o, const char *text)
{
    for (const char *p = text == NULL ? "" : text; *p != '\0'; p++)
        o->sum = (o->sum ^ (uint8_t)*p) * 0x100000001b3ull;
    o->sum = (o->sum ^ 0xff) * 0x100000001b3ull;
}

static void sum_make(struct offer *o, const struct netif_texts *t)
{
    char *const *all = (char *const *)t;

    for (unsigned i = 0; i < sizeof(*t) / sizeof(*all); i++)
        if (i != NETIF_BACK_STATE && i != NETIF_FRONT_STATE)
            sum_add(o, all[i]);
    o->whole_sum = o->sum;
}

static void netif_judge(const struct front_keys *front, struct offer *o)
{
    const struct netif_texts *t = texts_of(front, o->device);

    o->words.kind = FRONT_NETIF;
    sum_make(o, t);
    if (refuse(o, contract_mac(t->of[NETIF_BACK_MAC], o->mac), keys[NETIF_BACK_MAC].name))
        return;
    // All of today's copy: without, the back end would have to give pages of its own.
    if (!text_is(t->of[NETIF_RX_COPY], "1")) {
        refuse(o, XENVIRT_REFUSED_KEY_MISSING, keys[NETIF_RX_COPY].name);
        return;
    }
    o->words.netif.multicast_control = text_is(t->of[NETIF_MULTICAST], "1");
    o->flags = (text_is(t->of[NETIF_NO_CSUM4], "1") ? 0 : MSG_VIF_CSUM4) |
               (text_is(t->of[NETIF_CSUM6], "1") ? MSG_VIF_CSUM6 : 0);
    judge_rate(t->of[NETIF_BACK_RATE], o);
    judge_queues(t, o);
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
