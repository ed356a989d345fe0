/* SPDX-License-Identifier: BSD-3-Clause */
// vif.h: one device of one guest, from its offer to the end of its attachment.
#ifndef XV_ATTACHMENT_H
#define XV_ATTACHMENT_H

#include "contract.h"
#include "flag.h"
#include "msg.h"
#include "regionfile.h"

struct conductor;
struct guest;
struct map_job;

#define VIF_STATE_LIST(S) \
    S(IDLE, "stopped") \
    S(REFUSED, "refused") \
    S(MAPPING, "mapping") \
    S(ADOPTING, "adopting") \
    S(OPENING, "opening") \
    S(ATTACHING, "attaching") \
    S(RUNNING, "running") \
    S(DETACHING, "detaching") \
    S(CLOSING, "closing")
#define VIF_STATE_ENUM(name, text) VIF_##name,
enum attachment_state { VIF_STATE_LIST(VIF_STATE_ENUM) };

struct attachment {
    struct guest *guest;
    uint32_t device;
    enum attachment_state state;
    // What XenStore says
    struct offer *want; // the start that stands there, NULL: none
    bool fresh; // it is a new start
    bool doubt; // keys are missing and that proves nothing
    uint32_t connection; // on which the start key was last seen
    uint64_t tried_sum; // whole, of the offer that was last tried
    uint32_t touched; // times the start key was written since
    // The attachment in force
    int32_t number; // -1: none
    uint32_t gen;
    uint32_t since; // its first generation under this number
    uint32_t front_gen;
    bool front; // the front end reads our words
    uint8_t mac[6];
    uint32_t mac_number; // of the front end's wish for an address that was judged last
    uint32_t mac_asked; // of the one that the primary is asked for, 0: none
    uint32_t mac_owed; // of the one that was granted and is not confirmed yet, 0: none
    uint8_t mac_want[6]; // that of mac_asked
    bool quiet; // its steps to run again are for debugging only
    uint64_t claim; // of devices with the same address the one with the greatest gets its frames
    uint64_t frames_seen; // that it had sent when that was looked at last
    uint32_t ring_size;
    uint32_t flag_ref;
    uint64_t sum;
    uint32_t vlan;
    uint32_t port;
    uint32_t flags; // MSG_VIF_*
    uint32_t pool;
    struct region_file file;
    bool end; // it is to end, whatever XenStore says
    bool flag_down;
    // The rest
    struct xenvirt_flag_page *flag; // the mapper's, NULL: not mapped
    uint32_t told_gen; // last generation told of
    enum xenvirt_back_state told;
    enum xenvirt_refusal refusal;
    char why[MSG_TEXT_BYTES];
    uint64_t ticket; // of the job at the mapper, 0: none
    uint64_t probe; // ticket of the probe
    uint64_t probe_ns;
    uint64_t asked_ns; // since when an answer is waited for, 0: it is not
    uint64_t sent_ns;
    uint64_t retry_ns;
};

void attachment_snapshot(struct conductor *c, struct attachment *v, const struct snapshot *s);
void attachment_guest_gone(struct conductor *c, struct attachment *v); // the domain is

void attachment_mapped(struct conductor *c, struct attachment *v, struct map_job *j);
void attachment_adopt(struct conductor *c, struct attachment *v, uint32_t number);

// Answers.
void attachment_port_is(struct conductor *c, struct attachment *v, const struct msg_port_vif_is *m);
void attachment_attached(struct conductor *c, struct attachment *v, const struct msg_vif_attached *m);

void attachment_step(struct conductor *c, struct attachment *v);
void attachment_again(struct attachment *v); // what primary and worker know of it has changed
void attachment_reopen(struct conductor *c, struct attachment *v);
void attachment_reattach(struct conductor *c, struct attachment *v);
void attachment_link(struct conductor *c, struct attachment *v);
void attachment_free(struct conductor *c, struct attachment *v); // one that is idle or refused

static inline bool attachment_in_force(const struct attachment *v)
{
    return v->state != VIF_IDLE && v->state != VIF_REFUSED;
}

static inline bool attachment_needs_worker(const struct attachment *v)
{
    return v->state == VIF_OPENING || v->state == VIF_ATTACHING || v->state == VIF_RUNNING;
}

const char *attachment_state_name(enum attachment_state state);

// "guest 7 vif 3", or "guest 7 device 0" while it has no number. Good until the next call.
const char *attachment_label(const struct attachment *v);

#endif
