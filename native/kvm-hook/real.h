/* The functions of the C library that the hook stands in front of. */
#ifndef VITRINE_REAL_H
#define VITRINE_REAL_H

#include <dlfcn.h>

#define EXPORT __attribute__((visibility("default")))

/* Declares NAME_real(), which finds the next definition of NAME. Looked up again at each call until found, and cheap afterwards. */
#define REAL(result, name, ...) \
    static result (*name##_real(void))(__VA_ARGS__) \
    { \
        static result (*found)(__VA_ARGS__); \
        result (*function)(__VA_ARGS__) = __atomic_load_n(&found, __ATOMIC_RELAXED); \
        if (function == NULL) { \
            *(void **)&function = dlsym(RTLD_NEXT, #name); \
            __atomic_store_n(&found, function, __ATOMIC_RELAXED); \
        } \
        return function; \
    }

#endif
