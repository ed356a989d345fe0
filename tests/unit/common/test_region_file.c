/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <criterion/criterion.h>

#include "region_file.h"

static char dir[] = "/tmp/xv-regions-XXXXXX";
static struct {
    struct region_table t;
    struct region r[3];
    uint32_t refs[7];
} table;

static void set_up(void)
{
    cr_assert_not_null(mkdtemp(dir));
    table.t = (struct region_table){ .magic = REGION_MAGIC, .version = REGION_VERSION, .domid = 7, .vif = 2, .gen = 5 };
    table.t.n_regions = 3;
    table.t.n_refs = 7;
    for (uint32_t i = 0; i < 3; i++)
        table.r[i] = (struct region){ .kind = i, .first_ref = i * 3, .n_pages = i < 2 ? 3 : 1 };
    table.r[2].gva = 0x1000;
    for (uint32_t i = 0; i < 7; i++)
        table.refs[i] = 100 + i;
}

static void tear_down(void)
{
    rmdir(dir);
}

TestSuite(region_file, .init = set_up, .fini = tear_down);

static size_t bytes(void)
{
    return sizeof(table.t) + sizeof(table.r) + sizeof(table.refs);
}

static struct region_table *found;

Test(region_file, it_is_found_again_as_written)
{
    struct region_file a, b;
    char path[128];
    struct stat st;

    cr_assert_eq(region_file_write(&a, dir, &table.t, bytes()), 0);
    snprintf(path, sizeof(path), "%s/vif.2.5.regions", dir);
    cr_assert_eq(stat(path, &st), 0);
    cr_expect_eq(st.st_mode & 0777, 0400);
    cr_expect_eq(region_file_find(&b, dir, 2, 5, &found), 0);
    cr_expect_eq(a.sum, b.sum);
    cr_assert_arr_eq(found, &table, bytes());
    free(found);
    cr_expect_eq(a.bytes, b.bytes);
    cr_expect_eq(region_file_find(&b, dir, 2, 6, &found), -ENOENT);
    region_file_remove(&a, dir);
    cr_expect_neq(stat(path, &st), 0);
}

Test(region_file, a_bad_table_is_not_found)
{
    struct region_file f;

    table.r[0].n_pages--;
    cr_assert_eq(region_file_write(&f, dir, &table.t, bytes()), 0);
    cr_expect_eq(region_file_find(&f, dir, 2, 5, &found), -EBADMSG);
    region_file_remove(&f, dir);
}

// As the worker of guest 7 is told of it.
static struct msg_vif_attach told_of(const struct region_file *f)
{
    struct msg_vif_attach m = { .vif = 2, .gen = 5, .region_bytes = f->bytes, .region_sum = f->sum };

    snprintf(m.region_file, sizeof(m.region_file), "%s", f->name);
    return m;
}

Test(region_file, a_worker_reads_what_was_written)
{
    struct region_table *t = NULL;
    struct msg_vif_attach m;
    struct region_file f;
    int fd;

    cr_assert_eq(region_file_write(&f, dir, &table.t, bytes()), 0);
    m = told_of(&f);
    fd = region_file_open(&f, dir);
    cr_assert_geq(fd, 0);
    cr_assert_eq(region_file_read(fd, &m, 7, &t), 0);
    cr_expect_arr_eq(t, &table.t, bytes());
    free(t);
    close(fd);
    region_file_remove(&f, dir);
    cr_expect_eq(region_file_open(&f, dir), -ENOENT);
}

Test(region_file, a_worker_takes_no_other_table_than_it_was_told_of)
{
    struct region_table *t = NULL;
    struct region_file f;
    struct msg_vif_attach m[7];
    int fd;

    cr_assert_eq(region_file_write(&f, dir, &table.t, bytes()), 0);
    fd = region_file_open(&f, dir);
    for (unsigned i = 0; i < 7; i++)
        m[i] = told_of(&f);
    m[0].vif = 3;
    m[1].gen = 6;
    m[2].region_sum++;
    m[3].region_bytes--;
    m[4].region_bytes++;
    m[5].region_bytes = sizeof(table.t) - 1;
    m[6].region_bytes = UINT64_MAX;
    for (unsigned i = 0; i < 7; i++)
        cr_expect_eq(region_file_read(fd, &m[i], 7, &t), -EBADMSG, "%u", i);
    m[0] = told_of(&f);
    cr_expect_eq(region_file_read(fd, &m[0], 8, &t), -EBADMSG);
    cr_expect_null(t);
    close(fd);
    region_file_remove(&f, dir);
}

static bool keep(uint32_t vif, uint32_t gen, void *arg)
{
    (void)arg;
    return vif == 2 && gen == 5;
}

Test(region_file, what_is_not_in_force_is_cleaned)
{
    struct region_file a, b, c;

    region_file_write(&a, dir, &table.t, bytes());
    table.t.gen = 6;
    region_file_write(&b, dir, &table.t, bytes());
    region_files_clean(dir, keep, NULL);
    cr_expect_eq(region_file_find(&c, dir, 2, 5, &found), 0);
    free(found);
    cr_expect_eq(region_file_find(&b, dir, 2, 6, &found), -ENOENT);
    region_file_remove(&a, dir);
}
