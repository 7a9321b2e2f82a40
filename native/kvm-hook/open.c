/* Opening files: /dev/kvm is the core's. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include "core.h"
#include "descriptors.h"
#include "node.h"
#include "real.h"
#include "watch.h"

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

/* As EventDescriptor.cs has it. */
enum { FIRST_OF_CORE = 512 };

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

/* The core's own files: the client's get the numbers that they would get without it. */
static int set_apart(int descriptor)
{
    if (descriptor < 0 || descriptor >= FIRST_OF_CORE) return descriptor;
    int flags = fcntl(descriptor, F_GETFD), error = errno;
    int apart = fcntl(descriptor, flags & FD_CLOEXEC ? F_DUPFD_CLOEXEC : F_DUPFD, FIRST_OF_CORE);
    errno = error;
    if (apart < 0) return descriptor;
    close(descriptor);
    return apart;
}

/* What has been opened for the program, or for the core. */
static int opened(int directory, const char *path, int descriptor)
{
    return core_depth > 0 ? set_apart(descriptor) : watch_opened(directory, path, descriptor);
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
        return opened(AT_FDCWD, path, name##_real()(path, flags, mode)); \
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
        return opened(directory, path, name##_real()(directory, path, flags, mode)); \
    }

OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)

/* What <fcntl.h> makes of open without a mode where _FORTIFY_SOURCE is on. */
EXPORT int __open_2(const char *path, int flags)
{
    int descriptor;
    return serve(AT_FDCWD, path, flags, &descriptor) ? descriptor : opened(AT_FDCWD, path, __open_2_real()(path, flags));
}

EXPORT int __open64_2(const char *path, int flags)
{
    int descriptor;
    return serve(AT_FDCWD, path, flags, &descriptor) ? descriptor : opened(AT_FDCWD, path, __open64_2_real()(path, flags));
}

EXPORT int __openat_2(int directory, const char *path, int flags)
{
    int descriptor;
    return serve(directory, path, flags, &descriptor) ? descriptor : opened(directory, path, __openat_2_real()(directory, path, flags));
}

EXPORT int __openat64_2(int directory, const char *path, int flags)
{
    int descriptor;
    return serve(directory, path, flags, &descriptor) ? descriptor : opened(directory, path, __openat64_2_real()(directory, path, flags));
}
