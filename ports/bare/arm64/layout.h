/* Numbers that assembler and C++ share; the others are in bare.h. */
#ifndef BARE_ARM64_LAYOUT_H
#define BARE_ARM64_LAYOUT_H

#define BARE_IMAGE 0x10000000000  /* where the image is linked: kernel.ld */
#define BARE_FIXED 0x230000000000 /* bare::kFixed */
#define BARE_EXCEPTION_STACK 8192 /* bytes, of each CPU */
#define BARE_FRAME 832            /* bytes of bare::SavedRegisters */

#endif
