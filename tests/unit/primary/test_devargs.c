/* SPDX-License-Identifier: BSD-3-Clause */
#include <criterion/criterion.h>
#include <string.h>

#include "devargs.h"

static const char *fix(const char *vdev)
{
    static char text[256];

    return devargs_slots_fix(vdev, text, sizeof(text)) ? text : NULL;
}

Test(devargs, slots_have_room_for_every_frame_whatever_was_asked_for)
{
    static const struct {
        const char *is, *becomes;
    } rows[] = {
        { "net_af_packet0,iface=e", "net_af_packet0,iface=e,framesz=4096" },
        { "eth_af_packet0,iface=e", "eth_af_packet0,iface=e,framesz=4096" },
        { "net_af_packet0,framesz=2048,iface=e", "net_af_packet0,iface=e,framesz=4096" },
        { "net_af_packet0,iface=e,framesz=1024,qpairs=2", "net_af_packet0,iface=e,qpairs=2,framesz=4096" },
        { "net_af_packet0,iface=e,framesz=4096", "net_af_packet0,iface=e,framesz=4096" },
        { "net_af_packet0,iface=e,framesz=16384,blocksz=16384", "net_af_packet0,iface=e,framesz=4096,blocksz=16384" },
        { "net_af_packet0,iface=e,framesz=2048,blocksz=4096,framecnt=8192",
            "net_af_packet0,iface=e,framesz=4096,blocksz=4096,framecnt=8192" },
        { "net_af_packet0,iface=e,blocksz=2048", "net_af_packet0,iface=e,framesz=4096,blocksz=4096" },
        { "net_af_packet0,iface=e,blocksz=12288,framesz=3072,framecnt=8",
            "net_af_packet0,iface=e,framesz=4096,blocksz=12288,framecnt=9" },
        { "net_af_packet0,iface=e,framesz=2048,framesz=64", "net_af_packet0,iface=e,framesz=4096" },
        { "net_af_packet0,iface=framesz", "net_af_packet0,iface=framesz,framesz=4096" },
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *text = fix(rows[i].is);

        cr_expect(text != NULL && strcmp(text, rows[i].becomes) == 0, "%s: %s", rows[i].is, text);
    }
}

Test(devargs, what_has_no_room_is_said)
{
    char text[24];

    cr_expect(!devargs_slots_fix("net_af_packet0,iface=abcdefgh", text, sizeof(text)));
}

Test(devargs, slots_that_are_safe_are_known)
{
    cr_expect(devargs_slots_whole("iface=e,framesz=4096"));
    cr_expect(!devargs_slots_whole("iface=e"));
    cr_expect(!devargs_slots_whole("iface=e,framesz=2048"));
}

Test(devargs, a_value_is_found_by_the_whole_name)
{
    const char *args = "rx_iface=a,iface=eth1,tx_iface=b";
    char text[8];

    cr_expect(devargs_text(args, "iface", text, sizeof(text)) && strcmp(text, "eth1") == 0);
    cr_expect(devargs_text(args, "rx_iface", text, sizeof(text)) && strcmp(text, "a") == 0);
    cr_expect(devargs_text(args, "tx_iface", text, sizeof(text)) && strcmp(text, "b") == 0);
    cr_expect(!devargs_text(args, "rx_iface_in", text, sizeof(text)));
    cr_expect(!devargs_text("", "iface", text, sizeof(text)));
    cr_expect(devargs_text("iface=1234567", "iface", text, sizeof(text)));
    cr_expect(!devargs_text("iface=12345678", "iface", text, sizeof(text)));
}
