/* Starting programs: a static one is started by the loader, because nothing can be preloaded into it. */
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../common/static_program.h"
#include "core.h"
#include "real.h"

/* Names the loader's file. */
#define LOADER_VARIABLE "VITRINE_KVM_LOADER"

/* With more arguments a program is started as it is: room for them is taken from the stack, because a child of vfork has no other. */
enum { MAXIMUM_ARGUMENTS = 4096, ADDED = 2 };

REAL(int, execve, const char *, char *const *, char *const *)
REAL(int, execvpe, const char *, char *const *, char *const *)
REAL(int, posix_spawn, pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const *, char *const *)
REAL(int, posix_spawnp, pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const *, char *const *)

struct start {
    char path[PATH_MAX];
    char *arguments[MAXIMUM_ARGUMENTS + ADDED];
};

/* As execvp(3) searches. */
static bool search(const char *name, char *path)
{
    const char *folders = getenv("PATH");
    if (folders == NULL) folders = "/bin:/usr/bin";
    for (;;) {
        size_t length = strcspn(folders, ":"), name_length = strlen(name);
        if (length + 1 + name_length < PATH_MAX) {
            memcpy(path, length == 0 ? "." : folders, length == 0 ? 1 : length);
            path[length == 0 ? 1 : length] = '/';
            memcpy(path + (length == 0 ? 1 : length) + 1, name, name_length + 1);
            if (access(path, X_OK) == 0) return true;
        }
        if (folders[length] == '\0') return false;
        folders += length + 1;
    }
}

/* Fills in how the loader starts a program. False when the program is started as it is. */
static bool through_loader(const char *name, bool searches, char *const *arguments, struct start *start, const char **loader)
{
    *loader = core_watches() ? NULL : getenv(LOADER_VARIABLE);
    if (*loader == NULL || (*loader)[0] == '\0' || name == NULL || arguments == NULL || strlen(name) >= PATH_MAX) return false;
    if (!searches || strchr(name, '/') != NULL) strcpy(start->path, name);
    else if (!search(name, start->path)) return false;
    size_t count = 0;
    while (arguments[count] != NULL && count < MAXIMUM_ARGUMENTS) count++;
    if (count == MAXIMUM_ARGUMENTS || access(start->path, X_OK) != 0 || !static_program_is_at(start->path)) return false;
    start->arguments[0] = (char *)*loader;
    start->arguments[1] = start->path;
    memcpy(start->arguments + ADDED, arguments, (count + 1) * sizeof *arguments);
    return true;
}

EXPORT int execve(const char *path, char *const *arguments, char *const *environment)
{
    struct start start;
    const char *loader;
    if (!through_loader(path, false, arguments, &start, &loader)) return execve_real()(path, arguments, environment);
    return execve_real()(loader, start.arguments, environment);
}

EXPORT int execvpe(const char *name, char *const *arguments, char *const *environment)
{
    struct start start;
    const char *loader;
    if (!through_loader(name, true, arguments, &start, &loader)) return execvpe_real()(name, arguments, environment);
    return execve_real()(loader, start.arguments, environment);
}

EXPORT int execv(const char *path, char *const *arguments)
{
    return execve(path, arguments, environ);
}

EXPORT int execvp(const char *name, char *const *arguments)
{
    return execvpe(name, arguments, environ);
}

/* The arguments of a call of execl and its like, and of execle the environment behind them. */
static bool collect(const char *first, va_list more, char **arguments)
{
    arguments[0] = (char *)first;
    for (size_t count = 0; arguments[count] != NULL;) {
        if (++count == MAXIMUM_ARGUMENTS) {
            errno = E2BIG;
            return false;
        }
        arguments[count] = va_arg(more, char *);
    }
    return true;
}

EXPORT int execl(const char *path, const char *first, ...)
{
    char *arguments[MAXIMUM_ARGUMENTS];
    va_list more;
    va_start(more, first);
    bool collected = collect(first, more, arguments);
    va_end(more);
    return collected ? execve(path, arguments, environ) : -1;
}

EXPORT int execlp(const char *name, const char *first, ...)
{
    char *arguments[MAXIMUM_ARGUMENTS];
    va_list more;
    va_start(more, first);
    bool collected = collect(first, more, arguments);
    va_end(more);
    return collected ? execvpe(name, arguments, environ) : -1;
}

EXPORT int execle(const char *path, const char *first, ...)
{
    char *arguments[MAXIMUM_ARGUMENTS];
    va_list more;
    va_start(more, first);
    bool collected = collect(first, more, arguments);
    char *const *environment = collected ? va_arg(more, char *const *) : NULL;
    va_end(more);
    return collected ? execve(path, arguments, environment) : -1;
}

EXPORT int posix_spawn(pid_t *child, const char *path, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
    char *const *arguments, char *const *environment)
{
    struct start start;
    const char *loader;
    if (!through_loader(path, false, arguments, &start, &loader)) {
        return posix_spawn_real()(child, path, actions, attributes, arguments, environment);
    }
    return posix_spawn_real()(child, loader, actions, attributes, start.arguments, environment);
}

EXPORT int posix_spawnp(pid_t *child, const char *name, const posix_spawn_file_actions_t *actions, const posix_spawnattr_t *attributes,
    char *const *arguments, char *const *environment)
{
    struct start start;
    const char *loader;
    if (!through_loader(name, true, arguments, &start, &loader)) {
        return posix_spawnp_real()(child, name, actions, attributes, arguments, environment);
    }
    return posix_spawn_real()(child, loader, actions, attributes, start.arguments, environment);
}
