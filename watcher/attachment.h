/* SPDX-License-Identifier: BSD-3-Clause */
// attachment.h: one device of one guest, from its offer to the end of its attachment. This is the record; what happens
// to it is lifecycle.h's.
#ifndef XV_ATTACHMENT_H
#define XV_ATTACHMENT_H

#include "front.h"
#include "msg.h"
#include "pages.h"
#include "region_file.h"

struct guests;
struct guest;

#define ATTACHMENT_STATE_LIST(S) \
    S(IDLE, "stopped") \
    S(REFUSED, "refused") \
    S(MAPPING, "mapping") \
    S(ADOPTING, "adopting") \
    S(OPENING, "opening") \
    S(ATTACHING, "attaching") \
    S(RUNNING, "running") \
    S(DETACHING, "detaching") \
    S(CLOSING, "closing")
#define ATTACHMENT_STATE_ENUM(name, text) ATTACHMENT_##name,
enum attachment_state { ATTACHMENT_STATE_LIST(ATTACHMENT_STATE_ENUM) };

#define ATTACHMENT_OWN_BYTES 64u

struct attachment {
    struct guest *guest;
    const struct front_ops *front; // of its kind
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
    int32_t number; // of its vif, -1: none
    uint32_t gen;
    uint32_t since; // its first generation under this number
    struct front_words words; // of its front end
    bool speaks; // the front end says itself when it starts anew, so touches of its keys say nothing
    uint8_t mac[6];
    uint32_t mac_number; // of the front end's wish for an address that was judged last
    uint32_t mac_asked; // of the one that the primary is asked for, 0: none
    uint32_t mac_owed; // of the one that was granted and is not confirmed yet, 0: none
    uint8_t mac_want[6]; // that of mac_asked
    bool quiet; // its steps to run again are for debugging only
    uint64_t claim; // of devices with the same address the one with the greatest gets its frames
    uint64_t frames_seen; // that it had sent when that was looked at last
    uint64_t sum;
    uint32_t vlan;
    uint32_t port;
    uint32_t flags; // MSG_VIF_*
    struct rules rules;
    struct guard guard;
    struct rates rates;
    uint32_t pool;
    struct region_file file;
    struct pages_use pages; // what of it is mapped
    bool end; // it is to end, whatever XenStore says
    bool front_gone; // its program or its driver is gone
    // The rest
    void *page; // the mapper's, NULL: not mapped, or its kind has none
    alignas(8) uint8_t own[ATTACHMENT_OWN_BYTES]; // the kind's
    enum xenvirt_refusal refusal;
    bool waits; // it was refused for want of a number when it was last looked for one
    char why[MSG_TEXT_BYTES]; // the refusal in words
    uint64_t ticket; // of the job at the mapper, 0: none
    uint64_t probe; // ticket of the probe, 0: none
    uint64_t probe_ns; // when the last probe began
    uint64_t asked_ns; // since when an answer is waited for, 0: it is not
    uint64_t sent_ns; // when primary or worker was asked last, 0: ask at the next step
    uint32_t pages_more; // pages that it would have added, refused for their number; 0: for another reason
    uint64_t retry_ns; // when it is tried again, 0: never
};

// The attachment of a guest's device of a kind, or NULL; the same, made IDLE if there is none (NULL: no memory). The
// guest has it until attachment_free().
struct attachment *attachment_of(const struct guest *g, uint32_t kind, uint32_t device);
struct attachment *attachment_make(struct guest *g, uint32_t kind, uint32_t device);

// Free one that is idle or refused and has no job at the mapper. Its page was given back before.
void attachment_free(struct attachment *a);

// Walk the attachments of a guest in order of kinds and devices; NULL ends it. The one at hand may not be freed.
struct attachment *attachment_first(const struct guest *g);
struct attachment *attachment_next(const struct attachment *a);

// The attachment of this number and generation, or with this job or probe at the mapper. NULL if there is none.
struct attachment *attachment_find(const struct guests *gs, uint32_t number, uint32_t gen);
struct attachment *attachment_find_ticket(const struct guests *gs, uint64_t ticket);

// Its place in the guest's table.
uint32_t attachment_slot(const struct attachment *a);

// The only function that changes the state. Says it in the log; nothing is asked yet in the new state.
void attachment_go(struct attachment *a, enum attachment_state to);

// Primary and worker have to be told of it anew, as what they know of it has changed. Takes effect at the next step.
void attachment_again(struct attachment *a);

// Returns true if a waits for a number and an earlier device of its guest does too: one of them asks at a time.
bool attachment_waits_behind(const struct attachment *a);

// Returns true from the first step of an offer to the last of its end.
static inline bool attachment_in_force(const struct attachment *a)
{
    return a->state != ATTACHMENT_IDLE && a->state != ATTACHMENT_REFUSED;
}

// Returns true while a worker serves it or is to serve it.
static inline bool attachment_needs_worker(const struct attachment *a)
{
    return a->state == ATTACHMENT_OPENING || a->state == ATTACHMENT_ATTACHING || a->state == ATTACHMENT_RUNNING;
}

// What a state is called in logs and by xvctl.
const char *attachment_state_name(enum attachment_state state);

// "guest 7 vif 3", or "guest 7 device 0" while it has no number. Good until the next call.
const char *attachment_label(const struct attachment *a);

#endif
