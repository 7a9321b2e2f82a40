/* ioctl: requests of KVM go to the core when their descriptor is one of its own. */
#include <errno.h>
#include <stdarg.h>
#include <sys/ioctl.h>

#include "core.h"
#include "descriptors.h"
#include "real.h"
#include "signals.h"
#include "watch.h"

/* <linux/kvm.h>: KVMIO, which is the type of all its requests, and KVM_RUN. */
enum { KVMIO = 0xAE, RUN = 0xAE80 };

static unsigned type_of(unsigned long request)
{
    return (unsigned)(request >> 8) & 0xFF;
}

static int answer(long result)
{
    if (result >= 0) return (int)result;
    errno = (int)-result;
    return -1;
}

static long run(const struct core *core, uint64_t object, struct vitrine_attention *attention, unsigned long argument)
{
    struct signals_run run;
    if (!signals_enter(attention, &run)) return -EINTR;
    core_depth++;
    long result = core->ioctl(object, RUN, argument);
    core_depth--;
    signals_leave(&run);
    return result;
}

EXPORT int ioctl(int descriptor, unsigned long request, ...)
{
    va_list arguments;
    va_start(arguments, request);
    unsigned long argument = va_arg(arguments, unsigned long);
    va_end(arguments);
    if (type_of(request) != KVMIO) return watch_pass(descriptor, request, argument);

    const struct core *core = core_loaded();
    if (core_watch() != NULL) return watch_ioctl(descriptor, request, argument);
    if (core == NULL) {
        /* In a forked child KVM refuses the parent's machines. */
        if (core_lost() && !core_watches() && descriptors_owned(descriptor)) return answer(-EIO);
        return watch_pass(descriptor, request, argument);
    }

    /* In a handler that has interrupted the core, which can't be entered twice. */
    if (core_depth > 0) return descriptors_owned(descriptor) ? answer(-EBUSY) : watch_pass(descriptor, request, argument);
    signals_prepare_thread();
    struct vitrine_attention *attention;
    uint64_t object = descriptors_find(core, descriptor, &attention);
    if (object == 0) return watch_pass(descriptor, request, argument);
    if ((unsigned)request == RUN && attention != NULL) return answer(run(core, object, attention, argument));
    core_depth++;
    long result = core->ioctl(object, (unsigned)request, argument);
    core_depth--;
    return answer(result);
}
