/* SPDX-License-Identifier: BSD-3-Clause */
// Our side: what xv-worker runs for the sender's vif and for the receiver's, on a fabric in hugepages and a state file's
// memory, with two differences from life: the receiver is the same guest, and both workers are this thread.
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <rte_eal.h>
#include <rte_memzone.h>

#include "ring_virtio.h"
#include "side.h"
#include "side_xv.h"

#define LAYOUT 1u
#define EPOCH 1u

struct source xv_source;
struct vif xv_vifs[XV_VIFS];
static struct fabric fabric;
static struct state_vif *states;
static struct mem mem;
static uint32_t last_gen;

static void die(const char *what)
{
    perror(what);
    exit(2);
}

void eal_start(const char *cpu, bool hugepages)
{
    char *argv[] = { "vq", "-l", (char *)(uintptr_t)cpu, "--no-pci", "--no-telemetry", "--log-level", "error",
        hugepages ? "--in-memory" : "--no-huge", hugepages ? NULL : "-m", "96", NULL };

    if (rte_eal_init(hugepages ? 8 : 10, argv) >= 0)
        return;
    fprintf(stderr, "EAL does not start\n");
    exit(2);
}

static void fabric_open(void)
{
    // As many vifs, slots and buffers as by default; guests as many as there are here.
    const struct crossbar_size size = {
        .max_vifs = 16, .max_guests = XV_VIFS, .n_io = 1, .lane_slots = 1024, .ctx_bufs = 2048, .vm2vm = true
    };
    const struct rte_memzone *mz = rte_memzone_reserve_aligned("fabric", crossbar_bytes(&size), SOCKET_ID_ANY, 0, 64);

    if (mz == NULL)
        die("fabric");
    memset(mz->addr, 0, mz->len);
    crossbar_make(&fabric, mz->addr, &size, EPOCH, LAYOUT);
    if (fdb_add(&fabric, guest_src, XV_SENDER) < 0 || fdb_add(&fabric, guest_dst, XV_RECEIVER) < 0)
        die("forwarding table");
}

static void xv_open(const struct guest *g)
{
    uint8_t *p = mmap(NULL, GUEST_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, g->fd, 0);

    states = mmap(
        NULL, XV_VIFS * sizeof(*states), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (p == MAP_FAILED || states == MAP_FAILED)
        die("mmap");
    mem.regions[REGION_RX_RING] = (struct mem_region){ 0, GUEST_RING_BYTES, p };
    mem.regions[REGION_TX_RING] = (struct mem_region){ 0, GUEST_RING_BYTES, p + GUEST_RING_BYTES };
    mem.regions[REGION_MEMPOOL] = (struct mem_region){ GUEST_GVA, GUEST_POOL_BYTES, p + 2 * GUEST_RING_BYTES };
    mem.n = REGION_MEMPOOL + 1;
    fabric_open();
    if (source_init(&xv_source, &fabric, XV_CTX) < 0)
        die("source");
}

static void vif_start(uint32_t number, const uint8_t mac[6])
{
    struct vif_attach a = {
        .number = number, .gen = ++last_gen, .rings = &ring_virtio, .front = { .xenvirt = { .ring_size = GUEST_RING } }
    };
    struct fabric_vif *pub = fabric_vif(&fabric, number);

    a.since = a.gen;
    memcpy(a.mac, mac, 6);
    atomic_store(&pub->flags, FABRIC_VIF_UPLINK);
    atomic_store(&pub->gen, a.gen);
    xv_vifs[number].mem = mem;
    vif_init(&xv_vifs[number], &a, &fabric, &states[number]);
}

static void xv_start(void)
{
    vif_start(XV_SENDER, guest_src);
    vif_start(XV_RECEIVER, guest_dst);
}

static uint32_t xv_from_guest(uint32_t burst)
{
    (void)burst;
    return vif_from_guest(&xv_vifs[XV_SENDER], &xv_source);
}

static uint32_t xv_to_guest(uint32_t burst)
{
    (void)burst;
    return vif_to_guest(&xv_vifs[XV_RECEIVER], false);
}

const struct side side_xv = {
    .name = "xv",
    .open = xv_open,
    .start = xv_start,
    .from_guest = xv_from_guest,
    .to_guest = xv_to_guest,
};
