#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/stat.h>

/* Larger numbers work too, and are looked up at each call. */
enum { CACHED = 16384 };

struct entry {
    uint64_t object; /* 0: not known. Written last. */
    struct vitrine_attention *attention;
};

static struct entry entries[CACHED];

int descriptors_open(const struct core *core, int flags)
{
    core_depth++;
    int descriptor = core->open();
    core_depth--;
    if (descriptor < 0) {
        errno = -descriptor;
        return -1;
    }
    if ((flags & O_CLOEXEC) == 0) fcntl(descriptor, F_SETFD, 0);
    struct stat status;
    if (core_device() == 0 && fstat(descriptor, &status) == 0) core_set_device(status.st_dev);
    return descriptor;
}

uint64_t descriptors_find(const struct core *core, int descriptor, struct vitrine_attention **attention)
{
    struct entry *entry = descriptor >= 0 && descriptor < CACHED ? &entries[descriptor] : NULL;
    if (entry != NULL) {
        uint64_t known = __atomic_load_n(&entry->object, __ATOMIC_ACQUIRE);
        if (known != 0) {
            *attention = entry->attention;
            return known;
        }
    }

    struct stat status;
    if (fstat(descriptor, &status) != 0 || status.st_dev != core_device()) return 0;
    core_depth++;
    uint64_t object = core->find(status.st_dev, status.st_ino);
    *attention = object == 0 ? NULL : core->attention(object);
    core_depth--;
    if (entry != NULL && object != 0) {
        entry->attention = *attention;
        __atomic_store_n(&entry->object, object, __ATOMIC_RELEASE);
    }
    return object;
}

bool descriptors_owned(int descriptor)
{
    if (descriptor >= 0 && descriptor < CACHED && __atomic_load_n(&entries[descriptor].object, __ATOMIC_RELAXED) != 0) return true;
    int error = errno;
    struct stat status;
    bool owned = core_device() != 0 && fstat(descriptor, &status) == 0 && status.st_dev == core_device();
    errno = error;
    return owned;
}

void descriptors_forget(unsigned first, unsigned last)
{
    for (unsigned number = first; number <= last && number < CACHED; number++) __atomic_store_n(&entries[number].object, 0, __ATOMIC_RELEASE);
}
