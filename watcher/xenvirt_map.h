/* SPDX-License-Identifier: BSD-3-Clause */
// xenvirt_map.h: what the watcher maps of a xenvirt front end: the flag page, which stays, and the pages that list
// those of rings and mempools, each read once. The operations of front.h; on the mapper's thread.
#ifndef XV_XENVIRT_MAP_H
#define XV_XENVIRT_MAP_H

#include "mapper.h"

uint32_t xenvirt_page(const struct front_words *w);
bool xenvirt_map(struct mapper *m, struct map_job *j);
void xenvirt_forget(struct map_job *j);

#endif
