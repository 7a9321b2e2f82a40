/* Closing descriptors, in every way that frees a number: the core looks which of its objects live on. */
#include <unistd.h>

#include "core.h"
#include "descriptors.h"
#include "real.h"
#include "watch.h"

REAL(int, close, int)
REAL(int, dup2, int, int)
REAL(int, dup3, int, int, int)
REAL(int, close_range, unsigned, unsigned, int)
REAL(void, closefrom, int)

/* Of <linux/close_range.h>: nothing is closed yet. */
enum { CLOSE_ON_EXEC = 1 << 2 };

static void closed(void)
{
    /* The core knows of what it closes itself. */
    const struct core *core = core_loaded();
    if (core == NULL || core_watch() != NULL || core_depth > 0 || core_is_parents()) return;
    core_depth++;
    core->closed();
    core_depth--;
}

/* Before a number is freed: afterwards another thread may own it. */
static bool forget(int descriptor)
{
    if (core_watch() != NULL) {
        watch_closing((unsigned)descriptor, (unsigned)descriptor);
        return false;
    }
    if (core_loaded() == NULL || core_depth > 0 || !descriptors_owned(descriptor)) return false;
    descriptors_forget((unsigned)descriptor, (unsigned)descriptor);
    return true;
}

static void forget_all(unsigned first, unsigned last)
{
    descriptors_forget(first, last);
    watch_closing(first, last);
}

EXPORT int close(int descriptor)
{
    bool ours = forget(descriptor);
    int result = close_real()(descriptor);
    if (ours) closed();
    return result;
}

EXPORT int dup2(int from, int to)
{
    bool ours = from != to && forget(to);
    int result = dup2_real()(from, to);
    if (ours) closed();
    return result;
}

EXPORT int dup3(int from, int to, int flags)
{
    bool ours = from != to && forget(to);
    int result = dup3_real()(from, to, flags);
    if (ours) closed();
    return result;
}

EXPORT int close_range(unsigned first, unsigned last, int flags)
{
    if ((flags & CLOSE_ON_EXEC) == 0 && core_depth == 0) forget_all(first, last);
    int result = close_range_real()(first, last, flags);
    if ((flags & CLOSE_ON_EXEC) == 0) closed();
    return result;
}

EXPORT void closefrom(int first)
{
    if (core_depth == 0) forget_all(first < 0 ? 0 : (unsigned)first, ~0u);
    closefrom_real()(first);
    closed();
}
