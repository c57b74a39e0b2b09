/*
 * Uses /dev/edu as a program does: whatever is behind it, QEMU's device or a
 * simulation, the answers are the same.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "edu.h"

#define CHECK(condition)                                                       \
        do {                                                                   \
                if (condition)                                                 \
                        break;                                                 \
                fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__,     \
                        #condition);                                           \
                exit(1);                                                       \
        } while (0)

static __u32 ask(int fd, unsigned long command, __u32 value)
{
        CHECK(ioctl(fd, command, &value) == 0);
        return value;
}

static void transfer(int fd)
{
        static char out[EDU_BUFFER_SIZE], in[EDU_BUFFER_SIZE];
        unsigned int i;

        for (i = 0; i < sizeof(out); i++)
                out[i] = (char)(i * 7 + i / 256);
        CHECK(pwrite(fd, out, sizeof(out), 0) == sizeof(out));
        CHECK(pread(fd, in, sizeof(in), 0) == sizeof(in));
        CHECK(memcmp(in, out, sizeof(in)) == 0);
        CHECK(pwrite(fd, "middle", 6, 1000) == 6);
        CHECK(pread(fd, in, 10, 998) == 10);
        CHECK(memcmp(in, out + 998, 2) == 0 &&
              memcmp(in + 2, "middle", 6) == 0);
        CHECK(pread(fd, in, 10, EDU_BUFFER_SIZE - 4) == 4);
        CHECK(pread(fd, in, 10, EDU_BUFFER_SIZE) == 0);
        CHECK(pwrite(fd, in, 10, EDU_BUFFER_SIZE) == -1);
}

int main(void)
{
        int fd = open("/dev/edu", O_RDWR);

        CHECK(fd >= 0);
        CHECK(ask(fd, EDU_LIVENESS, 0x12345678) == ~0x12345678u);
        CHECK(ask(fd, EDU_FACTORIAL, 0) == 1);
        CHECK(ask(fd, EDU_FACTORIAL, 5) == 120);
        CHECK(ask(fd, EDU_FACTORIAL, 12) == 479001600);
        transfer(fd);
        CHECK(ask(fd, EDU_INTERRUPTS, 0) >= 8);
        close(fd);
        puts("edu: all as it should be");
        return 0;
}
