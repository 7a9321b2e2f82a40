#include "raw.h"

#include <limits.h>
#include <linux/futex.h>
#include <sys/uio.h>

static long copy(long number, struct iovec *here, struct iovec *there)
{
    return raw_call(number, RAW1(SYS_getpid, 0), (long)here, 1, (long)there, 1, 0);
}

size_t raw_read_memory(void *to, uint64_t from, size_t bytes)
{
    struct iovec here = {to, bytes}, there = {(void *)from, bytes};
    long read = copy(SYS_process_vm_readv, &here, &there);
    return read < 0 ? 0 : (size_t)read;
}

bool raw_write_memory(uint64_t to, const void *from, size_t bytes)
{
    struct iovec here = {(void *)from, bytes}, there = {(void *)to, bytes};
    return copy(SYS_process_vm_writev, &here, &there) == (long)bytes;
}

bool raw_read_text(char *to, uint64_t from, size_t bytes)
{
    enum { PAGE = 4096 };
    size_t used = 0;
    while (used < bytes - 1) {
        /* Not beyond a page: the next one may not be there. */
        size_t part = PAGE - (from + used) % PAGE;
        if (part > bytes - 1 - used) part = bytes - 1 - used;
        if (raw_read_memory(to + used, from + used, part) != part) return false;
        for (size_t end = used + part; used < end; used++) {
            if (to[used] == '\0') return true;
        }
    }
    to[used] = '\0';
    return true;
}

bool raw_equal(const char *one, const char *other)
{
    while (*one != '\0' && *one == *other) {
        one++;
        other++;
    }
    return *one == *other;
}

void raw_futex_wait(volatile uint32_t *word, uint32_t value)
{
    RAW4(SYS_futex, word, FUTEX_WAIT_PRIVATE, value, NULL);
}

void raw_futex_wake(volatile uint32_t *word)
{
    RAW3(SYS_futex, word, FUTEX_WAKE_PRIVATE, INT_MAX);
}
