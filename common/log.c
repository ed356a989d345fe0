/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "log.h"

#define QUOTA_NS (10 * CLOCK_SECOND)
#define QUOTA_LINES 10u
#define BUCKET_NS (500 * CLOCK_MS) // one more each
#define BUCKET_LINES 64u

static const char *program = "xv";
static enum log_level threshold = LOG_INFO;
static log_sink_fn *sink_fn;
static bool to_journal;

static const char *const level_names[] = {
    [LOG_ERR] = "ERR",
    [LOG_WARNING] = "WARNING",
    [LOG_NOTICE] = "NOTICE",
    [LOG_INFO] = "INFO",
    [LOG_DEBUG] = "DEBUG",
};
static_assert(sizeof(level_names) / sizeof(level_names[0]) == LOG_DEBUG + 1, "a name for each level");

void log_open(const char *name, enum log_level level)
{
    program = name;
    threshold = level;
    to_journal = getenv("JOURNAL_STREAM") != NULL;
}

void log_sink(log_sink_fn *sink)
{
    sink_fn = sink;
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char text[512];
    char line[640];
    va_list ap;

    if (level > threshold)
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    snprintf(line, sizeof(line), "%s: %s: %s\n", program, level_names[level], text);
    if (sink_fn != NULL) {
        sink_fn(level, line);
        return;
    }
    if (to_journal)
        fprintf(stderr, "<%d>%s", level, line);
    else
        fputs(line, stderr);
}

bool log_may(struct log_quota *q)
{
    uint64_t now = clock_ns();

    if (q->window_ns == 0 || now - q->window_ns >= QUOTA_NS) {
        if (q->dropped > 0)
            LOG(WARNING, "%u lines of this kind left out", q->dropped);
        *q = (struct log_quota){ .window_ns = now };
    }
    if (q->lines >= QUOTA_LINES) {
        q->dropped++;
        return false;
    }
    q->lines++;
    return true;
}

// Of the time that the bucket's lines take, how much is left.
static uint64_t bucket_left(const struct log_bucket *b, uint64_t now)
{
    uint64_t all = BUCKET_LINES * BUCKET_NS;

    return now - b->used_ns < all ? now - b->used_ns : all;
}

enum log_level log_next(struct log_bucket *b, const char *who)
{
    uint64_t now = clock_ns(), left = bucket_left(b, now);

    b->used_ns = now - left;
    if (b->left_out > 0 && left >= BUCKET_LINES / 2 * BUCKET_NS) {
        LOG(WARNING, "%s: %u lines left out, it does too much", who, b->left_out);
        b->left_out = 0;
    }
    if (b->left_out > 0 || left < BUCKET_NS) {
        b->left_out++;
        return LOG_DEBUG;
    }
    b->used_ns += BUCKET_NS;
    return LOG_INFO;
}

bool log_rested(const struct log_bucket *b)
{
    return bucket_left(b, clock_ns()) == BUCKET_LINES * BUCKET_NS;
}
