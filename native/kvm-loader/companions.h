/* Threads of our own C library that call the core: one for each call that is under way. The program's thread waits meanwhile. */
#ifndef VITRINE_COMPANIONS_H
#define VITRINE_COMPANIONS_H

#include "../common/core_interface.h"
#include "../common/raw.h"

enum companions_state { COMPANIONS_NONE, COMPANIONS_READY, COMPANIONS_FAILED, COMPANIONS_LOST };

/* Before the program starts. */
bool companions_prepare(void);

enum companions_state companions_state(void);

/* Loads the core, and starts the first companions, unless that is done. In a handler of a thread of the program's. */
bool companions_start(void);

/* The device number of the core's files. */
uint64_t companions_device(void);

/* open(2) of /dev/kvm: a descriptor or a negative errno. */
long companions_open(void);

/* What a file stands for. */
struct companions_object {
    uint64_t number; /* 0: nothing of the core's */
    struct vitrine_attention *attention;
};
struct companions_object companions_find(uint64_t device, uint64_t inode);

long companions_call(uint64_t object, uint64_t request, uint64_t argument);

/* KVM_RUN, until a signal arrives that MASK, the thread's own, or the vCPU's lets through. */
long companions_run(struct companions_object vcpu, uint64_t argument, signal_set mask);

/* The process is about to end: returns when the core has written what is to be written. */
void companions_end(void);

/* A descriptor of the core's was closed. */
void companions_closed(void);

#endif
