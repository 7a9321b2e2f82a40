#include "companions.h"

#include <asm/prctl.h>
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host_threads.h"
#include "program_signals.h"

enum { MAXIMUM = 512, FIRST = 2, CACHED = 256, KVM_RUN = 0xAE80, SET_BYTES = 8 };

enum task { TASK_OPEN, TASK_FIND, TASK_CALL, TASK_CLOSED, TASK_END };

/* What a companion is doing. Its thread waits while it is idle or claimed. */
enum { ABSENT, IDLE, CLAIMED, POSTED, DONE };

struct companion {
    volatile uint32_t state;
    enum task task;
    uint64_t one, two, three;
    long result;
    struct companions_object object;
    int done; /* an eventfd, for who waits with poll */
    bool polled;
};

/* Zero in every forked child, because the kernel clears the page there. */
struct life {
    volatile uint32_t state;
};

static struct companion companions[MAXIMUM];
static struct core core;
static struct life *life;
static volatile uint32_t started, failed, wanted, made;
static uint32_t starting;
static uint64_t device, host_thread_pointer;

/* Objects by inode, so that a call is one hand-over. An inode is of one object as long as it lives, and numbers are not used again. */
static struct {
    volatile uint64_t inode;
    struct companions_object object;
} cache[CACHED];
static uint32_t caching;

/* ---- threads of our own ---- */

static void say(const char *first, const char *second)
{
    char line[512] = "vitrine: KVM can't be served: ";
    strncat(line, first, sizeof line - strlen(line) - 2);
    strncat(line, second, sizeof line - strlen(line) - 2);
    strcat(line, "\n");
    ssize_t written = write(STDERR_FILENO, line, strlen(line));
    (void)written;
}

static void carry_out(struct companion *companion)
{
    switch (companion->task) {
        case TASK_OPEN: companion->result = core.open(); break;
        case TASK_FIND:
            companion->object.number = core.find(companion->one, companion->two);
            companion->object.attention = companion->object.number == 0 ? NULL : core.attention(companion->object.number);
            break;
        case TASK_CALL: companion->result = core.ioctl(companion->one, companion->two, companion->three); break;
        case TASK_CLOSED: core.closed(); break;
        case TASK_END: core.end(); break;
    }
}

static void *companion_thread(void *argument)
{
    struct companion *companion = argument;
    __atomic_store_n(&companion->state, IDLE, __ATOMIC_RELEASE);
    __atomic_add_fetch(&made, 1, __ATOMIC_RELEASE);
    raw_futex_wake(&made);
    for (;;) {
        uint32_t state;
        while ((state = __atomic_load_n(&companion->state, __ATOMIC_ACQUIRE)) != POSTED) raw_futex_wait(&companion->state, state);
        carry_out(companion);
        bool polled = companion->polled;
        int done = companion->done;
        __atomic_store_n(&companion->state, DONE, __ATOMIC_RELEASE);
        uint64_t one = 1;
        if (polled) RAW3(SYS_write, done, &one, sizeof one);
        else raw_futex_wake(&companion->state);
    }
    return NULL;
}

static bool add_companion(void)
{
    for (int n = 0; n < MAXIMUM; n++) {
        if (companions[n].state != ABSENT) continue;
        pthread_t thread;
        companions[n].state = CLAIMED;
        companions[n].done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        if (companions[n].done >= 0 && pthread_create(&thread, NULL, companion_thread, &companions[n]) == 0) return true;
        if (companions[n].done >= 0) close(companions[n].done);
        companions[n].state = ABSENT;
        return false;
    }
    return false;
}

static bool load_core(void)
{
    const char *path = getenv(CORE_VARIABLE);
    if (path == NULL || path[0] == '\0') return false;
    program_signals_share_faults();
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library == NULL) say(dlerror(), "");
    else if (!core_resolve(library, &core)) say("a function is missing in ", path);
    else return true;
    return false;
}

/* A program's last thread may end by exit(2), and not the process: the kernel ends that with its last thread, which is not the program's here. */
static _Noreturn void end_alone(void)
{
    core.end();
    _exit(host_threads_leaders_status());
}

/* Until there is work, or it is time to look whether the program has a thread left. */
static void wait_for_work(uint32_t seen)
{
    const struct timespec period = {.tv_nsec = 100 * 1000 * 1000};
    RAW4(SYS_futex, &wanted, FUTEX_WAIT_PRIVATE, seen, &period);
}

/* Makes companions when they run out. */
static void *manager_thread(void *argument)
{
    (void)argument;
    bool works = load_core();
    for (int n = 0; works && n < FIRST; n++) works = add_companion();
    __atomic_store_n(works ? &started : &failed, 1, __ATOMIC_RELEASE);
    raw_futex_wake(works ? &started : &failed);
    if (!works) return NULL;
    for (uint32_t seen = 0;;) {
        uint32_t now = __atomic_load_n(&wanted, __ATOMIC_ACQUIRE);
        if (now == seen) {
            wait_for_work(seen);
            if (!host_threads_have_company()) end_alone();
            continue;
        }
        seen = now;
        add_companion();
        __atomic_add_fetch(&made, 1, __ATOMIC_RELEASE);
        raw_futex_wake(&made);
    }
    return NULL;
}

/* With our thread pointer. */
static __attribute__((noinline)) bool start_manager(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, manager_thread, NULL) != 0) return false;
    while (__atomic_load_n(&started, __ATOMIC_ACQUIRE) == 0 && __atomic_load_n(&failed, __ATOMIC_ACQUIRE) == 0) usleep(200);
    return started != 0;
}

bool companions_prepare(void)
{
    RAW2(SYS_arch_prctl, ARCH_GET_FS, &host_thread_pointer);
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED || madvise(memory, 4096, MADV_WIPEONFORK) != 0) return false;
    life = memory;
    return true;
}

/* ---- threads of the program's, in a handler ---- */

enum companions_state companions_state(void)
{
    if (__atomic_load_n(&life->state, __ATOMIC_ACQUIRE) != 0) return COMPANIONS_READY;
    if (__atomic_load_n(&started, __ATOMIC_ACQUIRE) != 0) return COMPANIONS_LOST;
    return __atomic_load_n(&failed, __ATOMIC_ACQUIRE) != 0 ? COMPANIONS_FAILED : COMPANIONS_NONE;
}

bool companions_start(void)
{
    while (__atomic_exchange_n(&starting, 1, __ATOMIC_ACQUIRE) != 0) RAW1(SYS_sched_yield, 0);
    if (companions_state() == COMPANIONS_NONE) {
        uint64_t thread_pointer;
        RAW2(SYS_arch_prctl, ARCH_GET_FS, &thread_pointer);
        RAW2(SYS_arch_prctl, ARCH_SET_FS, host_thread_pointer);
        bool works = start_manager();
        RAW2(SYS_arch_prctl, ARCH_SET_FS, thread_pointer);
        if (works) __atomic_store_n(&life->state, 1, __ATOMIC_RELEASE);
    }
    __atomic_store_n(&starting, 0, __ATOMIC_RELEASE);
    return companions_state() == COMPANIONS_READY;
}

uint64_t companions_device(void)
{
    return __atomic_load_n(&device, __ATOMIC_RELAXED);
}

static struct companion *claim(void)
{
    for (;;) {
        uint32_t before = __atomic_load_n(&made, __ATOMIC_ACQUIRE);
        for (int n = 0; n < MAXIMUM && companions[n].state != ABSENT; n++) {
            uint32_t idle = IDLE;
            if (__atomic_compare_exchange_n(&companions[n].state, &idle, CLAIMED, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) return &companions[n];
        }
        __atomic_add_fetch(&wanted, 1, __ATOMIC_RELEASE);
        raw_futex_wake(&wanted);
        raw_futex_wait(&made, before);
    }
}

static void post(struct companion *companion)
{
    __atomic_store_n(&companion->state, POSTED, __ATOMIC_RELEASE);
    raw_futex_wake(&companion->state);
}

static void wait_for(struct companion *companion)
{
    while (__atomic_load_n(&companion->state, __ATOMIC_ACQUIRE) != DONE) raw_futex_wait(&companion->state, POSTED);
}

static void release(struct companion *companion)
{
    __atomic_store_n(&companion->state, IDLE, __ATOMIC_RELEASE);
}

static struct companion *do_task(enum task task, uint64_t one, uint64_t two, uint64_t three)
{
    struct companion *companion = claim();
    companion->task = task;
    companion->one = one;
    companion->two = two;
    companion->three = three;
    companion->polled = false;
    post(companion);
    wait_for(companion);
    return companion;
}

long companions_open(void)
{
    struct companion *companion = do_task(TASK_OPEN, 0, 0, 0);
    long descriptor = companion->result;
    release(companion);
    struct stat status;
    if (descriptor >= 0 && device == 0 && RAW2(SYS_fstat, descriptor, &status) == 0) __atomic_store_n(&device, status.st_dev, __ATOMIC_RELAXED);
    return descriptor;
}

struct companions_object companions_find(uint64_t file_device, uint64_t inode)
{
    uint64_t slot = inode % CACHED;
    while (__atomic_exchange_n(&caching, 1, __ATOMIC_ACQUIRE) != 0) __builtin_ia32_pause();
    bool known = cache[slot].inode == inode;
    struct companions_object object = cache[slot].object;
    __atomic_store_n(&caching, 0, __ATOMIC_RELEASE);
    if (known) return object;
    struct companion *companion = do_task(TASK_FIND, file_device, inode, 0);
    object = companion->object;
    release(companion);
    if (object.number == 0) return object;
    while (__atomic_exchange_n(&caching, 1, __ATOMIC_ACQUIRE) != 0) __builtin_ia32_pause();
    cache[slot].inode = inode;
    cache[slot].object = object;
    __atomic_store_n(&caching, 0, __ATOMIC_RELEASE);
    return object;
}

long companions_call(uint64_t object, uint64_t request, uint64_t argument)
{
    struct companion *companion = do_task(TASK_CALL, object, request, argument);
    long result = companion->result;
    release(companion);
    return result;
}

void companions_closed(void)
{
    release(do_task(TASK_CLOSED, 0, 0, 0));
}

void companions_end(void)
{
    static uint32_t ending;
    static volatile uint32_t ended;
    if (companions_state() != COMPANIONS_READY) return;
    if (__atomic_exchange_n(&ending, 1, __ATOMIC_ACQ_REL) == 0) {
        release(do_task(TASK_END, 0, 0, 0));
        __atomic_store_n(&ended, 1, __ATOMIC_RELEASE);
        raw_futex_wake(&ended);
    }
    while (__atomic_load_n(&ended, __ATOMIC_ACQUIRE) == 0) raw_futex_wait(&ended, 0);
}

static void interrupt(struct vitrine_attention *attention)
{
    uint32_t *futex = core_attend(attention);
    if (futex != NULL) raw_futex_wake(futex);
}

long companions_run(struct companions_object vcpu, uint64_t argument, signal_set mask)
{
    struct vitrine_attention *attention = vcpu.attention;
    struct pollfd polled[2] = {{.events = POLLIN}, {.fd = -1, .events = POLLIN}};
    signal_set never = signal_bit(SIGSYS) | signal_bit(program_signals_reserved());

    /* What only KVM_SET_SIGNAL_MASK opens stays pending: it is seen through a signalfd, and no handler runs. */
    if (attention->mask_set) {
        signal_set seen = mask & ~attention->mask;
        if (seen != 0) polled[1].fd = (int)RAW4(SYS_signalfd4, -1, &seen, SET_BYTES, 0);
        mask = (mask | attention->mask) & ~never;
    }
    struct companion *companion = claim();
    polled[0].fd = companion->done;
    companion->task = TASK_CALL;
    companion->one = vcpu.number;
    companion->two = KVM_RUN;
    companion->three = argument;
    companion->polled = true;
    attention->signal = 0;
    post(companion);
    raw_call(SYS_ppoll, (long)polled, 2, 0, (long)&mask, SET_BYTES, 0);
    uint64_t count;
    while (RAW3(SYS_read, companion->done, &count, sizeof count) < 0) {
        signal_set all = ~(signal_set)0;
        interrupt(attention);
        raw_call(SYS_ppoll, (long)polled, 1, 0, (long)&all, SET_BYTES, 0);
    }
    long result = companion->result;
    release(companion);
    if (polled[1].fd >= 0) RAW1(SYS_close, polled[1].fd);
    return result;
}
