/* SPDX-License-Identifier: BSD-3-Clause */
// A worker is stopped after every single instruction of its bursts. What a kill -9 leaves there is the memory that it
// shares, as it is at that moment; so at each step a successor starts on a private copy of it and goes on to the end.
// Each of these outcomes must be the one of a worker that nobody stopped: every frame on its lane or in its guest once,
// in order and whole, the rings, the counters and the free buffers exact.
//
// The guest goes on meanwhile: what it is told of it sees done, and it sends and offers anew in its place, before the
// successor starts or when it is woken. So a successor that told it twice, or not at all, would be found out.
//
// A second sweep stops the successor of a worker that died between commit and clear, after each instruction of its
// redo.
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "burst.h"
#include "front.h"
#include "hash.h"
#include "msg.h"
#include "tracee.h"

#define CTX 1u // the context under test
#define OTHER_CTX 2u
#define VIFS 2u // it serves vifs 0 and 1; 2 and 3 are others'
#define N_VIFS 4u
#define FRAMES 5u // of a burst: one to each of four lanes, and one that is dropped
#define ROOMS 8u // that a guest offers, by all queues
#define SENDERS 8u // more than there are addresses
#define EPOCH 7u

static const struct crossbar_size size = {
    .max_vifs = N_VIFS, .max_guests = 2, .n_io = 1, .lane_slots = 64, .ctx_bufs = 64, .vm2vm = true
};

static const struct front *front;

// A guest's driver, and what it has seen done: frames by who sent them, since only those are in order for certain.
struct guest {
    struct plain_guest g;
    uint32_t n_sent, n_posted;
    struct hash sent[NETIF_QUEUES_MAX]; // frames that it got back, by queue
    struct hash received[SENDERS];
    struct hash rooms[NETIF_QUEUES_MAX]; // whose frames they came in
};

// All that the processes share: what outlives a worker.
struct shared {
    alignas(XENVIRT_PAGE_BYTES) struct state_vif vifs[N_VIFS];
    alignas(XENVIRT_PAGE_BYTES) struct guest guests[VIFS];
    alignas(XENVIRT_PAGE_BYTES) uint8_t memory[VIFS][GUEST_BYTES];
    alignas(XENVIRT_PAGE_BYTES) uint8_t fabric[1u << 20];
};

static struct shared *shared;
static int shared_fd;

static struct fabric *fabric(void)
{
    static struct fabric f;

    return &f;
}

static void mac_of(uint8_t mac[6], uint32_t vif)
{
    memcpy(mac, (uint8_t[6]){ 2, 0, 0, 0, 0, (uint8_t)(vif + 1) }, 6);
}

static uint32_t gen_of(uint32_t vif)
{
    return 10 + vif;
}

// --- the scene ---

static void vifs_open(void)
{
    for (uint32_t i = 0; i < N_VIFS; i++) {
        uint8_t mac[6];

        mac_of(mac, i);
        atomic_store(&fabric_vif(fabric(), i)->flags, FABRIC_VIF_UPLINK);
        atomic_store(&fabric_vif(fabric(), i)->gen, gen_of(i));
        if (fdb_add(fabric(), mac, (uint16_t)i) < 0)
            die("fdb_add");
    }
}

// The guest behind vif sends to both others' vifs, to its own second vif, to the wire, and to itself (dropped).
static void guest_send_burst(struct guest *g, uint32_t vif)
{
    const uint32_t to[FRAMES] = { 2, 3, 1 - vif, 77, vif };
    uint8_t frame[64], dst[6], src[6];

    mac_of(src, vif);
    // With the first burst each lists an address, with the second one guest drops it, the other lists one more.
    if (front->list != NULL)
        front->list(&g->g, g->n_sent == 0 || vif > 0, (uint8_t)(g->n_sent * vif));
    for (uint32_t i = 0; i < FRAMES; i++) {
        mac_of(dst, to[i]);
        frame_make(frame, sizeof(frame), dst, src, vif * 100 + g->n_sent);
        front->send(&g->g, (uint16_t)g->n_sent++, frame, sizeof(frame));
    }
}

static void guest_fill(struct guest *g, uint32_t vif)
{
    guest_send_burst(g, vif);
    while (g->n_posted < ROOMS / front->n_queues)
        front->post(&g->g, (uint16_t)g->n_posted++);
}

// It sees what is done with what it sent, and sends a second burst when the first is.
static void guest_react_tx(struct guest *g, uint32_t vif)
{
    while (front->done(&g->g, REGION_TX_RING) > 0) {
        uint16_t n = front->take(&g->g, REGION_TX_RING, NULL, NULL);

        hash_add(&g->sent[n % front->n_queues], &n, sizeof(n));
    }
    if (g->n_sent == FRAMES && g->g.seen[REGION_TX_RING] == FRAMES)
        guest_send_burst(g, vif);
}

// It sees what it received, and offers new room for each frame.
static void guest_react_rx(struct guest *g)
{
    while (front->done(&g->g, REGION_RX_RING) > 0) {
        const uint8_t *frame;
        uint32_t len;
        uint16_t n = front->take(&g->g, REGION_RX_RING, &frame, &len);

        hash_add(&g->rooms[n % front->n_queues], &n, sizeof(n));
        hash_add(&g->received[frame[11] % SENDERS], frame, len);
        front->post_again(&g->g, (uint16_t)g->n_posted++);
    }
}

// Each ring of each queue wakes the guest for itself alone, so that no ring's kick makes up for another's.
static bool guest_looks(struct guest *g, enum region_kind ring, bool awake)
{
    bool woken = front->woken == NULL || front->woken(&g->g, ring);

    if (awake)
        g->g.asleep[ring] = 0;
    return woken || awake;
}

static void guests_react(bool awake)
{
    for (uint32_t i = 0; i < VIFS; i++) {
        struct guest *g = &shared->guests[i];

        if (guest_looks(g, REGION_TX_RING, awake))
            guest_react_tx(g, i);
        if (guest_looks(g, REGION_RX_RING, awake))
            guest_react_rx(g);
    }
}

// The other contexts have sent to vif, one frame of it to an earlier guest.
static void lanes_fill(struct source *s, uint32_t vif)
{
    uint8_t dst[6], src[6];

    mac_of(dst, vif);
    mac_of(src, s->ctx == OTHER_CTX ? 6 : 3); // flows that go by different queues, where there are two
    for (uint32_t n = 0; n < 3; n++) {
        struct lane_slot slot = { .buf = source_take(s), .len = 64, .gen = gen_of(vif) - (n == 1) * 5 };

        frame_make(source_buf(s, slot.buf), 64, dst, src, s->ctx * 1000 + vif * 100 + n);
        source_put(s, vif, &slot);
    }
    source_publish(s);
}

static void scene_set(void)
{
    const uint32_t others[] = { 0, OTHER_CTX };

    crossbar_make(fabric(), shared->fabric, &size, EPOCH, 1);
    vifs_open();
    for (uint32_t i = 0; i < VIFS; i++) {
        front->lay(&shared->guests[i].g, shared->memory[i]);
        guest_fill(&shared->guests[i], i);
    }
    for (uint32_t i = 0; i < 2; i++) {
        struct source s;

        if (source_init(&s, fabric(), others[i]) < 0)
            die("source_init");
        for (uint32_t vif = 0; vif < VIFS; vif++)
            lanes_fill(&s, vif);
        source_fini(&s);
    }
}

// --- a worker ---

static struct source source;
static struct vif vifs[VIFS];

static void worker_start_up(void)
{
    for (uint32_t i = 0; i < N_VIFS; i++)
        ledger_redo_tails(&shared->vifs[i].from, fabric(), CTX);
    if (source_init(&source, fabric(), CTX) < 0)
        die("source_init");
    for (uint32_t i = 0; i < VIFS; i++) {
        struct vif_attach a;
        uint8_t mac[6];

        mac_of(mac, i);
        a = guest_attach(front->rings, front->word, i, gen_of(i), mac);
        a.front.netif.multicast_control = front->list != NULL;
        vifs[i].mem = shared->guests[i].g.mem;
        vif_init(&vifs[i], &a, fabric(), &shared->vifs[i]);
    }
}

static void worker_run(void)
{
    uint32_t n;

    do {
        n = 0;
        for (uint32_t i = 0; i < VIFS; i++) {
            n += vif_from_guest(&vifs[i], &source);
            n += vif_to_guest(&vifs[i], true);
        }
    } while (n > 0);
}

// --- what came of it ---

// The frames that wait on a lane, with what their slots say but for the buffer's number: by sender, as guest_react().
static void lane_hash(struct hash *h, uint32_t egress, uint32_t ctx)
{
    struct lane *l = fabric_lane(fabric(), egress, ctx);
    uint32_t head = atomic_load(fabric_head(fabric(), egress, ctx)), tail = atomic_load(&l->tail);
    struct hash by_src[N_VIFS + 1] = { 0 };

    hash_add(h, &head, sizeof(head));
    hash_add(h, &tail, sizeof(tail));
    for (uint32_t at = head; at != tail; at++) {
        struct lane_slot slot = l->slots[at % size.lane_slots];
        struct hash *of = &by_src[slot.src % (N_VIFS + 1)];

        hash_add(of, fabric_buf(fabric(), ctx, slot.buf), slot.len);
        slot.buf = 0;
        hash_add(of, &slot, sizeof(slot));
    }
    hash_add(h, by_src, sizeof(by_src));
}

// What the guest has seen, and what its rings still offer.
static void guest_hash(struct hash *h, const struct guest *g)
{
    hash_add(h, &g->n_sent, sizeof(*g) - offsetof(struct guest, n_sent));
    hash_add(h, g->g.avail, sizeof(g->g.avail));
    hash_add(h, g->g.seen, sizeof(g->g.seen));
    hash_add(h, &g->g.listed, sizeof(g->g.listed));
}

static void ledger_hash(struct hash *h, const struct ledger *l)
{
    struct ring_pos pos;
    uint32_t todo = ledger_todo(l);

    ledger_read(l, &pos);
    hash_add(h, l->queues[pos.queues].next, sizeof(l->queues[0].next));
    pos.queues = 0; // which of two is in force depends on the number of bursts
    hash_add(h, &pos, sizeof(pos));
    hash_add(h, &todo, sizeof(todo));
}

// All queues of each guest have had something in both directions.
static bool queues_used(void)
{
    for (uint32_t i = 0; i < VIFS; i++)
        for (uint32_t q = 0; q < front->n_queues; q++)
            if (shared->guests[i].sent[q].h == 0 || shared->guests[i].rooms[q].h == 0)
                return false;
    return true;
}

static uint64_t outcome(void)
{
    struct hash h = { HASH_BEGIN };
    struct source found;

    for (uint32_t egress = 0; egress < fabric_egresses(fabric()); egress++) {
        for (uint32_t ctx = 0; ctx < fabric_contexts(fabric()); ctx++)
            lane_hash(&h, egress, ctx);
    }
    for (uint32_t i = 0; i < VIFS; i++) {
        guest_hash(&h, &shared->guests[i]);
        ledger_hash(&h, &shared->vifs[i].from);
        ledger_hash(&h, &shared->vifs[i].to);
        hash_add(&h, shared->vifs[i].multicasts, sizeof(shared->vifs[i].multicasts));
    }
    // Free buffers: as this worker knows them, and as the next one would find them.
    source_reclaim(&source);
    hash_add(&h, &source.n_free, sizeof(source.n_free));
    if (source_init(&found, fabric(), CTX) < 0 || found.n_free != source.n_free || !queues_used())
        h.h = 0;
    return h.h;
}

// --- the sweep ---

static struct { // written by the processes that a sweep starts
    uint64_t outcome;
    uint32_t todo; // of all ledgers, when the process began
} * result;

// In a process of its own, on a private copy of what is shared now: go on to the end, with guests that saw at once what
// the worker told them before it was stopped, or that sleep until they are woken.
static uint64_t outcome_from_here(bool awake)
{
    int status;
    pid_t pid = fork();

    if (pid < 0)
        die("fork");
    if (pid == 0) {
        if (mmap(shared, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, shared_fd, 0) == MAP_FAILED)
            die("mmap");
        result->todo = 0;
        for (uint32_t i = 0; i < VIFS; i++)
            result->todo |= ledger_todo(&shared->vifs[i].from) << 8 * (2 * i) | ledger_todo(&shared->vifs[i].to)
                                                                                    << 8 * (2 * i + 1);
        guests_react(awake);
        worker_start_up();
        for (int i = 0; i < 3; i++) {
            worker_run();
            guests_react(false);
        }
        result->outcome = outcome();
        _exit(0);
    }
    if (waitpid(pid, &status, 0) < 0 || status != 0)
        return 0;
    return result->outcome;
}

static void *memory_new(size_t bytes, int *fd)
{
    void *p;

    *fd = memfd_create("kill_sweep", MFD_CLOEXEC);
    if (*fd < 0 || ftruncate(*fd, (off_t)bytes) < 0)
        die("memfd");
    p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, *fd, 0);
    if (p == MAP_FAILED)
        die("mmap");
    return p;
}

static void worker_body(void)
{
    worker_run();
}

static void successor_body(void)
{
    worker_start_up();
    worker_run();
}

struct sweep {
    uint32_t steps;
    uint32_t wrong;
    uint32_t todos; // ledger states that were seen, as bits
    struct shared *committed[2 * VIFS]; // memory when the ledger of (vif, direction) was first committed
};

static void committed_keep(struct sweep *s)
{
    for (uint32_t i = 0; i < 2 * VIFS; i++) {
        if ((result->todo >> 8 * i & 0xff) == 0 || s->committed[i] != NULL)
            continue;
        s->committed[i] = malloc(sizeof(*shared));
        if (s->committed[i] == NULL)
            die("malloc");
        memcpy(s->committed[i], shared, sizeof(*shared));
    }
}

// Step through body from the memory as it is now; every successor must end in `want`.
static void sweep_run(struct sweep *s, void (*body)(void), uint64_t want)
{
    pid_t pid = tracee_start(body);

    do {
        bool awake = front->woken == NULL || s->steps % 2 == 0;
        uint64_t got = outcome_from_here(awake);

        if (got != want && s->wrong++ < 5)
            fprintf(stderr, "stopped after %u instructions, guests %s: the outcome differs (%#llx)\n", s->steps,
                awake ? "awake" : "asleep", (unsigned long long)got);
        s->todos |= result->todo;
        committed_keep(s);
        s->steps++;
    } while (tracee_step(pid));
}

int main(int argc, char **argv)
{
    struct sweep first = { 0 }, redo = { 0 };
    uint64_t want;
    int result_fd;

    front = front_named(argc > 1 ? argv[1] : "virtio");
    shared = memory_new(sizeof(*shared), &shared_fd);
    result = memory_new(sizeof(*result), &result_fd);
    if (crossbar_bytes(&size) > sizeof(shared->fabric))
        die("fabric is too small");
    scene_set();
    worker_start_up();
    want = outcome_from_here(true);
    if (want == 0)
        die("without a kill");
    sweep_run(&first, worker_body, want);
    printf("%u instructions, %u wrong outcomes\n", first.steps, first.wrong);
    for (uint32_t i = 0; i < 2 * VIFS; i++) {
        if (first.committed[i] == NULL) {
            printf("no stop between commit and clear of vif %u's %s: this proves nothing\n", i / 2,
                i % 2 == 0 ? "from" : "to");
            return 1;
        }
    }
    // The last of each direction: the others' bursts are then done, or to be redone too.
    for (uint32_t i = 2 * VIFS - 2; i < 2 * VIFS; i++) {
        memcpy(shared, first.committed[i], sizeof(*shared));
        sweep_run(&redo, successor_body, want);
    }
    printf("%u instructions of successors, %u wrong outcomes\n", redo.steps, redo.wrong);
    return first.wrong + redo.wrong != 0;
}
