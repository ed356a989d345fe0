/* SPDX-License-Identifier: BSD-3-Clause */
// A configuration file of any bytes. What is read can be printed, and the print says the same; what can't be read is
// said to be wrong in words.
#include <sys/mman.h>
#include <unistd.h>

#include "conf.h"
#include "input.h"

static char err[CONF_ERR_BYTES];

static int read_text(struct conf *c, const void *text, size_t n)
{
    char path[32];
    int ret, fd = memfd_create("conf", 0);

    MUST(fd >= 0 && write(fd, text, n) == (ssize_t)n);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    err[0] = '\0';
    ret = conf_read(c, path, err, sizeof(err));
    close(fd);
    return ret;
}

static char *print(const struct conf *c, size_t *n)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, n);

    MUST(out != NULL);
    conf_print(c, out);
    fclose(out);
    return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct conf c, again;
    char *first, *second;
    size_t n_first, n_second;

    if (read_text(&c, data, n) < 0) {
        MUST(err[0] != '\0' && strlen(err) < sizeof(err));
        return 0;
    }
    first = print(&c, &n_first);
    MUST(read_text(&again, first, n_first) == 0);
    second = print(&again, &n_second);
    MUST(n_first == n_second && memcmp(first, second, n_first) == 0);
    free(first);
    free(second);
    return 0;
}
