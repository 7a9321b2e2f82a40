/* The program's signals where the kernel's are not its own: SIGSYS from the start on, and once the core is loaded what instructions raise. */
#ifndef VITRINE_PROGRAM_SIGNALS_H
#define VITRINE_PROGRAM_SIGNALS_H

#include <signal.h>
#include <ucontext.h>

#include "../common/raw.h"

/* Carries out the program's action for a signal that came to a handler of ours. */
void program_signal(int number, siginfo_t *info, void *context);

/* Chooses the number of the runtime's own signal, while the program has none of its own: some have handlers for all of them. */
void program_signals_reserve(void);

/* From now on what instructions raise comes to us, and goes to the runtime on its threads. To be called by a thread of our own. */
void program_signals_share_faults(void);

/* The runtime's sigaction. */
int program_signals_set_runtime_action(int number, const struct sigaction *action, struct sigaction *previous);

/* The number that the runtime's own signal is moved to. What the program sets for it is kept, and never happens. */
int program_signals_reserved(void);

#endif
