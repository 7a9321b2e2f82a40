/* Signals: the client's handlers run as without us, and one that arrives in KVM_RUN ends it. */
#ifndef VITRINE_SIGNALS_H
#define VITRINE_SIGNALS_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "../common/raw.h"
#include "core.h"

enum { SIGNALS = 64 };

/* The number that the runtime's own signal was moved to; 0 before the core is loaded. No client blocks or handles it. */
int signals_reserved(void);

/* From now on handlers go through ours: those that are there, and those to come. HOLDS: a thread that is in the core runs them when it has left. */
void signals_take_over(bool holds);

/* Runs what was held while this thread was in the core. */
void signals_release(void);

/* How often a handler of the client's has run on this thread. */
uint32_t signals_handled(void);

/* sigaction, once they do. */
int signals_set_action(int number, const struct sigaction *action, struct sigaction *previous);

/* The runtime's sigaction: for its own number, and for the signals that instructions raise. */
int signals_set_runtime_action(int number, const struct sigaction *action, struct sigaction *previous);

/* This thread is in KVM_RUN of a vCPU from enter to leave. Between them the mask is that of KVM_SET_SIGNAL_MASK, if there is one. */
struct signals_run {
    signal_set outside;
    bool masked;
};

/* False when a signal is pending that the vCPU's mask lets through: KVM_RUN ends before it begins. */
bool signals_enter(struct vitrine_attention *attention, struct signals_run *run);
void signals_leave(const struct signals_run *run);

/* Blocks everything but what instructions raise, and the runtime's own signal. */
void signals_block(sigset_t *before);
void signals_restore(const sigset_t *before);

/* Once for each thread that enters the core: it may have been started with the runtime's signal blocked. */
void signals_prepare_thread(void);

#endif
