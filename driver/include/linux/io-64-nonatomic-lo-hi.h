/* Here every machine has readq() and writeq(). */
#include <linux/io.h>
