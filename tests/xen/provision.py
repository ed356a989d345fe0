# SPDX-License-Identifier: BSD-3-Clause
"""What dom0 must do in XenStore for a guest and for the back end's domain: docs/guide.md, 1.3.2."""


def backend(dom0, domid):
    """The back end's domain is told when domains come and go."""
    dom0.run(f"xenstore-chmod @introduceDomain n0 r{domid} && xenstore-chmod @releaseDomain n0 r{domid}")


def guest(dom0, domid, backend_domid):
    """The guest has its control/dpdk, which the back end may read, and learns who that is. The back end may read its name
    and UUID."""
    node = f"/local/domain/{domid}"
    dom0.run(f"xenstore-write {node}/control/dpdk '' {node}/control/dpdk-backend {backend_domid} && "
             f"xenstore-chmod {node}/control/dpdk n{domid} r{backend_domid} && "
             f"xenstore-chmod {node}/name n0 r{domid} r{backend_domid} && "
             f"xenstore-chmod {node}/vm n0 r{domid} r{backend_domid}")


def guest_2_2(dom0, domid, backend_domid):
    """The same for DPDK 2.2's driver, which removes control/dpdk and makes it anew."""
    guest(dom0, domid, backend_domid)
    dom0.run(f"xenstore-chmod /local/domain/{domid}/control n0 b{domid} r{backend_domid}")
