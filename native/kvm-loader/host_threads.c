#include "host_threads.h"

enum { MAXIMUM = 1024 };

static volatile uint32_t numbers[MAXIMUM];

static uint32_t this_thread(void)
{
    return (uint32_t)RAW1(SYS_gettid, 0);
}

static bool replace(uint32_t one, uint32_t other)
{
    for (int n = 0; n < MAXIMUM; n++) {
        uint32_t expected = one;
        if (__atomic_load_n(&numbers[n], __ATOMIC_RELAXED) == one &&
            __atomic_compare_exchange_n(&numbers[n], &expected, other, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            return true;
        }
    }
    return false;
}

bool host_thread_is_this(void)
{
    uint32_t number = this_thread();
    for (int n = 0; n < MAXIMUM; n++) {
        if (__atomic_load_n(&numbers[n], __ATOMIC_RELAXED) == number) return true;
    }
    return false;
}

void host_thread_begins(void)
{
    replace(0, this_thread());
}

void host_thread_ends(void)
{
    replace(this_thread(), 0);
}
