#include "host_threads.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAXIMUM = 1024 };

static volatile uint32_t numbers[MAXIMUM];

static uint32_t this_thread(void)
{
    return (uint32_t)RAW1(SYS_gettid, 0);
}

static bool is_known(uint32_t number)
{
    for (int n = 0; n < MAXIMUM; n++) {
        if (__atomic_load_n(&numbers[n], __ATOMIC_RELAXED) == number) return true;
    }
    return false;
}

static bool replace(uint32_t one, uint32_t other)
{
    for (int n = 0; n < MAXIMUM; n++) {
        uint32_t expected = one;
        if (__atomic_load_n(&numbers[n], __ATOMIC_RELAXED) == one &&
            __atomic_compare_exchange_n(&numbers[n], &expected, other, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
            return true;
        }
    }
    return false;
}

bool host_thread_is_this(void)
{
    return is_known(this_thread());
}

void host_thread_begins(void)
{
    replace(0, this_thread());
}

void host_thread_ends(void)
{
    replace(this_thread(), 0);
}

/* What /proc says of the process's first thread, behind its name: "Z 1 ... 0". Its last number is the status as wait(2) has it. */
static bool read_leader(char *text, size_t bytes)
{
    int file = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
    ssize_t length = file < 0 ? 0 : pread(file, text, bytes - 1, 0);
    if (file >= 0) close(file);
    if (length <= 0) return false;
    text[length] = '\0';
    const char *name_end = strrchr(text, ')');
    if (name_end == NULL || name_end[1] == '\0') return false;
    memmove(text, name_end + 2, strlen(name_end + 2) + 1);
    return true;
}

bool host_threads_have_company(void)
{
    char leader[1024];
    if (!read_leader(leader, sizeof leader) || leader[0] != 'Z') return true;
    DIR *threads = opendir("/proc/self/task");
    if (threads == NULL) return true;
    bool company = false;
    uint32_t process = (uint32_t)getpid();
    for (struct dirent *entry; !company && (entry = readdir(threads)) != NULL;) {
        uint32_t number = (uint32_t)strtoul(entry->d_name, NULL, 10);
        company = number != 0 && number != process && !is_known(number);
    }
    closedir(threads);
    return company;
}

int host_threads_leaders_status(void)
{
    char leader[1024];
    if (!read_leader(leader, sizeof leader)) return 0;
    const char *last = strrchr(leader, ' ');
    return last == NULL ? 0 : atoi(last + 1) >> 8 & 0xFF;
}
