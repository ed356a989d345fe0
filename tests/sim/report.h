/* SPDX-License-Identifier: BSD-3-Clause */
// What is granted and mapped, for people: see "grants" in README.md.
#ifndef SIM_REPORT_H
#define SIM_REPORT_H

struct peer;

// Writes one line for each granting process to fd; peers is the list of all who may have mappings.
void report_write(int fd, const struct peer *peers);

#endif
