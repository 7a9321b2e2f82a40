/* The host's own KVM, watched: every call is the kernel's, and the core hears of it. */
#ifndef VITRINE_WATCH_H
#define VITRINE_WATCH_H

/* ioctl(2) of the C library. */
int watch_pass(int descriptor, unsigned long request, unsigned long argument);

/* The same for a request of KVM's, with the core told of its beginning and its end. */
int watch_ioctl(int descriptor, unsigned long request, unsigned long argument);

/* A file has been opened: DESCRIPTOR, which is returned. PATH, seen from DIRECTORY, may be /dev/kvm. */
int watch_opened(int directory, const char *path, int descriptor);

/* Numbers from FIRST to LAST are about to be closed. */
void watch_closing(unsigned first, unsigned last);

#endif
