#include "node.h"

#include <string.h>
#include <sys/sysmacros.h>

#include "core.h"

bool node_is_at(int directory, const char *path)
{
    /* A path that can't be read is for the kernel to refuse; most callers pass good ones. */
    return path != NULL && node_path_is(directory, path) && core_wanted();
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
