/* The program's signals where the kernel's are not its own: SIGSYS from the start on, and once the core is loaded what instructions raise. */
#ifndef VITRINE_PROGRAM_SIGNALS_H
#define VITRINE_PROGRAM_SIGNALS_H

#include <signal.h>
#include <ucontext.h>

#include "../common/raw.h"

/* Carries out the program's action for a signal that came to a handler of ours. */
void program_signal(int number, siginfo_t *info, void *context);

/* From now on what instructions raise comes to us, and goes to the runtime on its threads. To be called by a thread of our own. */
void program_signals_share_faults(void);

/* The runtime's sigaction. */
int program_signals_set_runtime_action(int number, const struct sigaction *action, struct sigaction *previous);

/* The number that the runtime's own signal was moved to; 0 before. */
int program_signals_reserved(void);

#endif
