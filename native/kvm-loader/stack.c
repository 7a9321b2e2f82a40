#include "stack.h"

#include <elf.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum { MINIMUM = 8 << 20, MAXIMUM_VECTORS = 64 };

static uint64_t stack_bytes(void)
{
    struct rlimit limit;
    uint64_t most = (uint64_t)1 << 30;
    if (getrlimit(RLIMIT_STACK, &limit) != 0 || limit.rlim_cur < MINIMUM) return MINIMUM;
    return (limit.rlim_cur < most ? limit.rlim_cur : most) & ~(uint64_t)0xFFFF;
}

static char *push_text(char *top, const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(top - bytes, text, bytes);
}

static uint64_t count_of(char **texts)
{
    uint64_t count = 0;
    while (texts[count] != NULL) count++;
    return count;
}

static uint64_t replaced(const struct image *image, const Elf64_auxv_t *vector, const char *path)
{
    switch (vector->a_type) {
        case AT_PHDR: return image->headers;
        case AT_PHENT: return image->header_bytes;
        case AT_PHNUM: return image->header_count;
        case AT_ENTRY: return image->entry;
        case AT_BASE: return 0;
        case AT_EXECFN: return (uint64_t)path;
        default: return vector->a_un.a_val;
    }
}

uint64_t stack_build(const struct image *image, const char *path, char **arguments, char **environment)
{
    uint64_t bytes = stack_bytes(), argument_count = count_of(arguments), variable_count = count_of(environment);
    char *low = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (low == MAP_FAILED) return 0;

    /* Texts at the top, the table with their addresses below, counted first. */
    uint64_t text_bytes = strlen(path) + 1;
    for (uint64_t n = 0; n < argument_count; n++) text_bytes += strlen(arguments[n]) + 1;
    for (uint64_t n = 0; n < variable_count; n++) text_bytes += strlen(environment[n]) + 1;
    uint64_t words = 1 + argument_count + 1 + variable_count + 1 + 2 * MAXIMUM_VECTORS;
    if (text_bytes + words * 8 + 64 > bytes / 2) return 0;
    char *top = low + bytes - 16;
    char *file_name = top = push_text(top, path);
    uint64_t *table = (uint64_t *)(((uint64_t)top - (text_bytes - strlen(path)) - words * 8) & ~(uint64_t)15), *next = table;
    *next++ = argument_count;
    for (uint64_t n = 0; n < argument_count; n++) *next++ = (uint64_t)(top = push_text(top, arguments[n]));
    *next++ = 0;
    for (uint64_t n = 0; n < variable_count; n++) *next++ = (uint64_t)(top = push_text(top, environment[n]));
    *next++ = 0;

    /* The kernel's vectors for us follow our environment. */
    const Elf64_auxv_t *vector = (const Elf64_auxv_t *)(environment + variable_count + 1);
    for (int n = 0; n < MAXIMUM_VECTORS - 1 && vector->a_type != AT_NULL; n++, vector++) {
        *next++ = vector->a_type;
        *next++ = replaced(image, vector, file_name);
    }
    *next++ = AT_NULL;
    *next++ = 0;
    return (uint64_t)table;
}
