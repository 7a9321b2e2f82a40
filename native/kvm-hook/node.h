/* The path and the attributes of the device node. */
#ifndef VITRINE_NODE_H
#define VITRINE_NODE_H

#include <stdbool.h>
#include <sys/stat.h>

#include "../common/node_path.h"

/* True when the path, seen from a directory's descriptor (or AT_FDCWD), means /dev/kvm, and KVM is to be served here. */
bool node_is_at(int directory, const char *path);

/* What a node that everybody may read and write has. */
void node_describe(struct stat *status);
void node_describe_extended(struct statx *status);

#endif
