/* SPDX-License-Identifier: BSD-3-Clause */
// log.h: the driver's log type, pmd.net.xenvirt.
#ifndef XENVIRT_LOG_H
#define XENVIRT_LOG_H

#include <rte_log.h>

extern int xenvirt_logtype;

#define LOG(level, ...) rte_log(RTE_LOG_##level, xenvirt_logtype, "net_xenvirt: " __VA_ARGS__)

#endif
