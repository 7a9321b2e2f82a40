/* Children, and the filters of programs that lock themselves up. */
#include <errno.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "../common/static_program.h"
#include "call.h"
#include "companions.h"

static long execute(struct call *call, char *path)
{
    char **arguments = (char **)call->arguments[1];
    size_t count = 0;
    while (arguments != NULL && arguments[count] != NULL) count++;
    size_t bytes = (count + 4) * sizeof *arguments;
    char **own = (char **)raw_call(SYS_mmap, 0, (long)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if ((long)own < 0) return -ENOMEM;
    own[0] = loader_path;
    own[1] = path;
    own[2] = path;
    for (size_t n = 0; n < count; n++) own[2 + n] = arguments[n];

    /* The new program gets the mask that the old one has. */
    signal_set all = ~(signal_set)0;
    RAW4(SYS_rt_sigprocmask, SIG_SETMASK, call_mask(call), NULL, sizeof all);
    long result = RAW3(SYS_execve, loader_path, own, call->arguments[2]);
    RAW4(SYS_rt_sigprocmask, SIG_SETMASK, &all, NULL, sizeof all);
    RAW2(SYS_munmap, own, bytes);
    return result;
}

/* A static child would find the filter, but no handler. */
bool serve_exec(struct call *call)
{
    static const char self[] = "/proc/self/exe";
    char path[4096];
    if (!raw_read_text(path, call->arguments[0], sizeof path)) return false;
    char *program = raw_equal(path, self) ? program_path : path;
    if (!static_program_is_at(program)) return false;
    call->result = execute(call, program);
    return true;
}

/* exit_group(2): what is to be known of the process is written before. */
bool serve_end(struct call *call)
{
    (void)call;
    companions_end();
    return false;
}

/* A filter that the program puts over itself knows nothing of the calls by which it waits for its companions: there is none, and it is told otherwise. */
bool serve_seccomp(struct call *call)
{
    bool sets = call->number == SYS_prctl ? call->arguments[0] == PR_SET_SECCOMP : call->arguments[0] == SECCOMP_SET_MODE_FILTER;
    if (!sets || companions_state() != COMPANIONS_READY) return false;
    call->result = 0;
    return true;
}
