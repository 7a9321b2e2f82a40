#include "image.h"

#include <elf.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { PAGE = 4096, MAXIMUM_HEADERS = 64 };

/* Where position-independent programs go: apart from everything that is anywhere else. */
static const uint64_t program_base = 0x100000000000;

static uint64_t page_down(uint64_t address)
{
    return address & ~(uint64_t)(PAGE - 1);
}

static uint64_t page_up(uint64_t address)
{
    return page_down(address + PAGE - 1);
}

static int protection_of(uint32_t flags)
{
    return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0);
}

static bool map_segment(int file, const Elf64_Phdr *segment, uint64_t base)
{
    uint64_t start = base + segment->p_vaddr, offset = segment->p_offset - (start - page_down(start));
    uint64_t file_end = start + segment->p_filesz, end = start + segment->p_memsz;
    int protection = protection_of(segment->p_flags);
    if (segment->p_filesz > 0 &&
        mmap((void *)page_down(start), file_end - page_down(start), protection, MAP_PRIVATE | MAP_FIXED, file, (off_t)offset) == MAP_FAILED) {
        return false;
    }
    if (end <= file_end) return true;

    /* What the file doesn't have is zero: the rest of its last page, and pages beyond. */
    uint64_t pages = segment->p_filesz > 0 ? page_up(file_end) : page_down(start);
    if (pages > file_end && (segment->p_flags & PF_W) && segment->p_filesz > 0) memset((void *)file_end, 0, (pages < end ? pages : end) - file_end);
    return end <= pages ||
        mmap((void *)pages, page_up(end) - pages, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) != MAP_FAILED;
}

static bool map(int file, const Elf64_Ehdr *header, const Elf64_Phdr *segments, struct image *image, const char **reason)
{
    uint64_t low = UINT64_MAX, high = 0, base = header->e_type == ET_DYN ? program_base : 0;
    for (int n = 0; n < header->e_phnum; n++) {
        if (segments[n].p_type != PT_LOAD) continue;
        if (segments[n].p_vaddr + segments[n].p_memsz < segments[n].p_vaddr || segments[n].p_filesz > segments[n].p_memsz) {
            *reason = "its headers are damaged";
            return false;
        }
        if (page_down(segments[n].p_vaddr) < low) low = page_down(segments[n].p_vaddr);
        if (page_up(segments[n].p_vaddr + segments[n].p_memsz) > high) high = page_up(segments[n].p_vaddr + segments[n].p_memsz);
    }
    if (low >= high) {
        *reason = "it has nothing to load";
        return false;
    }

    /* All of it at once, so that nothing of ours is overwritten. */
    if (mmap((void *)(base + low), high - low, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0) !=
        (void *)(base + low)) {
        *reason = "the addresses that it was built for are not free";
        return false;
    }
    *image = (struct image){.low = base + low, .high = base + high, .entry = base + header->e_entry, .header_count = header->e_phnum,
        .header_bytes = header->e_phentsize};
    for (int n = 0; n < header->e_phnum; n++) {
        const Elf64_Phdr *segment = &segments[n];
        if (segment->p_type == PT_PHDR) image->headers = base + segment->p_vaddr;
        if (segment->p_type != PT_LOAD) continue;
        if (!map_segment(file, segment, base)) {
            *reason = "a segment can't be mapped";
            return false;
        }
        bool has_headers = header->e_phoff >= segment->p_offset && header->e_phoff < segment->p_offset + segment->p_filesz;
        if (has_headers && image->headers == 0) image->headers = base + segment->p_vaddr + header->e_phoff - segment->p_offset;
    }
    return true;
}

bool image_map(const char *path, struct image *image, const char **reason)
{
    Elf64_Ehdr header;
    Elf64_Phdr segments[MAXIMUM_HEADERS];
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        *reason = "its file can't be read";
        return false;
    }
    *reason = "it is no program of 64-bit x86 code";
    bool mapped = false;
    if (pread(file, &header, sizeof header, 0) == sizeof header && memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
        header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_machine == EM_X86_64 && header.e_phnum <= MAXIMUM_HEADERS &&
        header.e_phentsize == sizeof *segments) {
        ssize_t bytes = (ssize_t)(header.e_phnum * sizeof *segments);
        if (pread(file, segments, (size_t)bytes, (off_t)header.e_phoff) == bytes) mapped = map(file, &header, segments, image, reason);
    }
    close(file);
    return mapped;
}
