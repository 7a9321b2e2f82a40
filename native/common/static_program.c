#include "static_program.h"

#include <elf.h>
#include <fcntl.h>

#include "raw.h"

enum { MAXIMUM_SCRIPTS = 5, LINE = 256, HEADERS = 64 };

union start {
    Elf64_Ehdr header;
    char text[LINE];
};

static bool is_static(const Elf64_Ehdr *header, long file)
{
    if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64 || header->e_phentsize != sizeof(Elf64_Phdr)) return false;
    for (int n = 0; n < header->e_phnum && n < HEADERS; n++) {
        Elf64_Phdr segment;
        if (RAW4(SYS_pread64, file, &segment, sizeof segment, header->e_phoff + (uint64_t)n * sizeof segment) != sizeof segment) return false;
        if (segment.p_type == PT_INTERP) return false;
    }
    return true;
}

/* The interpreter that a script's first line names. False when the file is no script. */
static bool read_interpreter(const union start *start, char *path)
{
    const char *from = start->text + 2, *end = start->text + LINE - 1;
    size_t length = 0;
    if (start->text[0] != '#' || start->text[1] != '!') return false;
    while (from < end && (*from == ' ' || *from == '\t')) from++;
    for (; from < end && *from != '\0' && *from != ' ' && *from != '\t' && *from != '\n'; from++) path[length++] = *from;
    path[length] = '\0';
    return length > 0;
}

bool static_program_is_at(const char *path)
{
    char interpreter[LINE];
    for (int scripts = 0; scripts < MAXIMUM_SCRIPTS; scripts++) {
        union start start = {0};
        long file = RAW4(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
        if (file < 0) return false;
        long bytes = RAW4(SYS_pread64, file, &start, sizeof start - 1, 0);
        bool is_elf = bytes >= (long)sizeof start.header && *(const uint32_t *)start.text == *(const uint32_t *)ELFMAG;
        bool found = is_elf && is_static(&start.header, file);
        RAW1(SYS_close, file);
        if (is_elf || !read_interpreter(&start, interpreter)) return found;
        path = interpreter;
    }
    return false;
}
