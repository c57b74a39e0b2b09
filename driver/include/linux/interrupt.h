#ifndef KMEM_LINUX_INTERRUPT_H
#define KMEM_LINUX_INTERRUPT_H
/* Handlers of interrupts, and tasklets: functions that run soon, in a softirq, each at most once at a time.  Here one thread
 * runs all handlers, one all tasklets; a threaded handler has a thread of its own.
 *
 * A handler runs in an interrupt: in_hardirq() is true, interrupts are off, it must not sleep.  A line is raised by a simulated
 * device (<kmem/simulated.h>) and handled until it is lowered, an edge once.  A line that is disabled, or whose IRQF_ONESHOT
 * thread still runs, waits; an edge is remembered meanwhile.
 *
 * Requesting and freeing a line, disable_irq() and the synchronize_ forms: task context.  The rest, and scheduling and
 * disabling tasklets without waiting: any context; tasklet_kill(): task context.
 * Meaning: the kernel's <linux/interrupt.h>. */
#include <asm/processor.h>
#include <linux/container_of.h>
#include <linux/hardirq.h>
#include <linux/irqflags.h>
#include <linux/preempt.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/types.h>

struct tasklet_struct {
  struct tasklet_struct* next;
  unsigned long state; /* bit 0: scheduled, bit 1: runs */
  int kmem_count;      /* nested disables */
  bool use_callback;
  union {
    void (*func)(unsigned long data);
    void (*callback)(struct tasklet_struct* tasklet);
  };
  unsigned long data;
};
enum { TASKLET_STATE_SCHED, TASKLET_STATE_RUN };

KMEM_BEGIN_C
/** Which line does a device raise?  Between the two the driver makes it raise one that has no handler.  The second gives that
 *  line; 0: none came; negative: several did.  `probe_irq_mask()` ends it too, and gives nothing, as no line has a number
 *  below 16. */
KMEM_API unsigned long probe_irq_on(void) KMEM_DRIVER_NAME(probe_irq_on);
KMEM_API int probe_irq_off(unsigned long probed) KMEM_DRIVER_NAME(probe_irq_off);
KMEM_API unsigned int probe_irq_mask(unsigned long probed) KMEM_DRIVER_NAME(probe_irq_mask);

KMEM_API void tasklet_init(struct tasklet_struct* tasklet, void (*function)(unsigned long), unsigned long data)
    KMEM_DRIVER_NAME(tasklet_init);
KMEM_API void tasklet_setup(struct tasklet_struct* tasklet, void (*callback)(struct tasklet_struct*))
    KMEM_DRIVER_NAME(tasklet_setup);
KMEM_API void tasklet_schedule(struct tasklet_struct* tasklet) KMEM_DRIVER_NAME(tasklet_schedule);
/** Before those of tasklet_schedule(). */
KMEM_API void tasklet_hi_schedule(struct tasklet_struct* tasklet) KMEM_DRIVER_NAME(tasklet_hi_schedule);
/** The tasklet does not run until it is enabled as often; the first form also waits until it does not run. */
KMEM_API void tasklet_disable(struct tasklet_struct* tasklet) KMEM_DRIVER_NAME(tasklet_disable);
KMEM_API void tasklet_disable_nosync(struct tasklet_struct* tasklet) KMEM_DRIVER_NAME(tasklet_disable_nosync);
KMEM_API void tasklet_enable(struct tasklet_struct* tasklet) KMEM_DRIVER_NAME(tasklet_enable);
KMEM_API void tasklet_unlock_wait(struct tasklet_struct* tasklet) KMEM_DRIVER_NAME(tasklet_unlock_wait);
/** Waits until it has run, if it is scheduled, and does not run.  May sleep. */
KMEM_API void tasklet_kill(struct tasklet_struct* tasklet) KMEM_DRIVER_NAME(tasklet_kill);
KMEM_END_C

/* By two arguments since 5.9, by three before. */
#define DECLARE_TASKLET(...) KMEM_TASKLET_PICK_(__VA_ARGS__, KMEM_TASKLET_3_, KMEM_TASKLET_2_, 0)(__VA_ARGS__)
#define KMEM_TASKLET_PICK_(a, b, c, name, ...) name
#define KMEM_TASKLET_3_(name, function, old_data) struct tasklet_struct name = {NULL, 0, 0, false, {function}, old_data}
#ifdef __cplusplus
#define KMEM_TASKLET_2_(name, function) struct tasklet_struct name = {NULL, 0, 0, true, {.callback = function}, 0}
#define DECLARE_TASKLET_DISABLED(name, function) struct tasklet_struct name = {NULL, 0, 1, true, {.callback = function}, 0}
#else
#define KMEM_TASKLET_2_(name, function) struct tasklet_struct name = {.use_callback = true, .callback = function}
#define DECLARE_TASKLET_DISABLED(name, function) \
  struct tasklet_struct name = {.kmem_count = 1, .use_callback = true, .callback = function}
#endif
#define DECLARE_TASKLET_OLD(name, function) KMEM_TASKLET_3_(name, function, 0)
#define from_tasklet(variable, tasklet, member) container_of(tasklet, __typeof__(*(variable)), member)

enum irqreturn { IRQ_NONE = 0, IRQ_HANDLED = 1, IRQ_WAKE_THREAD = 2 };
typedef enum irqreturn irqreturn_t;
#define IRQ_RETVAL(handled) ((handled) ? IRQ_HANDLED : IRQ_NONE)

typedef irqreturn_t (*irq_handler_t)(int irq, void* dev_id);
struct device;
struct cpumask;

#define IRQF_TRIGGER_NONE 0x00000000
#define IRQF_TRIGGER_RISING 0x00000001
#define IRQF_TRIGGER_FALLING 0x00000002
#define IRQF_TRIGGER_HIGH 0x00000004
#define IRQF_TRIGGER_LOW 0x00000008
#define IRQF_TRIGGER_MASK (IRQF_TRIGGER_HIGH | IRQF_TRIGGER_LOW | IRQF_TRIGGER_RISING | IRQF_TRIGGER_FALLING)
#define IRQF_TRIGGER_PROBE 0x00000010
#define IRQF_SHARED 0x00000080
#define IRQF_PROBE_SHARED 0x00000100
#define IRQF_TIMER 0x00014200
#define IRQF_PERCPU 0x00000400
#define IRQF_NOBALANCING 0x00000800
#define IRQF_IRQPOLL 0x00001000
#define IRQF_ONESHOT 0x00002000
#define IRQF_NO_SUSPEND 0x00004000
#define IRQF_NO_THREAD 0x00010000
#define IRQF_NO_AUTOEN 0x00080000
#define IRQ_NOTCONNECTED (1U << 31)

KMEM_BEGIN_C
/** handler(irq, dev_id) is called for each interrupt, in the interrupt; if it returns IRQ_WAKE_THREAD, thread_fn(irq, dev_id)
 *  is called in a thread that may sleep. One of the two may be NULL. 0; -EINVAL: there is no such line, or the arguments are
 *  invalid: a shared line without dev_id, no handler and no IRQF_ONESHOT (allowed for a message); -EBUSY: the line is taken and
 *  not shared by both, or the flags differ; -ENOMEM. */
KMEM_MUST_CHECK KMEM_API int request_threaded_irq(unsigned int irq, irq_handler_t handler, irq_handler_t thread_fn,
                                                  unsigned long flags, const char* name, void* dev_id)
    KMEM_DRIVER_NAME(request_threaded_irq);
KMEM_MUST_CHECK static inline int request_irq(unsigned int irq, irq_handler_t handler, unsigned long flags, const char* name,
                                              void* dev_id) {
  return request_threaded_irq(irq, handler, NULL, flags, name, dev_id);
}
/** Waits until neither the handler nor its thread runs; they are not called again. Returns the name passed when requesting. */
KMEM_API const void* free_irq(unsigned int irq, void* dev_id) KMEM_DRIVER_NAME(free_irq);
/** Managed: freed with the device's other resources, or by devm_free_irq(). name: NULL for the device's. */
KMEM_MUST_CHECK KMEM_API int devm_request_threaded_irq(struct device* dev, unsigned int irq, irq_handler_t handler,
                                                       irq_handler_t thread_fn, unsigned long flags, const char* name,
                                                       void* dev_id) KMEM_DRIVER_NAME(devm_request_threaded_irq);
KMEM_MUST_CHECK static inline int devm_request_irq(struct device* dev, unsigned int irq, irq_handler_t handler,
                                                   unsigned long flags, const char* name, void* dev_id) {
  return devm_request_threaded_irq(dev, irq, handler, NULL, flags, name, dev_id);
}
KMEM_API void devm_free_irq(struct device* dev, unsigned int irq, void* dev_id) KMEM_DRIVER_NAME(devm_free_irq);
/** No handler of the line is called until it is enabled as often; disable_irq() waits until none runs, nor its thread. */
KMEM_API void disable_irq(unsigned int irq) KMEM_DRIVER_NAME(disable_irq);
KMEM_API void disable_irq_nosync(unsigned int irq) KMEM_DRIVER_NAME(disable_irq_nosync);
KMEM_API bool disable_hardirq(unsigned int irq) KMEM_DRIVER_NAME(disable_hardirq);
KMEM_API void enable_irq(unsigned int irq) KMEM_DRIVER_NAME(enable_irq);
/** Waits until no handler of the line runs, nor its thread; the second form, for handlers alone, says whether no thread
 * runs. */
KMEM_API void synchronize_irq(unsigned int irq) KMEM_DRIVER_NAME(synchronize_irq);
KMEM_API bool synchronize_hardirq(unsigned int irq) KMEM_DRIVER_NAME(synchronize_hardirq);
KMEM_API bool irq_has_action(unsigned int irq) KMEM_DRIVER_NAME(irq_has_action);
KMEM_API void irq_wake_thread(unsigned int irq, void* dev_id) KMEM_DRIVER_NAME(irq_wake_thread);
/* No effect: the handling thread is not bound to a CPU, and the machine does not sleep. */
static inline int irq_set_affinity_hint(unsigned int irq, const struct cpumask* mask) { return (void)irq, (void)mask, 0; }
static inline int irq_set_affinity_and_hint(unsigned int irq, const struct cpumask* mask) { return (void)irq, (void)mask, 0; }
static inline int enable_irq_wake(unsigned int irq) { return (void)irq, 0; }
static inline int disable_irq_wake(unsigned int irq) { return (void)irq, 0; }
KMEM_END_C
#endif
