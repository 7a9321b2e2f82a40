/* brk(2): the kernel's is of the C library that loads programs, so that the program gets one of its own. */
#include <errno.h>
#include <sys/mman.h>

#include "call.h"

enum { PAGE = 4096 };

static const uint64_t reserved = (uint64_t)16 << 30;
static uint64_t start, end, committed;
static uint32_t moving;

static void reserve(void)
{
    long address = raw_call(SYS_mmap, 0, (long)reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (address > 0) start = end = committed = (uint64_t)address;
}

static bool commit(uint64_t to)
{
    to = (to + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    if (to > committed && RAW3(SYS_mprotect, committed, to - committed, PROT_READ | PROT_WRITE) != 0) return false;
    if (to > committed) committed = to;
    return true;
}

static void release(uint64_t to)
{
    /* Memory that is grown into again is zero. */
    uint64_t page = (to + PAGE - 1) & ~(uint64_t)(PAGE - 1);
    if (page < committed) RAW3(SYS_madvise, page, committed - page, MADV_DONTNEED);
}

bool serve_brk(struct call *call)
{
    uint64_t wanted = call->arguments[0];
    while (__atomic_exchange_n(&moving, 1, __ATOMIC_ACQUIRE) != 0) __builtin_ia32_pause();
    if (start == 0) reserve();
    if (start != 0 && wanted >= start && wanted <= start + reserved && commit(wanted)) {
        if (wanted < end) release(wanted);
        end = wanted;
    }
    call->result = (long)end;
    __atomic_store_n(&moving, 0, __ATOMIC_RELEASE);
    return true;
}
