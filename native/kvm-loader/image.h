/* A static program's ELF file, mapped into this process. */
#ifndef VITRINE_IMAGE_H
#define VITRINE_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

struct image {
    uint64_t low, high; /* all of its pages */
    uint64_t entry;
    uint64_t headers; /* address of the program headers, their number and size */
    uint64_t header_count, header_bytes;
};

/* False when it can't be mapped, with the reason. */
bool image_map(const char *path, struct image *image, const char **reason);

#endif
