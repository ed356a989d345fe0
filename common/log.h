/* SPDX-License-Identifier: BSD-3-Clause */
// log.h: one line a state change, the same form in every program:
//
//     xv-worker: INFO: guest 7 vif 0: attached
//
// DPDK programs hand the lines to rte_log by log_sink(); the others write to stderr, with systemd's <N> level prefix
// when stderr is the journal. Nothing on a packet's way logs.
#ifndef XV_LOG_H
#define XV_LOG_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

// Numbered as in syslog, from 3 (error) to 7 (debug). rte_log's numbers are larger by one.
enum log_level { LOG_ERR = 3, LOG_WARNING = 4, LOG_NOTICE = 5, LOG_INFO = 6, LOG_DEBUG = 7 };

typedef void log_sink_fn(enum log_level level, const char *line);

// Name the program in each line and drop lines above level. Call once, before the first line.
void log_open(const char *program, enum log_level level);

// Send the lines to sink instead of stderr; NULL: back to stderr.
void log_sink(log_sink_fn *sink);

void log_line(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define LOG(level, ...) log_line(LOG_##level, __VA_ARGS__)

// Returns true if this guest's fault may be logged now: 10 lines in 10 s at most. The rest are counted, and told of
// with the next line that passes. A quota that is zero-initialised is ready.
struct log_quota {
    uint64_t window_ns;
    uint32_t lines;
    uint32_t dropped;
};
bool log_may(struct log_quota *q);

// How many lines of what somebody does, and may do, are written: 64 at once, two a second for long. What is too much is
// left out until half of them may be written again, and then its count is said. One that is zero-initialised is ready.
struct log_bucket {
    uint64_t used_ns;
    uint32_t left_out;
};

// The level of one more line about `who`: LOG_INFO, or LOG_DEBUG if it is too much.
enum log_level log_next(struct log_bucket *b, const char *who);

// Returns true if nothing of it is used.
bool log_rested(const struct log_bucket *b);

#endif
