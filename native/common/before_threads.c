#include "before_threads.h"

#include <fcntl.h>
#include <linux/membarrier.h>

#include "raw.h"

/* Duplicates of the program's eventfds have numbers from here on (EventDescriptor.cs). */
enum { LOWEST = 512, STANDARD_DESCRIPTORS = 3 };

void before_threads(void)
{
    /* The table stays as large as it once was. Where none of the three is open, or the limit forbids it, it grows later. */
    for (int descriptor = 0; descriptor < STANDARD_DESCRIPTORS; descriptor++) {
        long duplicate = RAW3(SYS_fcntl, descriptor, F_DUPFD_CLOEXEC, LOWEST);
        if (duplicate < 0) continue;
        RAW1(SYS_close, duplicate);
        break;
    }

    /* The core's runtime does so too, and finds it done. A kernel that refuses this refuses it there as well. */
    RAW3(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0);
}
