/* A driver for a small card that fills buffers: it finds the device, maps its registers, runs the card's protocol, unmaps.
 *
 *   device               the card is simulated in this program
 *   device SYSFS PHYS    registers of a function in a tree of files laid out as /sys: mapped, identified, the doorbell rung
 *
 * The card's registers:
 *   0x00  ID        read: 0x4b4d4331
 *   0x08  RING      the physical address of a descriptor, 64 bits
 *   0x10  DOORBELL  any write: work on the descriptor
 *   0x14  STATUS    1: done */
#include <kmem/device.h>
#include <linux/io.h>
#include <linux/ioport.h>
#include <linux/slab.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ID = 0x00, RING = 0x08, DOORBELL = 0x10, STATUS = 0x14, REGISTERS = 0x20, CARD_ID = 0x4b4d4331 };

/* What driver and card share, in memory that the card can reach. */
struct descriptor {
  u64 buffer; /* physical */
  u32 bytes;
  u32 written;
};

/* The driver ------------------------------------------------------------------------------------------------------------ */

static int fill_by_card(char* registers, char* buffer, u32 bytes) {
  struct descriptor* work = kzalloc(sizeof *work, GFP_KERNEL | GFP_DMA);
  if (!work) return 0;
  work->buffer = virt_to_phys(buffer);
  work->bytes = bytes;
  writeq(virt_to_phys(work), registers + RING);
  wmb(); /* the descriptor is whole before the card looks */
  writel(1, registers + DOORBELL);
  while (readl(registers + STATUS) != 1) continue;
  rmb();
  const u32 written = work->written;
  kfree(work);
  return written == bytes;
}

static int drive(phys_addr_t physical, int has_card_behind) {
  if (!request_mem_region(physical, REGISTERS, "example")) return puts("BAD: somebody has the registers"), 1;
  char* registers = ioremap(physical, REGISTERS);
  if (!registers) {
    release_mem_region(physical, REGISTERS);
    return puts("the registers cannot be mapped"), 1;
  }
  int good = readl(registers + ID) == CARD_ID;
  printf("the card says %08x\n", readl(registers + ID));
  if (good && has_card_behind) {
    char* buffer = kmalloc(4096, GFP_KERNEL | GFP_DMA);
    good = buffer && fill_by_card(registers, buffer, 4096) && buffer[0] == 'k' && buffer[4095] == 'k';
    printf("the card %s the buffer\n", good ? "filled" : "did NOT fill");
    kfree(buffer);
  } else if (good) {
    writel(1, registers + DOORBELL);
  }
  iounmap(registers);
  release_mem_region(physical, REGISTERS);
  return good ? 0 : (puts("BAD"), 1);
}

/* The card --------------------------------------------------------------------------------------------------------------- */

struct card {
  u64 ring;
  u32 status;
};

static unsigned long long read_register(void* device, size_t offset, unsigned bytes) {
  const struct card* card = device;
  if (bytes != 4) return ~0ull;
  return offset == ID ? CARD_ID : offset == STATUS ? card->status : 0;
}

/* A card knows physical addresses only. */
static void work_on(struct card* card) {
  struct descriptor* work = phys_to_virt(card->ring);
  memset(phys_to_virt(work->buffer), 'k', work->bytes);
  work->written = work->bytes;
  card->status = 1;
}

static void write_register(void* device, size_t offset, unsigned bytes, unsigned long long value) {
  struct card* card = device;
  if (offset == RING && bytes == 8) card->ring = value;
  if (offset == DOORBELL && bytes == 4) work_on(card);
}

int main(int argc, char** argv) {
  if (argc == 3) {
    kmem_set_sysfs(argv[1]);
    return drive(strtoull(argv[2], NULL, 0), 0);
  }
  static const struct kmem_device_ops kOps = {read_register, write_register};
  const phys_addr_t physical = 0xfe000000;
  struct card card = {0, 0};
  if (kmem_register_simulated_device("card", physical, 4096, &kOps, &card)) return 1;
  const int result = drive(physical, 1);
  kmem_unregister_device(physical);
  return result;
}
