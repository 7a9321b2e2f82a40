/* Programs that look at /dev/kvm before they open it find a node that they may read and write. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node.h"
#include "real.h"

REAL(int, access, const char *, int)
REAL(int, eaccess, const char *, int)
REAL(int, euidaccess, const char *, int)
REAL(int, faccessat, int, const char *, int, int)
REAL(int, stat, const char *, struct stat *)
REAL(int, stat64, const char *, struct stat64 *)
REAL(int, lstat, const char *, struct stat *)
REAL(int, lstat64, const char *, struct stat64 *)
REAL(int, fstatat, int, const char *, struct stat *, int)
REAL(int, fstatat64, int, const char *, struct stat64 *, int)
REAL(int, statx, int, const char *, int, unsigned, struct statx *)
REAL(int, __xstat, int, const char *, struct stat *)
REAL(int, __xstat64, int, const char *, struct stat64 *)
REAL(int, __lxstat, int, const char *, struct stat *)
REAL(int, __lxstat64, int, const char *, struct stat64 *)
REAL(int, __fxstatat, int, int, const char *, struct stat *, int)
REAL(int, __fxstatat64, int, int, const char *, struct stat64 *, int)
REAL(char *, realpath, const char *, char *)

/* Of the C library before 2.33, which programs built for it import. */
EXPORT int __xstat(int version, const char *path, struct stat *status);
EXPORT int __xstat64(int version, const char *path, struct stat64 *status);
EXPORT int __lxstat(int version, const char *path, struct stat *status);
EXPORT int __lxstat64(int version, const char *path, struct stat64 *status);
EXPORT int __fxstatat(int version, int directory, const char *path, struct stat *status, int flags);
EXPORT int __fxstatat64(int version, int directory, const char *path, struct stat64 *status, int flags);

_Static_assert(sizeof(struct stat) == sizeof(struct stat64), "one structure on x86-64");

static int allow(int mode)
{
    if ((mode & X_OK) == 0) return 0;
    errno = EACCES;
    return -1;
}

static int describe(struct stat *status)
{
    node_describe(status);
    return 0;
}

#define SERVED(directory, path) node_is_at(directory, path)

EXPORT int access(const char *path, int mode)
{
    return SERVED(AT_FDCWD, path) ? allow(mode) : access_real()(path, mode);
}

EXPORT int eaccess(const char *path, int mode)
{
    return SERVED(AT_FDCWD, path) ? allow(mode) : eaccess_real()(path, mode);
}

EXPORT int euidaccess(const char *path, int mode)
{
    return SERVED(AT_FDCWD, path) ? allow(mode) : euidaccess_real()(path, mode);
}

EXPORT int faccessat(int directory, const char *path, int mode, int flags)
{
    return SERVED(directory, path) ? allow(mode) : faccessat_real()(directory, path, mode, flags);
}

EXPORT int stat(const char *path, struct stat *status)
{
    return SERVED(AT_FDCWD, path) ? describe(status) : stat_real()(path, status);
}

EXPORT int stat64(const char *path, struct stat64 *status)
{
    return SERVED(AT_FDCWD, path) ? describe((struct stat *)status) : stat64_real()(path, status);
}

EXPORT int lstat(const char *path, struct stat *status)
{
    return SERVED(AT_FDCWD, path) ? describe(status) : lstat_real()(path, status);
}

EXPORT int lstat64(const char *path, struct stat64 *status)
{
    return SERVED(AT_FDCWD, path) ? describe((struct stat *)status) : lstat64_real()(path, status);
}

EXPORT int fstatat(int directory, const char *path, struct stat *status, int flags)
{
    return SERVED(directory, path) ? describe(status) : fstatat_real()(directory, path, status, flags);
}

EXPORT int fstatat64(int directory, const char *path, struct stat64 *status, int flags)
{
    return SERVED(directory, path) ? describe((struct stat *)status) : fstatat64_real()(directory, path, status, flags);
}

EXPORT int statx(int directory, const char *path, int flags, unsigned mask, struct statx *status)
{
    if (!SERVED(directory, path)) return statx_real()(directory, path, flags, mask, status);
    node_describe_extended(status);
    return 0;
}

EXPORT int __xstat(int version, const char *path, struct stat *status)
{
    return SERVED(AT_FDCWD, path) ? describe(status) : __xstat_real()(version, path, status);
}

EXPORT int __xstat64(int version, const char *path, struct stat64 *status)
{
    return SERVED(AT_FDCWD, path) ? describe((struct stat *)status) : __xstat64_real()(version, path, status);
}

EXPORT int __lxstat(int version, const char *path, struct stat *status)
{
    return SERVED(AT_FDCWD, path) ? describe(status) : __lxstat_real()(version, path, status);
}

EXPORT int __lxstat64(int version, const char *path, struct stat64 *status)
{
    return SERVED(AT_FDCWD, path) ? describe((struct stat *)status) : __lxstat64_real()(version, path, status);
}

EXPORT int __fxstatat(int version, int directory, const char *path, struct stat *status, int flags)
{
    return SERVED(directory, path) ? describe(status) : __fxstatat_real()(version, directory, path, status, flags);
}

EXPORT int __fxstatat64(int version, int directory, const char *path, struct stat64 *status, int flags)
{
    return SERVED(directory, path) ? describe((struct stat *)status) : __fxstatat64_real()(version, directory, path, status, flags);
}

EXPORT char *realpath(const char *path, char *resolved)
{
    if (!SERVED(AT_FDCWD, path)) return realpath_real()(path, resolved);
    return resolved == NULL ? strdup(NODE_PATH) : strcpy(resolved, NODE_PATH);
}
