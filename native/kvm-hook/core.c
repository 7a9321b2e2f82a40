#include "core.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../common/before_threads.h"
#include "signals.h"

/* Zero in every forked child, because the kernel clears the page there; in a child of vfork it is the parent's. */
struct life {
    pid_t loaded_by;
};

__thread int core_depth __attribute__((tls_model("initial-exec")));

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct core core;
static struct watch watch;
static struct life *life;
static bool ready, watches;
static dev_t device;

static void say(const char *first, const char *second)
{
    static const char prefix[] = "vitrine: ";
    char line[512];
    size_t length = 0;
    const char *parts[] = {prefix, first, second, "\n"};
    for (size_t part = 0; part < sizeof parts / sizeof *parts; part++) {
        size_t more = strnlen(parts[part], sizeof line - length - 1);
        memcpy(line + length, parts[part], more);
        length += more;
    }
    ssize_t written = write(STDERR_FILENO, line, length);
    (void)written;
}

static bool is_set(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && value[0] != '\0';
}

bool core_wanted(void)
{
    return is_set(CORE_VARIABLE) && !is_set(REAL_VARIABLE);
}

bool core_watches(void)
{
    return is_set(CORE_VARIABLE) && is_set(REAL_VARIABLE);
}

/* Before the program has threads; programs that are not to be served have no use for it. */
__attribute__((constructor)) static void prepare(void)
{
    if (core_wanted() || core_watches()) before_threads();
}

/* exit(3): before the core's own end, because it is registered behind it. A process that is killed, or leaves by _exit(2), goes without. */
static void end(void)
{
    const struct core *loaded = core_loaded();
    if (loaded == NULL || core_is_parents() || core_depth > 0) return;
    core_depth++;
    loaded->end();
    core_depth--;
}

static bool load(const char *path)
{
    long page = sysconf(_SC_PAGESIZE);
    if (life == NULL) {
        void *memory = mmap(NULL, (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED || madvise(memory, (size_t)page, MADV_WIPEONFORK) != 0) {
            say("KVM can't be served: the host refuses a page of memory that is cleared in children", "");
            return false;
        }
        life = memory;
    }

    /* What the core starts must not take the client's signals. */
    sigset_t before;
    signals_block(&before);
    core_depth++;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    core_depth--;
    if (library == NULL) say("KVM can't be served: ", dlerror());
    else if (!core_resolve(library, &core) || !watch_resolve(library, &watch)) say("KVM can't be served: a function is missing in ", path);
    else {
        watches = core_watches();
        signals_take_over(watches);
        life->loaded_by = getpid();
        atexit(end);
        __atomic_store_n(&ready, true, __ATOMIC_RELEASE);
    }
    signals_restore(&before);
    return ready;
}

const struct core *core_load(void)
{
    const struct core *loaded = core_loaded();
    if (loaded != NULL || core_lost() || core_depth > 0) return loaded;
    const char *path = getenv(CORE_VARIABLE);
    if (path == NULL || path[0] == '\0') return NULL;
    pthread_mutex_lock(&lock);
    bool serves = ready || load(path);
    pthread_mutex_unlock(&lock);
    return serves ? &core : NULL;
}

const struct core *core_loaded(void)
{
    return __atomic_load_n(&ready, __ATOMIC_ACQUIRE) && life->loaded_by != 0 ? &core : NULL;
}

const struct watch *core_watch(void)
{
    return core_loaded() != NULL && watches ? &watch : NULL;
}

bool core_lost(void)
{
    return __atomic_load_n(&ready, __ATOMIC_ACQUIRE) && life->loaded_by == 0;
}

bool core_is_parents(void)
{
    return core_loaded() != NULL && life->loaded_by != getpid();
}

dev_t core_device(void)
{
    return __atomic_load_n(&device, __ATOMIC_RELAXED);
}

void core_set_device(dev_t found)
{
    __atomic_store_n(&device, found, __ATOMIC_RELAXED);
}
