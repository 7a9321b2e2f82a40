/* Files of a memory file system: many small ones opened, looked at and read; and a large one read in pieces. */
#include "program.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES = 64, SMALL = 3000, LARGE = 16 << 20, PIECE = 16 << 10, ROUNDS = 400 };

static uint8_t buffer[PIECE];

static void path_of(char *path, int i) { sprintf(path, "file-%d", i); }

static int open_or_die(const char *path, int flags)
{
    int file = open(path, flags, 0644);
    if (file < 0) die(path);
    return file;
}

static void fill(const char *path, int bytes)
{
    uint64_t state = 109;
    int file = open_or_die(path, O_WRONLY | O_CREAT | O_TRUNC);
    for (int left = bytes; left > 0; left -= PIECE) {
        for (int i = 0; i < PIECE; i++) buffer[i] = (uint8_t)next_random(&state);
        int count = left < PIECE ? left : PIECE;
        if (write(file, buffer, (size_t)count) != count) die("write");
    }
    close(file);
}

static void prepare_small(void)
{
    char path[32];
    for (int i = 0; i < FILES; i++) {
        path_of(path, i);
        fill(path, SMALL);
    }
}

static uint64_t run_small(void)
{
    char path[32];
    uint64_t sum = 0;
    for (int round = 0; round < ROUNDS; round++)
        for (int i = 0; i < FILES; i++) {
            struct stat status;
            path_of(path, i);
            int file = open_or_die(path, O_RDONLY);
            if (fstat(file, &status) != 0 || read(file, buffer, PIECE) != status.st_size) die("read");
            close(file);
            sum = mix(sum, buffer[(i * 31 + round) % SMALL]);
        }
    for (int i = 0; i < FILES; i++) {
        path_of(path, i);
        unlink(path);
    }
    return sum;
}

static void prepare_large(void)
{
    fill("file", LARGE);
}

static uint64_t run_large(void)
{
    uint64_t sum = 0;
    int file = open_or_die("file", O_RDONLY);
    for (int round = 0; round < 60; round++) {
        ssize_t count;
        if (lseek(file, 0, SEEK_SET) != 0) die("lseek");
        while ((count = read(file, buffer, PIECE)) > 0) sum = mix(sum, buffer[count - 1 - round]);
    }
    close(file);
    unlink("file");
    return sum;
}

const struct program files_small = { .name = "files-small", .prepare = prepare_small, .run = run_small };
const struct program files_large = { .name = "files-large", .prepare = prepare_large, .run = run_large };
