/* Which object of the core a descriptor means. Kept by number, and forgotten when the number is closed or reused. */
#ifndef VITRINE_DESCRIPTORS_H
#define VITRINE_DESCRIPTORS_H

#include <stdbool.h>
#include <stdint.h>

#include "core.h"

/* Has the core open /dev/kvm. Returns a descriptor, or -1 with errno set. */
int descriptors_open(const struct core *core, int flags);

/* The object behind a descriptor, and of a vCPU what a signal does to it; 0 when it is none of the core's. */
uint64_t descriptors_find(const struct core *core, int descriptor, struct vitrine_attention **attention);

/* True when a descriptor is one of the core's, without asking it: for forked children, and before a close. */
bool descriptors_owned(int descriptor);

/* Forgets numbers that were closed, from FIRST to LAST. */
void descriptors_forget(unsigned first, unsigned last);

#endif
