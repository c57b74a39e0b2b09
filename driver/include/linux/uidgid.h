#include <linux/cred.h>
