#include "watch.h"

#include <errno.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include "../common/node_path.h"
#include "core.h"
#include "real.h"
#include "signals.h"

REAL(int, ioctl, int, unsigned long, ...)

/* Larger numbers are not forgotten when they are closed; the core then keeps a vCPU's pages until the process ends. */
enum { TRACKED = 16384 };

/* Numbers that are KVM's, as far as is known. */
static bool tracked[TRACKED];

int watch_pass(int descriptor, unsigned long request, unsigned long argument)
{
    return ioctl_real()(descriptor, request, argument);
}

/* Nobody's business in a child of vfork, and in a handler that has interrupted the core. */
static const struct watch *audience(void)
{
    const struct watch *watch = core_watch();
    return watch == NULL || core_depth > 0 || core_is_parents() ? NULL : watch;
}

/* The client's handlers have waited while this thread was in the core. */
static void leave(void)
{
    core_depth--;
    signals_release();
}

static void track(int descriptor)
{
    if (descriptor >= 0 && descriptor < TRACKED) __atomic_store_n(&tracked[descriptor], true, __ATOMIC_RELAXED);
}

int watch_ioctl(int descriptor, unsigned long request, unsigned long argument)
{
    static const volatile uint32_t *interest;
    const struct watch *watch = audience();
    if (watch == NULL) return watch_pass(descriptor, request, argument);
    if (interest != NULL && *interest == 0) return watch_pass(descriptor, request, argument);

    int error = errno;
    signals_prepare_thread();
    core_depth++;
    if (interest == NULL) interest = watch->interest();
    int start = watch->begins(descriptor, request, argument);
    leave();
    if (start == WATCH_UNOBSERVED) {
        errno = error;
        return watch_pass(descriptor, request, argument);
    }

    track(descriptor);
    for (;;) {
        uint32_t handled = signals_handled();
        errno = error;
        long result = start == WATCH_ANSWERED ? 0 : watch_pass(descriptor, request, argument);
        if (result < 0) result = -errno;
        start = WATCH_OBSERVED;
        core_depth++;
        result = watch->ends(descriptor, result, signals_handled() != handled);
        leave();
        if (result == WATCH_AGAIN) continue;
        errno = result < 0 ? (int)-result : error;
        return result < 0 ? -1 : (int)result;
    }
}

int watch_opened(int directory, const char *path, int descriptor)
{
    if (descriptor < 0 || core_depth > 0 || !node_path_is(directory, path) || !core_watches()) return descriptor;
    int error = errno;
    const struct watch *watch = core_load() == NULL ? NULL : audience();
    if (watch != NULL) {
        signals_prepare_thread();
        core_depth++;
        watch->opened(descriptor);
        leave();
        track(descriptor);
    }
    errno = error;
    return descriptor;
}

void watch_closing(unsigned first, unsigned last)
{
    const struct watch *watch = audience();
    if (watch == NULL) return;
    int error = errno;
    for (unsigned number = first; number <= last && number < TRACKED; number++) {
        if (!__atomic_exchange_n(&tracked[number], false, __ATOMIC_RELAXED)) continue;
        core_depth++;
        watch->closing((int)number);
        leave();
    }
    errno = error;
}
