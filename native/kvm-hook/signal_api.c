/* The C library's functions for signals, as clients import them. */
#include <errno.h>
#include <string.h>

#include "kernel_signals.h"
#include "real.h"

REAL(int, sigprocmask, int, const sigset_t *, sigset_t *)
REAL(int, pthread_sigmask, int, const sigset_t *, sigset_t *)

/* The other names of signal(), with the semantics of System V and of BSD. */
EXPORT sighandler_t sysv_signal(int number, sighandler_t handler);
EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler);
EXPORT sighandler_t bsd_signal(int number, sighandler_t handler);

EXPORT int sigaction(int number, const struct sigaction *action, struct sigaction *previous)
{
    return signals_set_action(number, action, previous);
}

static sighandler_t set_handler(int number, sighandler_t handler, int flags)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = flags}, previous;
    if (handler == SIG_ERR || number < 1 || number > SIGNALS) {
        errno = EINVAL;
        return SIG_ERR;
    }
    if ((flags & SA_NODEFER) == 0) sigaddset(&action.sa_mask, number);
    return signals_set_action(number, &action, &previous) == 0 ? previous.sa_handler : SIG_ERR;
}

EXPORT sighandler_t signal(int number, sighandler_t handler)
{
    return set_handler(number, handler, SA_RESTART);
}

EXPORT sighandler_t bsd_signal(int number, sighandler_t handler)
{
    return set_handler(number, handler, SA_RESTART);
}

EXPORT sighandler_t sysv_signal(int number, sighandler_t handler)
{
    return set_handler(number, handler, SA_RESETHAND | SA_NODEFER);
}

EXPORT sighandler_t __sysv_signal(int number, sighandler_t handler)
{
    return set_handler(number, handler, SA_RESETHAND | SA_NODEFER);
}

/* The runtime stops threads by its own signal, so that no mask may block it. */
static const sigset_t *spare(int how, const sigset_t *set, sigset_t *spared)
{
    if (set == NULL || how == SIG_UNBLOCK || signals_reserved() == 0) return set;
    *spared = *set;
    sigdelset(spared, signals_reserved());
    return spared;
}

EXPORT int sigprocmask(int how, const sigset_t *set, sigset_t *previous)
{
    sigset_t spared;
    return sigprocmask_real()(how, spare(how, set, &spared), previous);
}

EXPORT int pthread_sigmask(int how, const sigset_t *set, sigset_t *previous)
{
    sigset_t spared;
    return pthread_sigmask_real()(how, spare(how, set, &spared), previous);
}
