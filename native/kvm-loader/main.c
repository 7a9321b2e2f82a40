/* vitrine-kvm-loader FILE NAME ARGUMENTS...: runs a static program with /dev/kvm served. It is mapped into this process, and its system calls for KVM are caught. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/rseq.h>
#include <unistd.h>

#include "../common/before_threads.h"
#include "call.h"
#include "companions.h"
#include "image.h"
#include "stack.h"

enum { FAILED = 72, MAXIMUM_SCRIPTS = 5, LINE = 256, RSEQ_BYTES = 32 };

char program_path[4096], loader_path[4096];

static int fail(const char *path, const char *reason)
{
    fprintf(stderr, "vitrine: The program '%s' can't be loaded: %s. It is no static program for x86-64 Linux, or its file is damaged.\n", path, reason);
    return FAILED;
}

/* Puts a script's interpreter, and its one argument, before the arguments, as execve(2) does. Returns the arguments, or NULL when it is none. */
static char **expand_script(const char *path, char **arguments, int count)
{
    char line[LINE] = "";
    FILE *file = fopen(path, "re");
    size_t bytes = file == NULL ? 0 : fread(line, 1, sizeof line - 1, file);
    if (file != NULL) fclose(file);
    if (bytes < 3 || line[0] != '#' || line[1] != '!') return NULL;
    line[strcspn(line, "\n")] = '\0';
    char *interpreter = line + 2 + strspn(line + 2, " \t");
    size_t length = strcspn(interpreter, " \t");
    char *option = interpreter + length + strspn(interpreter + length, " \t");
    for (size_t end = strlen(option); end > 0 && (option[end - 1] == ' ' || option[end - 1] == '\t'); end--) option[end - 1] = '\0';
    interpreter[length] = '\0';
    char **expanded = calloc((size_t)count + 3, sizeof *expanded);
    if (expanded == NULL) return NULL;
    int used = 0;
    expanded[used++] = strdup(interpreter);
    if (option[0] != '\0') expanded[used++] = strdup(option);
    expanded[used++] = strdup(path);
    for (int n = 1; n < count; n++) expanded[used++] = arguments[n];
    return expanded;
}

/* The C library of the program registers one of its own. */
static void give_up_rseq(void)
{
    char *area = (char *)__builtin_thread_pointer() + __rseq_offset;
    if (__rseq_size > 0) syscall(SYS_rseq, area, RSEQ_BYTES, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
}

static _Noreturn void enter(uint64_t stack, uint64_t entry)
{
    __asm__ volatile("mov %0, %%rsp\n\txor %%edx, %%edx\n\txor %%ebp, %%ebp\n\tjmp *%1" ::"r"(stack), "r"(entry) : "rdx", "memory");
    __builtin_unreachable();
}

int main(int count, char **arguments, char **environment)
{
    if (count < 3) {
        fputs("vitrine: The loader is started by `vitrine kvm`, with a program's file and its arguments.\n", stderr);
        return 64;
    }
    char *path = arguments[1], **own = arguments + 2;
    for (int scripts = 0; scripts < MAXIMUM_SCRIPTS; scripts++) {
        int own_count = 0;
        while (own[own_count] != NULL) own_count++;
        char **expanded = expand_script(path, own, own_count);
        if (expanded == NULL) break;
        own = expanded;
        path = own[0];
    }

    ssize_t length = readlink("/proc/self/exe", loader_path, sizeof loader_path - 1);
    if (length <= 0) return fail(path, "/proc is not mounted");
    if (realpath(path, program_path) == NULL) return fail(path, strerror(errno));
    struct image image;
    const char *reason;
    if (!image_map(program_path, &image, &reason)) return fail(path, reason);
    uint64_t stack = stack_build(&image, program_path, own, environment);
    if (stack == 0) return fail(path, "the host gives no memory for its stack");
    const char *name = strrchr(program_path, '/');
    prctl(PR_SET_NAME, name == NULL ? program_path : name + 1);
    give_up_rseq();
    before_threads();
    if (!companions_prepare() || !catch_calls(image.low, image.high)) return fail(path, "the host lets its system calls not be caught (seccomp)");
    enter(stack, image.entry);
}
