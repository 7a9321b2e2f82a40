/* Times a command. Its output goes into a file; the checksum is that of the file. */
#include "measure.h"
#include "program.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static uint64_t checksum_of(int file)
{
    static uint8_t buffer[64 << 10];
    uint64_t sum = 0;
    ssize_t count;
    if (lseek(file, 0, SEEK_SET) != 0) die("lseek");
    while ((count = read(file, buffer, sizeof buffer)) > 0)
        for (ssize_t i = 0; i < count; i++) sum = mix(sum, buffer[i]);
    if (count < 0) die("read");
    return sum;
}

int stopwatch(int count, char **arguments)
{
    (void)count;
    const char *name = arguments[0];
    int output = open("output", O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (output < 0) die("output");

    double start = begin(name);
    pid_t child = fork();
    if (child < 0) die("fork");
    if (child == 0) {
        dup2(output, STDOUT_FILENO);
        execv(arguments[1], arguments + 1);
        _exit(127);
    }
    int status;
    if (waitpid(child, &status, 0) != child) die("wait");
    double elapsed = done(name, start);

    if (status) {
        fprintf(stderr, "%s: status 0x%x\n", arguments[1], status);
        return 1;
    }
    report(name, elapsed, checksum_of(output));
    unlink("output");
    return 0;
}
