/* Two threads: one wakes the other by futexes, in turns; and both take one mutex, whoever comes first. */
#define _GNU_SOURCE
#include "program.h"
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TURNS = 30000, LOCKS = 6000000 };

static _Atomic uint32_t turn;
static uint64_t value;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static void take_turns(uint32_t own)
{
    for (int i = 0; i < TURNS; i++) {
        while (atomic_load(&turn) != own) syscall(SYS_futex, &turn, FUTEX_WAIT_PRIVATE, !own, NULL, NULL, 0);
        value = value * 3 + own + 1;
        atomic_store(&turn, !own);
        syscall(SYS_futex, &turn, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

static void *second_turns(void *unused)
{
    (void)unused;
    take_turns(1);
    return NULL;
}

static void *count(void *unused)
{
    (void)unused;
    for (int i = 0; i < LOCKS; i++) {
        pthread_mutex_lock(&mutex);
        value += 3;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

static uint64_t run_with(void *(*other)(void *), void (*own)(void))
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, other, NULL) != 0) die("thread");
    own();
    if (pthread_join(thread, NULL) != 0) die("join");
    return value;
}

static void first_turns(void) { take_turns(0); }
static void count_too(void) { count(NULL); }

static uint64_t run_futex(void) { return run_with(second_turns, first_turns); }
static uint64_t run_mutex(void) { return run_with(count, count_too); }

const struct program futex = { .name = "futex", .run = run_futex };
const struct program mutexes = { .name = "mutex", .run = run_mutex };
