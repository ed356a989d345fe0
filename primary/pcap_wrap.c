/* SPDX-License-Identifier: BSD-3-Clause */
// pcap_wrap.c: net_pcap hands over what a capture file has of a frame, and doesn't look whether the frame was longer.
// Of those that were cut nothing is left here, so that they can be told from whole ones: no frame has 0 bytes.
#include <pcap/pcap.h>

int __real_pcap_next_ex(pcap_t *p, struct pcap_pkthdr **header, const u_char **data);
int __wrap_pcap_next_ex(pcap_t *p, struct pcap_pkthdr **header, const u_char **data);

int __wrap_pcap_next_ex(pcap_t *p, struct pcap_pkthdr **header, const u_char **data)
{
    int ret = __real_pcap_next_ex(p, header, data);

    if (ret == 1 && (*header)->caplen < (*header)->len)
        (*header)->caplen = 0;
    return ret;
}
