#include "node.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core.h"

enum { NODE_MODE = S_IFCHR | S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH };

/* The last component without looking at the whole path: all others are dismissed by it. */
static bool ends_in_kvm(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash == NULL ? path : slash + 1, "kvm") == 0;
}

/* Takes "." and ".." and repeated slashes out of an absolute path, in place. */
static void normalise(char *path)
{
    char *to = path;
    for (const char *from = path; *from != '\0';) {
        while (*from == '/') from++;
        size_t length = strcspn(from, "/");
        if (length == 2 && from[0] == '.' && from[1] == '.') {
            while (to > path && *--to != '/') {}
        } else if (length > 0 && !(length == 1 && from[0] == '.')) {
            *to++ = '/';
            memmove(to, from, length);
            to += length;
        }
        from += length;
    }
    *to = '\0';
}

static bool begin_with_directory(int directory, char *full, size_t size)
{
    if (directory == AT_FDCWD) return getcwd(full, size) != NULL;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", directory);
    ssize_t length = readlink(link, full, size - 1);
    if (length <= 0) return false;
    full[length] = '\0';
    return true;
}

bool node_is_at(int directory, const char *path)
{
    /* A path that can't be read is for the kernel to refuse; most callers pass good ones. */
    if (path == NULL || !ends_in_kvm(path) || !core_wanted()) return false;
    if (strcmp(path, NODE_PATH) == 0) return true;
    char full[PATH_MAX];
    size_t used = 0;
    if (path[0] != '/') {
        if (!begin_with_directory(directory, full, sizeof full)) return false;
        used = strlen(full);
    }
    if (used + 1 + strlen(path) >= sizeof full) return false;
    full[used] = '/';
    strcpy(full + used + 1, path);
    normalise(full);
    return strcmp(full, NODE_PATH) == 0;
}

void node_describe(struct stat *status)
{
    memset(status, 0, sizeof *status);
    status->st_mode = NODE_MODE;
    status->st_nlink = 1;
    status->st_rdev = makedev(NODE_MAJOR, NODE_MINOR);
    status->st_blksize = 4096;
}

void node_describe_extended(struct statx *status)
{
    memset(status, 0, sizeof *status);
    status->stx_mask = STATX_TYPE | STATX_MODE | STATX_NLINK | STATX_UID | STATX_GID;
    status->stx_mode = NODE_MODE;
    status->stx_nlink = 1;
    status->stx_rdev_major = NODE_MAJOR;
    status->stx_rdev_minor = NODE_MINOR;
    status->stx_blksize = 4096;
}
