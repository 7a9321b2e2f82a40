/* Calls on files: /dev/kvm is the core's, and so are its descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "../common/node_path.h"
#include "call.h"
#include "companions.h"

/* <sys/stat.h> and <linux/stat.h> can't be included together. */
struct kernel_stat {
    uint64_t device, inode, links;
    uint32_t mode, user, group, unused;
    uint64_t node_device;
    int64_t size, block_size, blocks;
    uint64_t times[6];
    int64_t more[3];
};
_Static_assert(sizeof(struct kernel_stat) == 144, "struct stat of x86-64");

enum { KVM_RUN = 0xAE80, MAY_EXECUTE = 1 };

static bool is_node(int directory, uint64_t address)
{
    char path[256];
    return raw_read_text(path, address, sizeof path) && node_path_is(directory, path);
}

/* The call's directory and path, whichever of both forms it has. */
static bool names_node(const struct call *call, bool has_directory)
{
    return has_directory ? is_node((int)call->arguments[0], call->arguments[1]) : is_node(AT_FDCWD, call->arguments[0]);
}

/* True when the core serves the node here: otherwise it is the host's. */
static bool serves(void)
{
    return companions_state() == COMPANIONS_READY || companions_start();
}

bool serve_open(struct call *call)
{
    bool has_directory = call->number == SYS_openat;
    uint64_t flags = call->arguments[has_directory ? 2 : 1];
    if (!names_node(call, has_directory)) return false;
    if (companions_state() == COMPANIONS_LOST) {
        call->result = -EIO;
        return true;
    }
    if (!serves()) return false;
    if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) call->result = -EEXIST;
    else if (flags & O_DIRECTORY) call->result = -ENOTDIR;
    else call->result = companions_open();
    if (call->result >= 0 && (flags & O_CLOEXEC) == 0) RAW3(SYS_fcntl, call->result, F_SETFD, 0);
    return true;
}

bool serve_access(struct call *call)
{
    bool has_directory = call->number != SYS_access;
    if (!names_node(call, has_directory) || companions_state() == COMPANIONS_FAILED) return false;
    call->result = call->arguments[has_directory ? 2 : 1] & MAY_EXECUTE ? -EACCES : 0;
    return true;
}

bool serve_stat(struct call *call)
{
    bool has_directory = call->number == SYS_newfstatat || call->number == SYS_statx;
    if (!names_node(call, has_directory) || companions_state() == COMPANIONS_FAILED) return false;
    bool written;
    if (call->number == SYS_statx) {
        struct statx status = {.stx_mask = STATX_TYPE | STATX_MODE | STATX_NLINK, .stx_mode = NODE_MODE, .stx_nlink = 1, .stx_blksize = 4096,
            .stx_rdev_major = NODE_MAJOR, .stx_rdev_minor = NODE_MINOR};
        written = raw_write_memory(call->arguments[4], &status, sizeof status);
    } else {
        struct kernel_stat status = {.links = 1, .mode = NODE_MODE, .block_size = 4096, .node_device = makedev(NODE_MAJOR, NODE_MINOR)};
        written = raw_write_memory(call->arguments[has_directory ? 2 : 1], &status, sizeof status);
    }
    call->result = written ? 0 : -EFAULT;
    return true;
}

/* A program that looks where it is must not find the loader. */
bool serve_readlink(struct call *call)
{
    bool has_directory = call->number == SYS_readlinkat;
    char path[32];
    if (!raw_read_text(path, call->arguments[has_directory], sizeof path) || !raw_equal(path, "/proc/self/exe")) return false;
    uint64_t length = strlen(program_path), room = call->arguments[has_directory ? 3 : 2];
    if (length > room) length = room;
    call->result = raw_write_memory(call->arguments[has_directory ? 2 : 1], program_path, length) ? (long)length : -EFAULT;
    return true;
}

static bool is_ours(uint64_t descriptor, struct kernel_stat *status)
{
    return companions_device() != 0 && RAW2(SYS_fstat, (int)descriptor, status) == 0 && status->device == companions_device();
}

bool serve_close(struct call *call)
{
    struct kernel_stat status;
    if (companions_state() != COMPANIONS_READY) return false;
    bool is_range = call->number == SYS_close_range, is_copy = call->number == SYS_dup2 || call->number == SYS_dup3;
    if (!is_range && !is_ours(call->arguments[is_copy], &status)) return false;
    call->result = call_forward(call);
    if (call->result >= 0) companions_closed();
    return true;
}

bool serve_ioctl(struct call *call)
{
    struct kernel_stat status;
    if (!is_ours(call->arguments[0], &status)) return false;
    if (companions_state() != COMPANIONS_READY) {
        call->result = -EIO;
        return true;
    }
    struct companions_object object = companions_find(status.device, status.inode);
    if (object.number == 0) return false;
    uint32_t request = (uint32_t)call->arguments[1];
    call->result = request == KVM_RUN && object.attention != NULL ? companions_run(object, call->arguments[2], *call_mask(call))
                                                                 : companions_call(object.number, request, call->arguments[2]);
    return true;
}
