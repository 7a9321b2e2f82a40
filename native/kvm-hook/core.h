/* The core: vitrine-kvm.so, which serves KVM in this process. It is loaded at the first open of /dev/kvm, and never unloaded. */
#ifndef VITRINE_CORE_H
#define VITRINE_CORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "../common/core_interface.h"

/* True when this process has been told to serve KVM. */
bool core_wanted(void);

/* True when this process has been told to watch the host's own KVM. */
bool core_watches(void);

/* Loads the core unless it is loaded. NULL when it can't be, which is said on standard error, or in a forked child. */
const struct core *core_load(void);

/* The core when it is loaded in this process; NULL otherwise. */
const struct core *core_loaded(void);

/* True in a process that was forked from one that had the core loaded: its threads are not here. */
bool core_lost(void);

/* True when memory with this address space, but not this process, loaded the core: a child of vfork. */
bool core_is_parents(void);

/* What hears of calls to the host's own KVM, when that is what the core was loaded for; NULL otherwise. */
const struct watch *core_watch(void);

/* The device number of the files behind the core's descriptors; 0 before the first. */
dev_t core_device(void);
void core_set_device(dev_t device);

/* Threads of the core, and threads that are in it, have this above 0. */
extern __thread int core_depth __attribute__((tls_model("initial-exec")));

#endif
