/* Kernel code has no streams: code that includes this header needs only printf() into memory. */
