/* What the core's runtime calls in place of the C library, because it was linked with --wrap: see kvm-hook/runtime.c. */
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "host_threads.h"
#include "program_signals.h"

#define EXPORT __attribute__((visibility("default")))

EXPORT int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *previous);
EXPORT sighandler_t __wrap_signal(int number, sighandler_t handler);
EXPORT int __wrap_pthread_kill(pthread_t thread, int number);
EXPORT int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *previous);
EXPORT int __wrap_sigprocmask(int how, const sigset_t *set, sigset_t *previous);

struct start {
    void *(*function)(void *);
    void *argument;
};

EXPORT int __wrap_sigaction(int number, const struct sigaction *action, struct sigaction *previous)
{
    return program_signals_set_runtime_action(number, action, previous);
}

EXPORT sighandler_t __wrap_signal(int number, sighandler_t handler)
{
    (void)number;
    (void)handler;
    return SIG_DFL;
}

EXPORT int __wrap_pthread_kill(pthread_t thread, int number)
{
    return pthread_kill(thread, number == SIGRTMIN ? program_signals_reserved() : number);
}

EXPORT int __wrap_pthread_sigmask(int how, const sigset_t *set, sigset_t *previous)
{
    sigset_t moved;
    if (set != NULL && sigismember(set, SIGRTMIN) == 1) {
        moved = *set;
        sigdelset(&moved, SIGRTMIN);
        sigaddset(&moved, program_signals_reserved());
        set = &moved;
    }
    return pthread_sigmask(how, set, previous);
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
    host_thread_begins();
    void *result = start.function(start.argument);
    host_thread_ends();
    return result;
}

/* Every thread that the C library of ours makes is one of ours, and takes none of the program's signals. */
EXPORT int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*function)(void *), void *argument)
{
    static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    if (real == NULL) *(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
    struct start *start = malloc(sizeof *start);
    if (start == NULL) return EAGAIN;
    *start = (struct start){.function = function, .argument = argument};
    sigset_t all, before;
    sigfillset(&all);
    const int open[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
    for (size_t n = 0; n < sizeof open / sizeof *open; n++) sigdelset(&all, open[n]);
    if (program_signals_reserved() != 0) sigdelset(&all, program_signals_reserved());
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = real(thread, attributes, begin, start);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (result != 0) free(start);
    return result;
}
