/* What the core's runtime calls in place of the C library, because it was linked with --wrap: its signals must not be the client's. */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "core.h"
#include "real.h"
#include "signals.h"

EXPORT int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *previous);
EXPORT int __wrap_pthread_kill(pthread_t thread, int number);
EXPORT int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *previous);
EXPORT int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *previous);
EXPORT sighandler_t __wrap_signal(int number, sighandler_t handler);

REAL(int, pthread_sigmask, int, const sigset_t *, sigset_t *)
REAL(int, pthread_create, pthread_t *, const pthread_attr_t *, void *(*)(void *), void *)

struct start {
    void *(*function)(void *);
    void *argument;
};

EXPORT int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *previous)
{
    return signals_set_runtime_action(number, action, previous);
}

/* The runtime ignores SIGPIPE, for sockets of its own. The core has none. */
EXPORT sighandler_t __wrap_signal(int number, sighandler_t handler)
{
    (void)number;
    (void)handler;
    return SIG_DFL;
}

EXPORT int __wrap_pthread_kill(pthread_t thread, int number)
{
    return pthread_kill(thread, number == SIGRTMIN && signals_reserved() != 0 ? signals_reserved() : number);
}

/* The runtime opens its own signal in threads that enter it: the moved one, and not the client's of the same number. */
EXPORT int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *previous)
{
    sigset_t moved;
    if (set != NULL && signals_reserved() != 0 && sigismember(set, SIGRTMIN) == 1) {
        moved = *set;
        sigdelset(&moved, SIGRTMIN);
        sigaddset(&moved, signals_reserved());
        set = &moved;
    }
    return pthread_sigmask_real()(how, set, previous);
}

EXPORT int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *previous)
{
    int error = __wrap_pthread_sigmask(how, set, previous);
    if (error != 0) errno = error;
    return error == 0 ? 0 : -1;
}

static void *begin(void *argument)
{
    struct start start = *(struct start *)argument;
    free(argument);
    core_depth++;
    return start.function(start.argument);
}

/* A thread of the core takes none of the client's signals, and what it calls is the core's. No --wrap: the linker ignores that one. */
EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *), void *argument)
{
    if (core_depth == 0) return pthread_create_real()(thread, attributes, function, argument);
    struct start *start = malloc(sizeof *start);
    if (start == NULL) return EAGAIN;
    *start = (struct start){.function = function, .argument = argument};
    sigset_t before;
    signals_block(&before);
    int result = pthread_create_real()(thread, attributes, begin, start);
    signals_restore(&before);
    if (result != 0) free(start);
    return result;
}
