/* What the core, vitrine-kvm.so, exports to the hook and to the loader. */
#ifndef VITRINE_CORE_INTERFACE_H
#define VITRINE_CORE_INTERFACE_H

#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names the core's file. Without it nothing is served. */
#define CORE_VARIABLE "VITRINE_KVM_CORE"

/* Set where the calls go to the host's own KVM, and the core only hears of them. */
#define REAL_VARIABLE "VITRINE_KVM_REAL"

/* What a signal does to a vCPU in KVM_RUN: plain stores only. The core allocates it, and it lives as long as the process. */
struct vitrine_attention {
    volatile uint32_t signal; /* set to 1: KVM_RUN returns EINTR soon */
    volatile uint32_t in_run; /* the core's */
    uint32_t *volatile kicked;
    uint64_t *volatile poll_at;
    uint32_t *volatile futex;
    volatile uint64_t mask_set; /* KVM_SET_SIGNAL_MASK: 1, and then the kernel's signal set */
    volatile uint64_t mask;
};

/* What the core exports. Results are at least 0, or a negative errno. */
struct core {
    int (*open)(void); /* closed at exec */
    uint64_t (*find)(uint64_t device, uint64_t inode);
    long (*ioctl)(uint64_t object, unsigned long request, unsigned long argument);
    struct vitrine_attention *(*attention)(uint64_t object);
    void (*closed)(void);
    void (*end)(void); /* the process is about to end: what is written down has to be in its files */
};

/* How a call begins, and what a call ends with that is to be made once more: CallStart and KvmWatch.Again of Vitrine.Kvm.Watch. */
enum { WATCH_UNOBSERVED, WATCH_OBSERVED, WATCH_ANSWERED };
#define WATCH_AGAIN INT64_MIN

/* The same library where the host's own KVM is only watched. */
struct watch {
    const volatile uint32_t *(*interest)(void); /* 0 there: nobody wants to hear of calls any more */
    void (*opened)(int descriptor);
    void (*closing)(int descriptor);
    int (*begins)(int descriptor, unsigned long request, unsigned long argument);
    long (*ends)(int descriptor, long result, int interrupted); /* by the thread that said that it begins */
};

/* Finds the functions in the library. POSIX has pointers to functions and to objects of one size. */
static inline bool core_resolve(void *library, struct core *core)
{
    *(void **)&core->open = dlsym(library, "vitrine_kvm_open");
    *(void **)&core->find = dlsym(library, "vitrine_kvm_find");
    *(void **)&core->ioctl = dlsym(library, "vitrine_kvm_ioctl");
    *(void **)&core->attention = dlsym(library, "vitrine_kvm_attention");
    *(void **)&core->closed = dlsym(library, "vitrine_kvm_closed");
    *(void **)&core->end = dlsym(library, "vitrine_kvm_end");
    return core->end && core->open && core->find && core->ioctl && core->attention && core->closed;
}

static inline bool watch_resolve(void *library, struct watch *watch)
{
    *(void **)&watch->interest = dlsym(library, "vitrine_kvm_watch_interest");
    *(void **)&watch->opened = dlsym(library, "vitrine_kvm_watch_opened");
    *(void **)&watch->closing = dlsym(library, "vitrine_kvm_watch_closing");
    *(void **)&watch->begins = dlsym(library, "vitrine_kvm_watch_begins");
    *(void **)&watch->ends = dlsym(library, "vitrine_kvm_watch_ends");
    return watch->interest && watch->opened && watch->closing && watch->begins && watch->ends;
}

/* A signal ends KVM_RUN: safe in a signal handler. Returns the word that a halted vCPU waits for, or NULL. */
static inline uint32_t *core_attend(struct vitrine_attention *attention)
{
    attention->signal = 1;
    uint32_t *kicked = attention->kicked;
    if (kicked != NULL) __atomic_store_n(kicked, 1, __ATOMIC_RELAXED);
    uint64_t *poll_at = attention->poll_at;
    if (poll_at != NULL) __atomic_store_n(poll_at, 0, __ATOMIC_RELAXED);
    uint32_t *futex = attention->futex;
    if (futex != NULL) __atomic_store_n(futex, 1, __ATOMIC_RELAXED);
    return futex;
}

#endif
