/* SPDX-License-Identifier: BSD-3-Clause */
// The part of Xen that Debian's xenstored sees: preloaded into it, this stands in for libxenctrl, libxenevtchn,
// libxengnttab and the two files of /proc/xen that it opens. All of it comes from the run directory $XENSIM_DIR:
//
//   domain/D/alive   the domain exists
//   domain/D/ring    its XenStore ring page, shared with proxy.c
//   domain/D/kick    FIFO: xenstored's event to the domain (any byte)
//   evtchn           FIFO: events to xenstored, each a port number of 32 bits
//
// The local event channel port of domain D is D itself, and PORT_DOM_EXC says that some domain has died. xenstored looks
// at every ring whenever it wakes up, so an event lost to a full FIFO is none missed.

#undef _FILE_OFFSET_BITS // or the open() below would be named open64

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>

#include "run.h"

static char handle; // what the opaque handles point to: there is only one of each
static int evtchn_fd = -1;
static int kick_fds[DOMID_FIRST_RESERVED]; // a descriptor plus one; 0: the domain is not bound

// xenstored would hold what its starter has open, such as locks and pipes, for life.
__attribute__((constructor)) static void inherited_close(void)
{
    closefrom(3);
}

static int domain_open(uint32_t domid, const char *file, int flags)
{
    char path[PATH_MAX];

    if (run_path(path, getenv("XENSIM_DIR"), domid, file) < 0)
        return -1;
    return open(path, flags | O_CLOEXEC);
}

xc_interface *xc_interface_open(xentoollog_logger *logger, xentoollog_logger *dombuild_logger, unsigned flags)
{
    return (xc_interface *)&handle;
}

int xc_interface_close(xc_interface *xch)
{
    return 0;
}

#ifdef XC_DOMINFO // up to Xen 4.17
int xc_domain_getinfo(xc_interface *xch, uint32_t domid, unsigned max, xc_dominfo_t *info)
{
    if (!run_domain_alive(getenv("XENSIM_DIR"), domid))
        return 0;
    memset(info, 0, sizeof(*info));
    info->domid = domid;
    info->running = 1;
    info->nr_pages = 1;
    return 1;
}
#else
int xc_domain_getinfo_single(xc_interface *xch, uint32_t domid, xc_domaininfo_t *info)
{
    if (!run_domain_alive(getenv("XENSIM_DIR"), domid)) {
        errno = ESRCH;
        return -1;
    }
    if (info == NULL)
        return 0;
    memset(info, 0, sizeof(*info));
    info->domain = domid;
    info->flags = XEN_DOMINF_running;
    info->tot_pages = 1;
    return 0;
}
#endif

xenevtchn_handle *xenevtchn_open(xentoollog_logger *logger, unsigned flags)
{
    char path[PATH_MAX];

    // Read and write, so that the FIFO never has no writer: that would be an end of file.
    if (run_path(path, getenv("XENSIM_DIR"), RUN_NO_DOMAIN, "evtchn") < 0)
        return NULL;
    evtchn_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
    return evtchn_fd < 0 ? NULL : (xenevtchn_handle *)&handle;
}

// Only used by a live update, which is not simulated.
xenevtchn_handle *xenevtchn_fdopen(xentoollog_logger *logger, int fd, unsigned flags)
{
    errno = ENOSYS;
    return NULL;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
    return evtchn_fd;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
    if (port >= DOMID_FIRST_RESERVED || kick_fds[port] == 0)
        return 0;
    return write(kick_fds[port] - 1, "", 1) == 1 || errno == EAGAIN ? 0 : -1;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce, uint32_t domid, evtchn_port_t remote)
{
    int fd;

    if (domid == 0)
        return 0; // dom0's own ring is there, but nobody uses it
    if (domid >= DOMID_FIRST_RESERVED) {
        errno = ESRCH;
        return -1;
    }
    fd = domain_open(domid, "kick", O_RDWR | O_NONBLOCK);
    if (fd < 0)
        return -1;
    kick_fds[domid] = fd + 1;
    return domid;
}

xenevtchn_port_or_error_t xenevtchn_bind_virq(xenevtchn_handle *xce, unsigned virq)
{
    return PORT_DOM_EXC;
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
    if (port < DOMID_FIRST_RESERVED && kick_fds[port] > 0) {
        close(kick_fds[port] - 1);
        kick_fds[port] = 0;
    }
    return 0;
}

// Takes all events at once: a death must not wait behind other events, or xenstored would see requests that were made
// after it first.
xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
    evtchn_port_t ports[1024];
    bool death = false;
    ssize_t n;

    while ((n = read(evtchn_fd, ports, sizeof(ports))) > 0) {
        for (size_t i = 0; i < n / sizeof(*ports); i++)
            death = death || ports[i] == PORT_DOM_EXC;
    }
    return death ? PORT_DOM_EXC : 0; // -1 would end xenstored
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
    return 0;
}

xengnttab_handle *xengnttab_open(xentoollog_logger *logger, unsigned flags)
{
    return (xengnttab_handle *)&handle;
}

int xengnttab_close(xengnttab_handle *xgt)
{
    return 0;
}

int xengnttab_set_max_grants(xengnttab_handle *xgt, uint32_t count)
{
    return 0;
}

// xenstored maps one grant of each domain: the ring page.
void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid, uint32_t ref, int prot)
{
    int fd = domain_open(domid, "ring", O_RDWR);
    void *page;

    if (fd < 0)
        return NULL;
    page = mmap(NULL, XC_PAGE_SIZE, prot, MAP_SHARED, fd, 0);
    close(fd);
    return page == MAP_FAILED ? NULL : page;
}

int xengnttab_unmap(xengnttab_handle *xgt, void *addr, uint32_t count)
{
    return munmap(addr, (size_t)count * XC_PAGE_SIZE);
}

static int proc_port_open(void)
{
    int fd = memfd_create("xsd_port", MFD_CLOEXEC);

    if (fd >= 0 && pwrite(fd, "1", 1, 0) != 1) {
        close(fd);
        return -1;
    }
    return fd;
}

static int proc_kva_open(void)
{
    int fd = memfd_create("xsd_kva", MFD_CLOEXEC);

    if (fd >= 0 && ftruncate(fd, XC_PAGE_SIZE) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

int open(const char *path, int flags, ...)
{
    static int (*next)(const char *, int, ...);
    mode_t mode = 0;
    va_list args;

    if (strcmp(path, "/proc/xen/xsd_port") == 0)
        return proc_port_open();
    if (strcmp(path, "/proc/xen/xsd_kva") == 0)
        return proc_kva_open();
    if (flags & (O_CREAT | __O_TMPFILE)) {
        va_start(args, flags);
        mode = va_arg(args, mode_t);
        va_end(args);
    }
    if (next == NULL)
        next = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
    return next(path, flags, mode);
}
