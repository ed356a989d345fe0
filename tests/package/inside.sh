#!/bin/bash
# SPDX-License-Identifier: BSD-3-Clause
# inside.sh DIR: in a clean Debian that may be written to, the packages in DIR are installed, looked at, upgraded, removed and
# purged. scripts/test-package.sh calls it. A line for each fact; the last line is `N passed, N failed`.
set -uo pipefail

debs=$1
out=/tmp/out
# shellcheck source=scripts/facts.sh
. /tmp/facts.sh

# says TEXT COMMAND...: the command's output has TEXT, whatever its status is.
says()
{
    local text=$1

    shift
    "$@" 2>&1 | tee /tmp/said
    grep -qF -- "$text" /tmp/said
}

nothing()
{
    ! "$@" | grep .
}

# All files but those of dpkg, apt and their logs, and of the accounts' editors.
files()
{
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path "$debs" \
        -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log -o -path /etc/.pwd.lock \
        -o -path '/etc/*-' \) -prune -o -print | sort
}

install()
{
    DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install "$@"
}

pages()
{
    dpkg -L xv-switch xv-tools | sed -nE 's,^/usr/share/man/man./(.*)\.([0-9])\.gz$,\2 \1,p'
}

pages_show()
{
    local section page

    [ "$(pages | wc -l)" -ge 7 ] || return 1
    pages | while read -r section page; do
        echo "$page($section)"
        [ -z "$(man --warnings "$section" "$page" 2>&1 >/dev/null | grep -v "can't break line")" ] || return 1
        man "$section" "$page" | grep -q '^SEE ALSO' || return 1
    done
}

units_verify()
{
    local unit said

    for unit in xv-primary xv-watcher xv-worker@1 xv-provision; do
        said=$(systemd-analyze verify --man=yes "$unit.service" 2>&1 | grep -E 'xv[-.]')
        [ -z "$said" ] || { echo "$said"; return 1; }
    done
}

needrestart_knows()
{
    perl -e '
        our %nrconf;
        my $text = do { local (@ARGV, $/) = "/etc/needrestart/conf.d/xv-switch.conf"; <> };
        eval $text;
        die $@ if $@;
        for my $unit ("xv-primary.service", "xv-worker\@7.service") {
            grep { $unit =~ $_ && !$nrconf{override_rc}{$_} } keys %{$nrconf{override_rc}} or die $unit;
        }
        !grep { "xv-watcher.service" =~ $_ } keys %{$nrconf{override_rc}} or die "xv-watcher";'
}

# systemd's presence, as maintainer scripts see it: it says that all is active, and notes what it is asked.
systemd_pretend()
{
    mkdir -p /run/systemd/system
    printf '#!/bin/sh\necho "$@" >>/tmp/asked\n' >/tmp/systemctl
    chmod 755 /tmp/systemctl
    mount --bind /tmp/systemctl /usr/bin/systemctl
    : >/tmp/asked
}

systemd_forget()
{
    umount /usr/bin/systemctl
    rm -r /run/systemd/system
}

# asked VERB: systemd was asked for that of a unit of the switch.
asked()
{
    cat /tmp/asked
    grep -E "^(--[a-z-]+ )*$1 " /tmp/asked | grep 'xv-[pw]'
}

upgrade()
{
    install --reinstall "$debs"/xv-switch_*.deb "$debs"/xv-tools_*.deb | tee /tmp/upgraded
}

files >/tmp/before
fact "all packages are installed" install "$debs"/*.deb
[ $failed -eq 0 ] || { echo "$passed passed, $failed failed"; exit 1; }

for program in xv-primary xv-watcher xv-worker xv-provision xvctl; do
    fact "$program runs" says "$program $(dpkg-query -W -f '${Version}' xv-switch)" $program --version
done
fact "xv-primary judges the configuration" xv-primary --no-pci -n
fact "xv-watcher judges the example" xv-watcher --check --config /usr/share/doc/xv/xv.conf.example
fact "xv-worker judges the configuration" xv-worker --domid 1 --check
fact "xv-provision judges the configuration" xv-provision --check
fact "xvctl judges the configuration" xvctl --check
fact "xv-restart-worker runs" says "usage: xv-restart-worker" xv-restart-worker --help
fact "man shows all pages" pages_show
fact "whatis knows them" says "restart the back end of one guest" whatis xv-restart-worker
fact "systemd understands the units" units_verify
fact "no unit is enabled" nothing find /etc/systemd /var/lib/systemd -name 'xv-*.service'
fact "the user of workers is there" getent passwd xv-worker
fact "xen_netback is kept away" grep -rqx 'blacklist xen_netback' /lib/modprobe.d /etc/modprobe.d
fact "the switch's modules are loaded at boot" grep -qx xen_gntdev /usr/lib/modules-load.d/xv-switch.conf
fact "needrestart leaves the primary and workers alone" needrestart_knows
fact "DPDK finds the guest's driver by itself" says "can't reach XenStore" timeout 60 dpdk-testpmd --no-pci --no-huge -m 64 \
    --no-telemetry --vdev=net_xenvirt0,mac=00:00:00:00:00:11 -- --total-num-mbufs=2048

systemd_pretend
fact "an upgrade goes through though no watcher answers" upgrade
fact "it says that workers were not restarted" grep "^xv: not all workers were restarted" /tmp/upgraded
fact "it neither stops nor restarts what runs" nothing asked '(re)?(start|stop)'
fact "a removal goes through" apt-get -q -y remove xv-switch xv-tools librte-net-xenvirt1 librte-net-xenvirt-dev
fact "it stops the switch" asked stop
systemd_forget
fact "a purge goes through" dpkg --purge xv-switch xv-tools
files >/tmp/after
fact "no file is left" diff /tmp/before /tmp/after
fact "no account is left" nothing grep xv-worker /etc/passwd /etc/group
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
