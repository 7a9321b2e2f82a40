/* System calls for signals, without the C library's checks and wrappers: they work in handlers and say nothing in errno. */
#ifndef VITRINE_KERNEL_SIGNALS_H
#define VITRINE_KERNEL_SIGNALS_H

#include <signal.h>

#include "../common/raw.h"
#include "signals.h"

static inline void kernel_mask(int how, const signal_set *set, signal_set *before)
{
    RAW4(SYS_rt_sigprocmask, how, set, before, sizeof *set);
}

static inline signal_set kernel_pending(void)
{
    signal_set pending = 0;
    RAW2(SYS_rt_sigpending, &pending, sizeof pending);
    return pending;
}

/* Sends a signal to this thread again, with what it came with. */
static inline void kernel_queue_again(int number, siginfo_t *info)
{
    RAW4(SYS_rt_tgsigqueueinfo, RAW1(SYS_getpid, 0), RAW1(SYS_gettid, 0), number, info);
}

#endif
