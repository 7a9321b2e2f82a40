/* Which system calls of the program are caught: those made by instructions in its own pages. */
#ifndef VITRINE_FILTER_H
#define VITRINE_FILTER_H

#include <stdbool.h>
#include <stdint.h>

/* For this thread, and all that it starts. False when the kernel refuses. */
bool filter_install(uint64_t low, uint64_t high);

#endif
