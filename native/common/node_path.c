#include "node_path.h"

#include <fcntl.h>
#include <string.h>

#include "raw.h"

enum { LONGEST = 512 };

/* Looks at the last component only: all others are dismissed by it. */
static bool ends_in_kvm(const char *path)
{
    const char *name = path;
    for (const char *at = path; *at != '\0'; at++) {
        if (*at == '/') name = at + 1;
    }
    return raw_equal(name, "kvm");
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

/* The path of a directory; its length, or 0. */
static size_t directory_path(int directory, char *path, size_t bytes)
{
    if (directory == AT_FDCWD) {
        long length = RAW2(SYS_getcwd, path, bytes);
        return length <= 1 ? 0 : (size_t)length - 1;
    }
    char link[32] = "/proc/self/fd/", digits[12];
    size_t count = 0, end = strlen(link);
    if (directory < 0) return 0;
    for (int rest = directory; count == 0 || rest > 0; rest /= 10) digits[count++] = (char)('0' + rest % 10);
    while (count > 0) link[end++] = digits[--count];
    link[end] = '\0';
    long length = RAW3(SYS_readlink, link, path, bytes);
    return length <= 0 || (size_t)length >= bytes ? 0 : (size_t)length;
}

bool node_path_is(int directory, const char *path)
{
    if (raw_equal(path, NODE_PATH)) return true;
    if (!ends_in_kvm(path)) return false;
    char full[2 * LONGEST];
    size_t used = 0, length = strlen(path);
    if (path[0] != '/') {
        used = directory_path(directory, full, LONGEST);
        if (used == 0) return false;
    }
    if (length >= LONGEST) return false;
    full[used] = '/';
    memcpy(full + used + 1, path, length + 1);
    normalise(full);
    return raw_equal(full, NODE_PATH);
}
