/* Opening files: /dev/kvm is the core's. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>

#include "core.h"
#include "descriptors.h"
#include "node.h"
#include "real.h"

REAL(int, open, const char *, int, ...)
REAL(int, open64, const char *, int, ...)
REAL(int, openat, int, const char *, int, ...)
REAL(int, openat64, int, const char *, int, ...)
REAL(int, __open_2, const char *, int)
REAL(int, __open64_2, const char *, int)
REAL(int, __openat_2, int, const char *, int)
REAL(int, __openat64_2, int, const char *, int)

EXPORT int __open_2(const char *path, int flags);
EXPORT int __open64_2(const char *path, int flags);
EXPORT int __openat_2(int directory, const char *path, int flags);
EXPORT int __openat64_2(int directory, const char *path, int flags);

static int fail(int error)
{
    errno = error;
    return -1;
}

/* True when the core has answered. It has not where it can't be loaded: then the host's own node, if there is one, does. */
static bool serve(int directory, const char *path, int flags, int *descriptor)
{
    if (!node_is_at(directory, path)) return false;
    if (core_lost()) {
        *descriptor = fail(EIO);
        return true;
    }
    if (core_depth > 0) {
        *descriptor = fail(EBUSY);
        return true;
    }
    const struct core *core = core_load();
    if (core == NULL) return false;
    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) *descriptor = fail(EEXIST);
    else if (flags & O_DIRECTORY) *descriptor = fail(ENOTDIR);
    else *descriptor = descriptors_open(core, flags);
    return true;
}

static mode_t mode_of(int flags, va_list arguments)
{
    return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(arguments, mode_t) : 0;
}

#define OPEN(name) \
    EXPORT int name(const char *path, int flags, ...) \
    { \
        int descriptor; \
        if (serve(AT_FDCWD, path, flags, &descriptor)) return descriptor; \
        va_list arguments; \
        va_start(arguments, flags); \
        mode_t mode = mode_of(flags, arguments); \
        va_end(arguments); \
        return name##_real()(path, flags, mode); \
    }

#define OPENAT(name) \
    EXPORT int name(int directory, const char *path, int flags, ...) \
    { \
        int descriptor; \
        if (serve(directory, path, flags, &descriptor)) return descriptor; \
        va_list arguments; \
        va_start(arguments, flags); \
        mode_t mode = mode_of(flags, arguments); \
        va_end(arguments); \
        return name##_real()(directory, path, flags, mode); \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* What <fcntl.h> makes of open without a mode where _FORTIFY_SOURCE is on. */
EXPORT int __open_2(const char *path, int flags)
{
    int descriptor;
    return serve(AT_FDCWD, path, flags, &descriptor) ? descriptor : __open_2_real()(path, flags);
}

EXPORT int __open64_2(const char *path, int flags)
{
    int descriptor;
    return serve(AT_FDCWD, path, flags, &descriptor) ? descriptor : __open64_2_real()(path, flags);
}

EXPORT int __openat_2(int directory, const char *path, int flags)
{
    int descriptor;
    return serve(directory, path, flags, &descriptor) ? descriptor : __openat_2_real()(directory, path, flags);
}

EXPORT int __openat64_2(int directory, const char *path, int flags)
{
    int descriptor;
    return serve(directory, path, flags, &descriptor) ? descriptor : __openat64_2_real()(directory, path, flags);
}
