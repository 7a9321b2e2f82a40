/* The device node by its path. */
#ifndef VITRINE_NODE_PATH_H
#define VITRINE_NODE_PATH_H

#include <stdbool.h>

#define NODE_PATH "/dev/kvm"

/* What stat(2) says of it. */
enum { NODE_MAJOR = 10, NODE_MINOR = 232, NODE_MODE = 0020666 };

/* True when a path, seen from a directory's descriptor (or AT_FDCWD), means /dev/kvm. Symbolic links are not followed. Safe in signal handlers. */
bool node_path_is(int directory, const char *path);

#endif
