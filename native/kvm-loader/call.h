/* A system call of the program that was caught, and what is done about it. */
#ifndef VITRINE_CALL_H
#define VITRINE_CALL_H

#include <ucontext.h>

#include "../common/raw.h"

struct call {
    long number;
    uint64_t arguments[6];
    ucontext_t *context; /* the program's registers and signal mask, which it gets back */
    long result;
};

/* True when RESULT is the answer; false when the kernel is to carry the call out as it was made. */
typedef bool call_server(struct call *call);

call_server serve_open, serve_stat, serve_access, serve_readlink, serve_close, serve_ioctl;
call_server serve_sigaction, serve_sigmask, serve_wait, serve_exec, serve_end, serve_brk, serve_seccomp;

static inline signal_set *call_mask(struct call *call)
{
    return (signal_set *)&call->context->uc_sigmask;
}

/* The call as it was made, with all signals blocked. */
static inline long call_forward(const struct call *call)
{
    const uint64_t *a = call->arguments;
    return raw_call(call->number, (long)a[0], (long)a[1], (long)a[2], (long)a[3], (long)a[4], (long)a[5]);
}

/* Catches calls from now on. False when the kernel refuses. */
bool catch_calls(uint64_t low, uint64_t high);

/* Where the program is, for itself and for its children. */
extern char program_path[4096], loader_path[4096];

#endif
