/* SPDX-License-Identifier: BSD-3-Clause */
#include "flag.h"

// A wish is there if its number stands before and after.
static void mac_read(struct flag_view *v, const struct xenvirt_front *front)
{
    uint32_t number = __atomic_load_n(&front->mac_number, __ATOMIC_ACQUIRE);

    for (unsigned i = 0; i < sizeof(v->mac); i++)
        v->mac[i] = __atomic_load_n(&front->mac[i], __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (__atomic_load_n(&front->mac_number, __ATOMIC_RELAXED) == number)
        v->mac_number = number;
}

struct flag_view flag_read(const struct xenvirt_flag_page *page)
{
    struct flag_view v = { .up = __atomic_load_n(&page->up, __ATOMIC_ACQUIRE) != 0 };

    if (__atomic_load_n(&page->front.magic, __ATOMIC_ACQUIRE) != XENVIRT_FRONT_MAGIC)
        return v;
    v.front = true;
    v.run = __atomic_load_n(&page->front.wanted, __ATOMIC_ACQUIRE) != XENVIRT_WANT_STOP;
    v.generation = __atomic_load_n(&page->front.generation, __ATOMIC_ACQUIRE);
    mac_read(&v, &page->front);
    return v;
}

static void word_set(uint32_t *word, uint32_t value)
{
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

void flag_tell(
    struct xenvirt_flag_page *page, uint32_t generation, enum xenvirt_back_state state, enum xenvirt_refusal reason)
{
    word_set(&page->back.magic, XENVIRT_BACK_MAGIC);
    word_set(&page->back.reason, reason);
    word_set(&page->back.state, state);
    // Release: pairs with the front end's acquire of generation; state and reason belong to it.
    word_set(&page->back.generation, generation);
}

void flag_tell_mac(struct xenvirt_flag_page *page, uint32_t number, enum xenvirt_refusal verdict)
{
    word_set(&page->back.mac_verdict, verdict);
    // Release: pairs with the front end's acquire of mac_number; the verdict is on that wish.
    word_set(&page->back.mac_number, number);
}

void flag_tell_link(struct xenvirt_flag_page *page, bool up, uint32_t speed)
{
    word_set(&page->back.speed, speed);
    word_set(&page->back.link, up);
}

void flag_tell_mtu(struct xenvirt_flag_page *page, uint32_t mtu)
{
    word_set(&page->back.mtu, mtu);
}
