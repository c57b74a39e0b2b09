/* Nothing to define: <linux/tracepoint.h>. */
