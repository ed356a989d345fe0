/* SPDX-License-Identifier: BSD-3-Clause */
// notify.h: tell systemd how we are (sd_notify(3)'s protocol: a datagram to $NOTIFY_SOCKET). Without systemd these
// calls do nothing.
#ifndef XV_NOTIFY_H
#define XV_NOTIFY_H

// Connect, for a program that later can't find the socket any more. Others need not call it.
void notify_open(void);

// Say state, for instance "READY=1" or "STOPPING=1". Never blocks, never fails: who listens is not our business.
void notify_say(const char *state);

// To be said with a status now and then while a start waits for another program: it hangs no more than that one.
#define NOTIFY_EXTEND "\nEXTEND_TIMEOUT_USEC=10000000"

#endif
