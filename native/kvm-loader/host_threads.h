/* Threads that are not the program's: those of the core, and the companions that call it. */
#ifndef VITRINE_HOST_THREADS_H
#define VITRINE_HOST_THREADS_H

#include "../common/raw.h"

bool host_thread_is_this(void);
void host_thread_begins(void);
void host_thread_ends(void);

/* False when no thread of the program's is left. By a thread of ours. */
bool host_threads_have_company(void);

/* The status that the program's first thread has ended with. */
int host_threads_leaders_status(void);

#endif
