/* A kernel with a driver: examples/edu/edu.c, which was written for Linux, uses QEMU's edu device from a kernel on kmem.
 *
 * tests/bare/run builds it from an installation with gcc alone, and boots it:
 *
 *   flags="-O2 -fno-pic -mno-red-zone -fcf-protection=none -fno-stack-protector -DKMEM_BARE
 *          -Iinstalled/include/driver -Iinstalled/include"
 *   gcc $flags -std=gnu11 -fno-strict-aliasing -D__KERNEL__ -DMODULE -DKBUILD_MODNAME='"edu"' -c edu.c
 *   gcc $flags -c driver_kernel.c
 *   gcc -nostdlib -static -no-pie -Wl,-T,installed/share/kmem-bare/kernel.ld -Wl,-u,bare_entry32 driver_kernel.o edu.o
 *       installed/lib/libkmem-bare-driver.a installed/lib/libkmem-bare.a -lgcc -o kernel.elf
 *   qemu-system-x86_64 -nographic -device edu -kernel kernel.elf
 *
 * Headers of drivers include some of a C library's, so it is not compiled with -ffreestanding.  For the other machines see
 * kernel.c.  QEMU's arm64 machine has no memory that 28 bits reach, so there it is -device edu,dma_mask=0xffffffff.
 */
#include <linux/fs.h>
#include <linux/printk.h>

#include <kmem/driver.h>

#include "../edu/edu.h"

#ifdef __aarch64__
static const char parameters[] = "dma_bits=32";
#else
static const char parameters[] = "";
#endif

#define NR_BYTES 256

static int compute(int fd) {
  unsigned int value = 10;

  if (kmem_driver_ioctl(fd, EDU_FACTORIAL, (unsigned long)&value)) return -1;
  printk("the factorial of 10 is %u\n", value);
  return value == 3628800 ? 0 : -1;
}

/* To the device's memory by DMA, and back. */
static int copy(int fd) {
  unsigned char there[NR_BYTES], back[NR_BYTES] = {0};
  unsigned int i, wrong = 0;

  for (i = 0; i < NR_BYTES; i++) there[i] = i * 7 + 1;
  if (kmem_driver_pwrite(fd, there, NR_BYTES, 0) != NR_BYTES) return -1;
  if (kmem_driver_pread(fd, back, NR_BYTES, 0) != NR_BYTES) return -1;
  for (i = 0; i < NR_BYTES; i++) wrong += back[i] != there[i];
  printk("%u bytes to the device and back, %u of them wrong\n", NR_BYTES, wrong);
  return wrong ? -1 : 0;
}

int bare_kernel_main(void) {
  int fd, failed = kmem_driver_load(&kmem_this_module, parameters);

  if (failed) return 1;
  fd = kmem_driver_open("/dev/edu", O_RDWR);
  if (fd < 0) {
    printk("there is no edu device\n");
    return 1;
  }
  failed = compute(fd) || copy(fd);
  failed |= kmem_driver_close(fd) | kmem_driver_unload(&kmem_this_module);
  printk("%lu mistakes\n", kmem_driver_mistakes());
  return failed || kmem_driver_mistakes();
}
